/** PNG's row filters: rows are written as differences to their neighbours, which compress better. */
import type { RgbImage } from "./rgb.js";

const pixelBytes = 3;

/** @throws {RangeError} when the picture's sides are no sizes or its bytes do not fit them */
export function checkPicture({ width, height, data }: RgbImage): void {
  if (!(Number.isInteger(width) && Number.isInteger(height) && width >= 1 && height >= 1)) {
    throw new RangeError(
      `A picture of ${width} x ${height} cannot be written: sides must be whole numbers from 1.`,
    );
  }
  if (data.length !== width * height * pixelBytes) {
    throw new RangeError(
      `A picture of ${width} x ${height} needs ${width * height * pixelBytes} bytes; it has ${data.length}.`,
    );
  }
}

/**
 * Rows `from` to `to` of a picture into `filtered`, each after a byte that names its filter: of the five the one with
 * the smallest sum of absolute differences (the rule of thumb of the PNG specification, 12.8).
 *
 * @param filtered - all rows of the file, `3 * width + 1` bytes each
 */
export function filterRows({ width, data }: RgbImage, from: number, to: number, filtered: Uint8Array): void {
  const rowBytes = width * pixelBytes;
  const none = new Uint8Array(rowBytes);
  const newRow = (): Uint8Array => new Uint8Array(rowBytes);
  const candidates: FiveRows = [newRow(), newRow(), newRow(), newRow(), newRow()];
  for (let y = from; y < to; y++) {
    const row = data.subarray(y * rowBytes, (y + 1) * rowBytes);
    const above = y > 0 ? data.subarray((y - 1) * rowBytes, y * rowBytes) : none;
    const costs = filterRow(row, above, candidates);
    const best = costs.indexOf(Math.min(...costs));
    filtered[y * (rowBytes + 1)] = best;
    filtered.set(candidates[best]!, y * (rowBytes + 1) + 1);
  }
}

type FiveRows = readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** Writes the row in all five filters, in the order of their numbers, and gives each one's sum of differences. */
function filterRow(row: Uint8Array, above: Uint8Array, [plain, sub, up, average, paeth]: FiveRows): number[] {
  let [costPlain, costSub, costUp, costAverage, costPaeth] = [0, 0, 0, 0, 0];
  for (let i = 0; i < row.length; i++) {
    const value = row[i]!;
    const left = i >= pixelBytes ? row[i - pixelBytes]! : 0;
    const top = above[i]!;
    const topLeft = i >= pixelBytes ? above[i - pixelBytes]! : 0;
    const bySub = (value - left) & 255;
    const byUp = (value - top) & 255;
    const byAverage = (value - ((left + top) >> 1)) & 255;
    const byPaeth = (value - closest(left, top, topLeft)) & 255;
    plain[i] = value;
    sub[i] = bySub;
    up[i] = byUp;
    average[i] = byAverage;
    paeth[i] = byPaeth;
    costPlain += magnitude(value);
    costSub += magnitude(bySub);
    costUp += magnitude(byUp);
    costAverage += magnitude(byAverage);
    costPaeth += magnitude(byPaeth);
  }
  return [costPlain, costSub, costUp, costAverage, costPaeth];
}

/** Of a difference modulo 256. */
function magnitude(difference: number): number {
  return difference < 128 ? difference : 256 - difference;
}

/** Paeth's predictor: the neighbour closest to left + top - topLeft; ties in that order. */
function closest(left: number, top: number, topLeft: number): number {
  const toLeft = Math.abs(top - topLeft);
  const toTop = Math.abs(left - topLeft);
  const toTopLeft = Math.abs(left + top - 2 * topLeft);
  if (toLeft <= toTop && toLeft <= toTopLeft) return left;
  return toTop <= toTopLeft ? top : topLeft;
}
