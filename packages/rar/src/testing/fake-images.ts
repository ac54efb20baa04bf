/** Labelled pictures in memory for tests; those that are undefined cannot be read. */
import { RarityError } from "../config/errors.js";
import type { ImageSet } from "../data/image-set.js";
import type { RgbImage } from "../images/rgb.js";

export function fakeImages(
  pictures: readonly (RgbImage | undefined)[],
  labelOf: (i: number) => number = (i) => i % 3,
): ImageSet {
  const close = async (): Promise<void> => {};
  return {
    name: "pictures",
    count: pictures.length,
    classNames: ["a", "b", "c"],
    label: labelOf,
    nameOf: (i) => `picture-${i}.png`,
    keyOf: (i) => `picture-${i}.png`,
    async read(i) {
      const picture = pictures[i];
      if (picture === undefined)
        throw new RarityError("bad-file", `Cannot read picture "picture-${i}.png": it is damaged.`);
      return picture;
    },
    async stored(i) {
      throw new TypeError(`Picture ${i} lies in memory; it is not stored anywhere.`);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** A picture whose every pixel is its own, told from others by its seed. */
export function patterned(seed: number, width = 4, height = 4): RgbImage {
  const data = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => Math.imul(i + 1, 2 * seed + 40503) >>> 8,
  );
  return { width, height, data };
}
