/** How well a tokenizer gives pictures back, and how many of its codes it uses. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { type CodeUsage, codeUsage } from "./codebook.js";
import type { TokenizerTrainer } from "./tokenizer-trainer.js";

export interface Quality extends Partial<CodeUsage> {
  readonly images: number;
  /** Mean over the pictures of their PSNR in decibels; pixels clamped to [0, 1], not rounded to bytes. */
  readonly psnr: number;
  /** PSNR of the mean squared error over all pictures. */
  readonly psnrOfMean: number;
  readonly l1: number;
}

/** What a picture that comes back exactly counts as: its own PSNR would be infinite. */
const mostPsnr = 100;

/** Sums over batches. Before there is a codebook, used and perplexity are left out. */
export class QualityMeter {
  readonly #errors: number[] = [];
  readonly #counts: Float64Array;
  #l1 = 0;

  constructor(codebookSize: number) {
    this.#counts = new Float64Array(codebookSize);
  }

  /** images: [B, 3, H, W] in [0, 1] */
  add(trainer: TokenizerTrainer, images: Tensor): void {
    torch.noGrad(() =>
      torch.scope(() => {
        const { pixels, codes } = trainer.reconstruct(images);
        const gap = torch.sub(pixels, images);
        this.#errors.push(...torch.numbers(torch.mean(torch.mul(gap, gap), [1, 2, 3])));
        this.#l1 += torch.item(torch.mean(torch.abs(gap))) * images.shape[0]!;
        if (codes) for (const code of torch.numbers(codes)) this.#counts[code]!++;
      }),
    );
  }

  result(): Quality {
    const errors = this.#errors;
    const images = errors.length;
    const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / images;
    const psnr = (error: number): number => Math.min(mostPsnr, -10 * Math.log10(error));
    return {
      images,
      psnr: mean(errors.map(psnr)),
      psnrOfMean: psnr(mean(errors)),
      l1: this.#l1 / images,
      ...(this.#counts.some((n) => n > 0) ? codeUsage(this.#counts) : {}),
    };
  }
}
