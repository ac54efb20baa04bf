/** What a tokenizer makes of pictures: how close they come back, and which codes it uses. */
import { codebookUse, countCodes } from "../../packages/rar/dist/evaluation/codebook.js";
import { fromPlanes, toPlanes } from "../../packages/rar/dist/images/to-bytes.js";

const BATCH = 64;

/**
 * @param tokenizer - loaded into an engine
 * @param pictures - of the tokenizer's size
 * @returns decoded pictures; mean of the pictures' PSNR in dB, values clamped to [0, 1] and not rounded; codes in use
 */
export async function reconstruct(tokenizer, pictures) {
  const { width, height } = pictures[0];
  const each = 3 * width * height;
  const decoded = [];
  const counts = new Float64Array(tokenizer.config.codebookSize);
  let psnr = 0;
  for (let first = 0; first < pictures.length; first += BATCH) {
    const some = pictures.slice(first, first + BATCH);
    const planes = new Float32Array(some.length * each);
    for (const [i, picture] of some.entries()) planes.set(toPlanes(picture), i * each);
    const codes = await tokenizer.encode(planes, height, width);
    countCodes(codes, counts.length, counts);
    const side = Math.sqrt(codes.length / some.length);
    const back = await tokenizer.decode(codes, side, side);
    for (let i = 0; i < some.length; i++) {
      let sum = 0;
      for (let j = i * each; j < (i + 1) * each; j++) sum += (planes[j] - back[j]) ** 2;
      psnr -= 10 * Math.log10(sum / each);
      decoded.push(fromPlanes(back, width, height, i * each));
    }
  }
  const { unique, perplexity } = codebookUse(counts);
  return { decoded, psnr: psnr / pictures.length, codes: unique, codebook: counts.length, perplexity };
}
