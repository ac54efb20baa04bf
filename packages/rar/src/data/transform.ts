/** Pictures to the squares a tokenizer takes: the reference's transforms for pre-tokenization and for its reader (DATA.md 2-6). */
import { cut, cutCentre, mirror, resizeShorterEdge } from "../images/crop.js";
import type { RgbImage } from "../images/rgb.js";
import { toPlanes } from "../images/to-bytes.js";

export { centreCrop, mirror, tenCrop } from "../images/crop.js";

/** The reader's transform for evaluation: the shorter side to `size` in one BICUBIC step, then the centre. */
export function evalTransform(image: RgbImage, size: number): RgbImage {
  return cutCentre(resizeShorterEdge(image, size), size);
}

export interface TrainTransform {
  readonly resizeShorterEdge: number;
  readonly cropSize: number;
  /** A random part rather than the centre. */
  readonly randomCrop: boolean;
  /** Mirrored half the time. */
  readonly randomFlip: boolean;
}

/**
 * The reader's transform for training.
 *
 * @param draw - a whole number from 0 to below its argument; asked for the top, the left, then the flip, and not where there is no choice
 * @throws {RangeError} for a random crop from a picture that is smaller after the resize
 */
export function trainTransform(
  image: RgbImage,
  { resizeShorterEdge: edge, cropSize, randomCrop, randomFlip }: TrainTransform,
  draw: (below: number) => number,
): RgbImage {
  const resized = resizeShorterEdge(image, edge);
  const square = randomCrop ? cutRandom(resized, cropSize, draw) : cutCentre(resized, cropSize);
  return randomFlip && draw(2) === 1 ? mirror(square) : square;
}

function cutRandom(image: RgbImage, size: number, draw: (below: number) => number): RgbImage {
  const { width, height } = image;
  if (width === size && height === size) return image;
  if (width < size || height < size)
    throw new RangeError(
      `A random crop of ${size} x ${size} does not fit into ${width} x ${height}. Raise resize_shorter_edge.`,
    );
  const y = draw(height - size + 1);
  const x = draw(width - size + 1);
  return cut(image, { x, y, width: size, height: size });
}

/**
 * Pictures of one size -> [count, 3, height, width] in [0, 1], as a tokenizer takes them.
 * @throws {RangeError} when they differ in size
 */
export function planes(images: readonly RgbImage[]): Float32Array<ArrayBuffer> {
  const [first] = images;
  if (first === undefined) return new Float32Array();
  const each = first.width * first.height * 3;
  const all = new Float32Array(images.length * each);
  for (const [i, image] of images.entries()) {
    if (image.width !== first.width || image.height !== first.height)
      throw new RangeError(
        `Picture ${i} is ${image.width} x ${image.height}, the first ${first.width} x ${first.height}: a batch has one size.`,
      );
    toPlanes(image, all, i * each);
  }
  return all;
}

/**
 * (t - mean) / std of each channel, each step rounded to float32 as the reference's tensors are. Its readers have mean 0 and std 1 unless
 * told otherwise, which leaves [0, 1].
 *
 * @param all - [count, 3, height, width], as `planes` gives them
 */
export function normalise(
  all: Float32Array,
  pixels: number,
  mean: readonly number[],
  std: readonly number[],
): Float32Array {
  return all.map((value, i) => {
    const channel = Math.floor(i / pixels) % 3;
    return Math.fround(value - Math.fround(mean[channel]!)) / Math.fround(std[channel]!);
  });
}
