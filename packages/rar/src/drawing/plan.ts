/** The tokens of a place, one an image, from one step's logits. */
import { type DrawSettings, drawToken } from "./draw.js";
import { combine } from "./guidance.js";
import { GumbelNoise } from "./noise.js";

/** How the next places are to be drawn. */
export interface DrawPlan extends DrawSettings {
  /** First place to draw. */
  readonly place: number;
  /** Of guidance, one a place: the rows are unconditional + (conditional - unconditional) * factor. */
  readonly factors: readonly number[];
  readonly noise: NoiseKey;
}

/** Which random numbers: a pure function of these, or PyTorch's own stream seeded once a session. */
export type NoiseKey =
  | {
      readonly kind: "philox";
      readonly seed: number;
      readonly indices: readonly number[];
      readonly domain: number;
    }
  | { readonly kind: "torch"; readonly seed: number };

/**
 * Draws the plan's place number `i`.
 *
 * @param rows - [2 images, codes], conditional rows first, or [images, codes] without guidance
 * @returns [images]
 * @throws {RarityError} "engine" when a logit is not finite
 * @throws {RangeError} for noise of PyTorch's stream, and a seed or index that is none
 */
export function drawPlace(
  rows: Float32Array,
  images: number,
  codes: number,
  plan: DrawPlan,
  i: number,
): Int32Array {
  const { noise, temperature, place } = plan;
  if (noise.kind !== "philox")
    throw new RangeError("PyTorch's own random numbers are drawn by PyTorch only.");
  const logits = combine(rows, images, codes, plan.factors[i]!);
  const found = new GumbelNoise(codes);
  return Int32Array.from({ length: images }, (_, image) => {
    const own = temperature === 0 ? undefined : found.at(noise.seed, noise.indices[image]!, place + i);
    return drawToken(logits.subarray(image * codes, (image + 1) * codes), plan, own);
  });
}
