/** Brings elements that lie in memory with any strides into row-major order. */
import type { Bytes } from "./byte-source.js";
import { elementCount } from "./shape.js";

/** Row-major strides of a shape, in elements. */
export function denseStrides(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * Math.max(1, shape[i + 1]!);
  return strides;
}

/** True where the elements lie one after the other; the stride of a size of 1 does not matter. */
export function isDense(shape: readonly number[], strides: readonly number[]): boolean {
  const dense = denseStrides(shape);
  return shape.some((size) => size === 0) || shape.every((size, i) => size === 1 || strides[i] === dense[i]);
}

/** Elements from the first to the last one touched, inclusive; 0 for an empty shape. */
export function extent(shape: readonly number[], strides: readonly number[]): number {
  if (elementCount(shape) === 0) return 0;
  return 1 + shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, 0);
}

/**
 * A dense copy. `bytes` begins at the element with all indices 0 and holds `extent(shape, strides)` elements of
 * `width` bytes.
 */
export function gather(
  bytes: Bytes,
  width: number,
  shape: readonly number[],
  strides: readonly number[],
): Bytes {
  const count = elementCount(shape) ?? 0;
  const out = new Uint8Array(count * width);
  if (count === 0) return out;
  const [from, to] = [elements(bytes, width), elements(out, width)];
  const inner = shape.at(-1) ?? 1;
  const step = strides.at(-1) ?? 0;
  const index = new Array<number>(Math.max(0, shape.length - 1)).fill(0);
  let row = 0; // offset of the current row of the last axis
  for (let done = 0; done < count; done += inner) {
    for (let i = 0, at = row; i < inner; i++, at += step) to[done + i] = from[at]!;
    for (let axis = index.length - 1; axis >= 0; axis--) {
      row += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      row -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

type Elements = { [index: number]: number } | { [index: number]: bigint };

/** Whole-number views, so that no bit of a NaN changes on the way. */
function elements({ buffer, byteOffset, length }: Bytes, width: number): { [index: number]: number } {
  const view: Elements =
    width === 1
      ? new Uint8Array(buffer, byteOffset, length)
      : width === 2
        ? new Uint16Array(buffer, byteOffset, length / 2)
        : width === 4
          ? new Uint32Array(buffer, byteOffset, length / 4)
          : new BigUint64Array(buffer, byteOffset, length / 8);
  return view as { [index: number]: number }; // bigints are passed on untouched
}
