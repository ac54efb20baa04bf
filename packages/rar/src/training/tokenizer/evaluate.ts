/** How well a tokenizer gives pictures back, and how many of its codes it uses. */
import * as torch from "libtorch";
import { type CodeUsage, codeUsage } from "./codebook.js";
import type { Pictures } from "./pictures.js";
import type { TokenizerTrainer } from "./tokenizer-trainer.js";

export interface Reconstruction extends Partial<CodeUsage> {
  readonly images: number;
  /** Mean over the pictures of their PSNR in decibels; pixels clamped to [0, 1], not rounded to bytes. */
  readonly psnr: number;
  /** PSNR of the mean squared error over all pictures. */
  readonly psnrOfMean: number;
  readonly l1: number;
}

/** A picture that comes back exactly counts as this: its own PSNR would be infinite. */
const mostPsnr = 100;

/** @param indices - which pictures */
export function evaluateTokenizer(
  trainer: TokenizerTrainer,
  pictures: Pictures,
  indices: readonly number[],
  batch: number,
): Reconstruction {
  const errors: number[] = [];
  let l1 = 0;
  const counts = new Float64Array(trainer.config.codebookSize);
  for (let at = 0; at < indices.length; at += batch)
    torch.noGrad(() =>
      torch.scope(() => {
        const images = pictures.plain(indices.slice(at, at + batch));
        const { pixels, codes } = trainer.reconstruct(images);
        const gap = torch.sub(pixels, images);
        errors.push(...torch.numbers(torch.mean(torch.mul(gap, gap), [1, 2, 3])));
        l1 += torch.item(torch.mean(torch.abs(gap))) * images.shape[0]!;
        if (codes === undefined) return;
        for (const code of torch.numbers(codes)) counts[code]!++;
      }),
    );
  const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const psnr = (error: number): number => Math.min(mostPsnr, -10 * Math.log10(error));
  return {
    images: indices.length,
    psnr: mean(errors.map(psnr)),
    psnrOfMean: psnr(mean(errors)),
    l1: l1 / indices.length,
    ...(counts.some((n) => n > 0) ? codeUsage(counts) : {}),
  };
}
