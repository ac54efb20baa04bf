/** Between bytes and the planes of float32 a network takes, and pictures enlarged by whole factors. */
import type { RgbImage } from "./rgb.js";

/**
 * How a value in [0, 1] becomes a byte: drawn images are truncated (REFERENCE.md 4.3), reconstructions that are measured are rounded,
 * halves to even (EVALUATION.md 8).
 */
export type Rounding = "truncate" | "round";

/**
 * Planes [3, height, width] in [0, 1] to bytes: clamped, times 255, truncated, not rounded. Not-a-number becomes 0.
 *
 * @param offset - where the red plane starts, such as `n * 3 * width * height` for image n of a batch
 * @throws {RangeError} when the planes do not lie within `data`
 */
export function fromPlanes(
  data: Float32Array,
  width: number,
  height: number,
  offset = 0,
  rounding: Rounding = "truncate",
): RgbImage {
  const plane = width * height;
  if (!(offset >= 0 && offset + plane * 3 <= data.length)) {
    throw new RangeError(
      `Three planes of ${width} x ${height} from ${offset} need ${offset + plane * 3} values; there are ${data.length}.`,
    );
  }
  const bytes = new Uint8Array(plane * 3);
  if (rounding === "round") {
    // A clamped array rounds as the reference does, not-a-number to 0 included; the product is a float32 there.
    const rounded = new Uint8ClampedArray(bytes.buffer);
    for (let c = 0; c < 3; c++)
      for (let i = 0; i < plane; i++) rounded[i * 3 + c] = Math.fround(data[offset + c * plane + i]! * 255);
    return { width, height, data: bytes };
  }
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < plane; i++) {
      const value = data[offset + c * plane + i]!;
      // Storing truncates. Rounding the product to float32 first, as the reference does, never changes the byte:
      // 1/255 repeats every 8 bits, so no float32 lies close enough below a multiple of it.
      bytes[i * 3 + c] = value >= 1 ? 255 : value > 0 ? value * 255 : 0;
    }
  }
  return { width, height, data: bytes };
}

/**
 * Bytes to planes [3, height, width] in [0, 1]: each value divided by 255, rounded to float32 once.
 *
 * @param into - where they go, from `offset` on. Default: a new array
 */
export function toPlanes(
  { data, width, height }: RgbImage,
  into: Float32Array = new Float32Array(3 * width * height),
  offset = 0,
): Float32Array {
  const values = 3 * width * height;
  let at = offset;
  for (let c = 0; c < 3; c++) for (let i = c; i < values; i += 3) into[at++] = data[i]! / 255;
  return into;
}

/**
 * Every pixel as a square of `factor` x `factor`.
 *
 * @throws {RangeError} when `factor` is not a whole number from 1
 */
export function enlarge(image: RgbImage, factor: number): RgbImage {
  if (!Number.isInteger(factor) || factor < 1) {
    throw new RangeError(`Cannot enlarge ${factor} times: give a whole number from 1.`);
  }
  if (factor === 1) return image;
  const width = image.width * factor;
  const height = image.height * factor;
  const rowBytes = width * 3;
  const data = new Uint8Array(rowBytes * height);
  for (let y = 0; y < image.height; y++) {
    const first = y * factor * rowBytes;
    for (let x = 0; x < width; x++) {
      const from = (y * image.width + Math.floor(x / factor)) * 3;
      for (let c = 0; c < 3; c++) data[first + x * 3 + c] = image.data[from + c]!;
    }
    for (let copy = 1; copy < factor; copy++)
      data.copyWithin(first + copy * rowBytes, first, first + rowBytes);
  }
  return { width, height, data };
}
