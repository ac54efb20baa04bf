/** The tokens of a place, one an image, from one step's logits. */
import { type DrawSettings, drawToken } from "./draw.js";
import { combine } from "./guidance.js";
import { GumbelNoise } from "./noise.js";

/** How the next places are to be drawn. */
export interface DrawPlan extends DrawSettings {
  /** First place to draw. */
  readonly place: number;
  /** Places to draw. */
  readonly count: number;
  /** Of guidance, for every place of the image: the rows are unconditional + (conditional - unconditional) * factor. */
  readonly factors: Float32Array;
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
 * Draws one place.
 *
 * @param rows - its logits: [2 images, codes], conditional rows first, or [images, codes] without guidance
 * @param place - any of the image's, also one the plan does not ask for yet
 * @returns [images]
 * @throws {RarityError} "engine" when a logit is not finite
 * @throws {RangeError} for noise of PyTorch's stream, and a seed or index that is none
 */
export function drawPlace(
  rows: Float32Array,
  images: number,
  codes: number,
  { noise, temperature, factors, ...rest }: DrawPlan,
  place: number,
): Int32Array {
  if (noise.kind !== "philox")
    throw new RangeError("PyTorch's own random numbers are drawn by PyTorch only.");
  const logits = combine(rows, images, codes, factors[place]!);
  const settings = { ...rest, temperature };
  const found = new GumbelNoise(codes);
  return Int32Array.from({ length: images }, (_, image) => {
    const own = temperature === 0 ? undefined : found.at(noise.seed, noise.indices[image]!, place);
    return drawToken(logits.subarray(image * codes, (image + 1) * codes), settings, own);
  });
}
