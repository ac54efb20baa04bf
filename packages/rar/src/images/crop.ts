/** The crops of the reference: ADM's centre crop and the ten-crop of pre-tokenization, and the reader's own. */
import { resample, type Window } from "./resample.js";
import type { RgbImage } from "./rgb.js";

/** The sizes a centre crop goes through, the first being the picture's own, and the corner of the final cut. */
export interface CropPlan {
  readonly sizes: readonly (readonly [width: number, height: number])[];
  readonly corner: readonly [x: number, y: number];
}

/**
 * ADM's centre crop (DATA.md 2): halved with BOX while twice the target fits, then the shorter side brought to `size`
 * with BICUBIC, then the centre cut out. Smaller pictures are enlarged; nothing is padded.
 *
 * @throws {RangeError} when `size` is not a whole number from 1
 */
export function centreCrop(image: RgbImage, size: number): RgbImage {
  const { sizes, corner } = centreCropPlan(image.width, image.height, size);
  for (const [width, height] of sizes.slice(1, -1)) image = resample(image, width, height, "box");
  const [width, height] = sizes.at(-1)!;
  return resample(image, width, height, "bicubic", { x: corner[0], y: corner[1], width: size, height: size });
}

/** What `centreCrop` will do, as sizes alone. */
export function centreCropPlan(width: number, height: number, size: number): CropPlan {
  if (!Number.isInteger(size) || size < 1)
    throw new RangeError(`Cannot crop to ${size}: give a whole number from 1.`);
  const sizes: [number, number][] = [[width, height]];
  while (Math.min(width, height) >= 2 * size) {
    width = Math.floor(width / 2);
    height = Math.floor(height / 2);
    sizes.push([width, height]);
  }
  const scale = size / Math.min(width, height);
  const last: [number, number] = [roundHalfEven(width * scale), roundHalfEven(height * scale)];
  sizes.push(last);
  return { sizes, corner: [Math.floor((last[0] - size) / 2), Math.floor((last[1] - size) / 2)] };
}

/** Side of the square that ten crops of `size` are cut from: a tenth more, truncated. */
export function tenCropSize(size: number): number {
  return Math.trunc(size * 1.1);
}

/**
 * Ten crops (DATA.md 3): top left, top right, bottom left, bottom right and centre of the picture, then the same five
 * corners of its mirror image.
 */
export function tenCrop(image: RgbImage, size: number): RgbImage[] {
  const square = centreCrop(image, tenCropSize(size));
  const far = square.width - size;
  const middle = roundHalfEven(far / 2);
  const corners = [
    [0, 0],
    [far, 0],
    [0, far],
    [far, far],
    [middle, middle],
  ] as const;
  return [square, mirror(square)].flatMap((from) =>
    corners.map(([x, y]) => cut(from, { x, y, width: size, height: size })),
  );
}

/** The picture with left and right exchanged. */
export function mirror({ width, height, data }: RgbImage): RgbImage {
  const flipped = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      const to = (y * width + width - 1 - x) * 3;
      for (let c = 0; c < 3; c++) flipped[to + c] = data[from + c]!;
    }
  }
  return { width, height, data: flipped };
}

/**
 * A rectangle of the picture, copied.
 *
 * @throws {RangeError} when it leaves the picture
 */
export function cut(image: RgbImage, window: Window): RgbImage {
  return resample(image, image.width, image.height, "box", window);
}

/**
 * Resize of the image reader for shards (DATA.md 6): the shorter side to `size` in one BICUBIC step, the longer one
 * truncated where ADM rounds.
 */
export function resizeShorterEdge(image: RgbImage, size: number): RgbImage {
  const [width, height] = shorterEdgeSize(image.width, image.height, size);
  return resample(image, width, height, "bicubic");
}

/** The size `resizeShorterEdge` gives. */
export function shorterEdgeSize(
  width: number,
  height: number,
  size: number,
): [width: number, height: number] {
  return width <= height
    ? [size, Math.trunc((size * height) / width)]
    : [Math.trunc((size * width) / height), size];
}

/**
 * Centre cut of the image reader: corners rounded half to even where ADM floors. A picture that is smaller lies in black, one more
 * row or column of it at the bottom or right where the margin is odd.
 */
export function cutCentre(picture: RgbImage, size: number): RgbImage {
  const image = padded(picture, Math.max(picture.width, size), Math.max(picture.height, size));
  const x = roundHalfEven((image.width - size) / 2);
  const y = roundHalfEven((image.height - size) / 2);
  return cut(image, { x, y, width: size, height: size });
}

function padded(image: RgbImage, width: number, height: number): RgbImage {
  if (image.width === width && image.height === height) return image;
  const [left, top] = [Math.floor((width - image.width) / 2), Math.floor((height - image.height) / 2)];
  const data = new Uint8Array(width * height * 3);
  const rowBytes = image.width * 3;
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(y * rowBytes, (y + 1) * rowBytes);
    data.set(row, ((y + top) * width + left) * 3);
  }
  return { width, height, data };
}

/** Python's `round`. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
