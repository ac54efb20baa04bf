/** Pillow's 8-bit resampling with the BOX and BICUBIC filters, bit for bit (DATA.md 5). */
import type { RgbImage } from "./rgb.js";

export type Filter = "box" | "bicubic";

/** A part of the resized picture. */
export interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Resizes to width x height: across first, rounded to bytes, then down. A side that keeps its length is left alone.
 *
 * @param window - compute only this part of the result; the bytes are the same as those of a cut made afterwards
 * @throws {RangeError} when a size is not a whole number from 1 or the window leaves the picture
 */
export function resample(
  image: RgbImage,
  width: number,
  height: number,
  filter: Filter,
  window: Window = { x: 0, y: 0, width, height },
): RgbImage {
  checkSides(width, height, window);
  const across =
    image.width === width
      ? copyTable(window.x, window.width)
      : filterTable(filter, image.width, width, window.x, window.width);
  const down =
    image.height === height
      ? copyTable(window.y, window.height)
      : filterTable(filter, image.height, height, window.y, window.height);

  // Only the rows that the second pass reads.
  const top = down.first[0]!;
  const bottom = down.first.at(-1)! + down.count.at(-1)!;
  const rows = bottom - top;
  const narrow = new Uint8Array(rows * window.width * 3);
  for (let y = 0; y < rows; y++) {
    resampleRow(image.data, (top + y) * image.width * 3, across, narrow, y * window.width * 3);
  }
  const data = resampleColumns(narrow, window.width * 3, top, down);
  return { width: window.width, height: window.height, data };
}

/** Which source samples make each output sample: `count[i]` from `first[i]` on, weights from `start[i]` in 1/2^22. */
export interface FilterTable {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly start: Int32Array;
  readonly weights: Int32Array;
}

/**
 * The integer weights for one axis from `sizeIn` to `sizeOut` samples.
 *
 * @param from - first output sample of the table
 * @param length - number of output samples in the table
 */
export function filterTable(
  filter: Filter,
  sizeIn: number,
  sizeOut: number,
  from = 0,
  length = sizeOut,
): FilterTable {
  const { kernel, reach } = filters[filter];
  const scale = sizeIn / sizeOut;
  const stretch = Math.max(scale, 1); // antialiased when reducing, the plain kernel when enlarging
  const support = reach * stretch;
  const inverse = 1 / stretch;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const start = new Int32Array(length);
  const weights: number[] = [];
  for (let i = 0; i < length; i++) {
    const centre = (i + from + 0.5) * scale;
    const low = Math.max(Math.trunc(centre - support + 0.5), 0);
    const high = Math.min(Math.trunc(centre + support + 0.5), sizeIn);
    const real = new Float64Array(high - low);
    let sum = 0;
    for (let j = 0; j < real.length; j++) {
      const w = kernel((j + low - centre + 0.5) * inverse);
      real[j] = w;
      sum += w;
    }
    first[i] = low;
    count[i] = real.length;
    start[i] = weights.length;
    for (const w of real) {
      const scaled = (sum === 0 ? w : w / sum) * one;
      weights.push(Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return { first, count, start, weights: Int32Array.from(weights) };
}

const bits = 22; // 32 - 8 for the sample - 2 for the overshoot of the kernel
const one = 1 << bits;
const half = 1 << (bits - 1);

const a = -0.5;
const filters = {
  box: { reach: 0.5, kernel: (x: number): number => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bicubic: {
    reach: 2,
    // The order of the operations is Pillow's: another order differs in the last bit.
    kernel(x: number): number {
      x = Math.abs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
      return 0;
    },
  },
} as const satisfies Record<Filter, { reach: number; kernel: (x: number) => number }>;

/** The table of an axis that keeps its length. */
function copyTable(from: number, length: number): FilterTable {
  return {
    first: Int32Array.from({ length }, (_, i) => from + i),
    count: new Int32Array(length).fill(1),
    start: Int32Array.from({ length }, (_, i) => i),
    weights: new Int32Array(length).fill(one),
  };
}

function resampleRow(
  source: Uint8Array,
  row: number,
  table: FilterTable,
  target: Uint8Array,
  to: number,
): void {
  const { first, count, start, weights } = table;
  for (let x = 0; x < first.length; x++) {
    let [r, g, b] = [half, half, half];
    let from = row + first[x]! * 3;
    const end = start[x]! + count[x]!;
    for (let k = start[x]!; k < end; k++, from += 3) {
      const w = weights[k]!;
      r += source[from]! * w;
      g += source[from + 1]! * w;
      b += source[from + 2]! * w;
    }
    target[to++] = toByte(r);
    target[to++] = toByte(g);
    target[to++] = toByte(b);
  }
}

function resampleColumns(source: Uint8Array, rowBytes: number, top: number, table: FilterTable): Uint8Array {
  const { first, count, start, weights } = table;
  const target = new Uint8Array(first.length * rowBytes);
  const sums = new Int32Array(rowBytes);
  for (let y = 0; y < first.length; y++) {
    sums.fill(half);
    for (let k = 0; k < count[y]!; k++) {
      const w = weights[start[y]! + k]!;
      const row = (first[y]! + k - top) * rowBytes;
      for (let i = 0; i < rowBytes; i++) sums[i]! += source[row + i]! * w;
    }
    for (let i = 0; i < rowBytes; i++) target[y * rowBytes + i] = toByte(sums[i]!);
  }
  return target;
}

function toByte(sum: number): number {
  return Math.max(0, Math.min(255, sum >> bits));
}

function checkSides(width: number, height: number, window: Window): void {
  for (const side of [width, height, window.width, window.height]) {
    if (!Number.isInteger(side) || side < 1) {
      throw new RangeError(`Cannot resize to ${width} x ${height}: sides must be whole numbers from 1.`);
    }
  }
  const { x, y } = window;
  if (!(x >= 0 && y >= 0 && x + window.width <= width && y + window.height <= height)) {
    throw new RangeError(
      `The window ${window.width} x ${window.height} at ${x}, ${y} leaves the picture of ${width} x ${height}.`,
    );
  }
}
