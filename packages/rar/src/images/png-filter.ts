/** PNG's row filters: rows are written as differences to their neighbours, which compress better. */
import type { RgbImage } from "./rgb.js";

const pixelBytes = 3;

/**
 * The rows of a picture, each after a byte that names its filter: of the five the one with the smallest sum of
 * absolute differences (the rule of thumb of the PNG specification, 12.8).
 *
 * @throws {RangeError} when the picture's bytes do not fit its size
 */
export function filterRows({ width, height, data }: RgbImage): Uint8Array {
  const rowBytes = width * pixelBytes;
  if (!(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1)) {
    throw new RangeError(
      `A picture of ${width} x ${height} cannot be written: sides must be whole numbers from 1.`,
    );
  }
  if (data.length !== rowBytes * height) {
    throw new RangeError(
      `A picture of ${width} x ${height} needs ${rowBytes * height} bytes; it has ${data.length}.`,
    );
  }
  const filtered = new Uint8Array((rowBytes + 1) * height);
  const candidates = predictors.map(() => new Uint8Array(rowBytes));
  for (let y = 0; y < height; y++) {
    const row = y * rowBytes;
    let best = 0;
    let least = Number.POSITIVE_INFINITY;
    for (const [f, predict] of predictors.entries()) {
      const cost = filterRow(data, row, rowBytes, y > 0, predict, candidates[f]!, least);
      if (cost < least) [best, least] = [f, cost];
    }
    filtered[y * (rowBytes + 1)] = best;
    filtered.set(candidates[best]!, y * (rowBytes + 1) + 1);
  }
  return filtered;
}

/** Guesses a byte from those at its left, above, and above at the left. */
type Predictor = (left: number, up: number, upLeft: number) => number;

/** In the order of their numbers in the file. */
const predictors: readonly Predictor[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  paeth,
];

/** The neighbour closest to left + up - upLeft; ties in that order. */
function paeth(left: number, up: number, upLeft: number): number {
  const toLeft = Math.abs(up - upLeft);
  const toUp = Math.abs(left - upLeft);
  const toUpLeft = Math.abs(left + up - 2 * upLeft);
  if (toLeft <= toUp && toLeft <= toUpLeft) return left;
  return toUp <= toUpLeft ? up : upLeft;
}

/** Fills `out` and gives the sum of absolute differences; stops early once it passes `limit`. */
function filterRow(
  data: Uint8Array,
  row: number,
  rowBytes: number,
  hasAbove: boolean,
  predict: Predictor,
  out: Uint8Array,
  limit: number,
): number {
  let cost = 0;
  for (let i = 0; i < rowBytes; i++) {
    const at = row + i;
    const left = i >= pixelBytes ? data[at - pixelBytes]! : 0;
    const up = hasAbove ? data[at - rowBytes]! : 0;
    const upLeft = hasAbove && i >= pixelBytes ? data[at - rowBytes - pixelBytes]! : 0;
    const difference = (data[at]! - predict(left, up, upLeft)) & 255;
    out[i] = difference;
    cost += difference < 128 ? difference : 256 - difference;
    if (cost >= limit) break;
  }
  return cost;
}
