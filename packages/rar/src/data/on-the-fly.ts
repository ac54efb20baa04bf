/** Rows of tokens made as they are asked for: pictures are read, cropped, perhaps mirrored and encoded in place of a token file. */
import { createHash } from "node:crypto";
import { RarityError } from "../config/errors.js";
import { philox4x32 } from "../drawing/philox.js";
import type { RgbImage } from "../images/rgb.js";
import type { ImageCodec } from "./image-codec.js";
import { identityOfImages } from "./image-identity.js";
import type { ImageSet } from "./image-set.js";
import type { TokenRows } from "./token-rows.js";
import { type TrainTransform, trainTransform } from "./transform.js";

export interface OnTheFlyOptions {
  readonly transform: TrainTransform;
  /** Decides crops and flips, together with the position of a sample. */
  readonly seed: number;
  /** "skip" takes the next picture in the place of one that cannot be read, and tells `warn` of each once. Default "fail". */
  readonly onError?: "fail" | "skip" | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

/** In the counter's last word, as `tokenDomain` of sampling. */
const pictureDomain = 6 << 24;

/**
 * `read` wants the samples' positions in training as its second argument; without them, as for held-out rows, every picture is cropped
 * at the centre and not mirrored.
 *
 * Closing it closes neither the pictures nor the tokenizer.
 */
export function tokenizeOnTheFly(images: ImageSet, codec: ImageCodec, options: OnTheFlyOptions): TokenRows {
  const { transform, seed, onError = "fail", warn = () => {} } = options;
  if (transform.cropSize !== codec.size)
    throw new RangeError(
      `The tokenizer takes ${codec.size} x ${codec.size} pixels, and crop_size is ${transform.cropSize}. Make them agree.`,
    );
  const told = new Set<number>();

  /** The picture, or the next one that can be read. */
  const readable = async (index: number): Promise<readonly [image: RgbImage, label: number]> => {
    for (let tried = 0; ; tried++) {
      const i = (index + tried) % images.count;
      try {
        return [await images.read(i), images.label(i)];
      } catch (error) {
        const passable = onError === "skip" && error instanceof RarityError && error.code !== "io";
        if (!passable || tried + 1 === images.count) throw error;
        if (!told.has(i)) warn(`${error.message} The next picture is taken in its place.`);
        told.add(i);
      }
    }
  };
  const close = async (): Promise<void> => {};
  return {
    path: images.name,
    format: "images",
    rows: images.count,
    length: codec.length,
    codebookSize: codec.codebookSize,
    classes: images.classNames?.length,
    metadata: images.classNames ? { classNames: images.classNames } : {},
    identity: createHash("sha256")
      .update(JSON.stringify([identityOfImages(images), codec.identity, transform]))
      .digest("hex")
      .slice(0, 16),
    async read(indices, positions) {
      const samples = await Promise.all(
        Array.from(indices, async (index, k) => {
          const [image, label] = await readable(index);
          const position = positions?.[k];
          const settings =
            position === undefined ? { ...transform, randomCrop: false, randomFlip: false } : transform;
          return [trainTransform(image, settings, drawsOf(seed, position ?? 0)), label] as const;
        }),
      );
      return {
        rows: samples.length,
        tokens: await codec.encode(samples.map(([image]) => image)),
        classes: Int32Array.from(samples, ([, label]) => label),
      };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Whole numbers below a bound, a pure function of seed, position and how many were drawn before. */
function drawsOf(seed: number, position: number): (below: number) => number {
  const words = new Uint32Array(4);
  let drawn = 0;
  return (below) => {
    const high = Math.floor(position / 2 ** 32);
    philox4x32(drawn++, position, high, pictureDomain, seed >>> 0, Math.floor(seed / 2 ** 32), words);
    return Math.floor((words[0]! / 2 ** 32) * below);
  };
}
