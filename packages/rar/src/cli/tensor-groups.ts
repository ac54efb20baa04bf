/** Tensors of repeated layers as one line: `blocks.{0..23}.attn.qkv.weight`, 24 times. */
import type { TensorInfo } from "../weights/tensor-file.js";

export interface TensorGroup extends TensorInfo {
  readonly count: number;
}

/** Tensors that differ in their first number only, and have one type and shape, become a group where the first one stood. */
export function groupTensors(tensors: readonly TensorInfo[]): TensorGroup[] {
  const groups = new Map<string, { readonly first: TensorInfo; readonly numbers: number[] }>();
  for (const info of tensors) {
    const number = /\.(\d+)\./.exec(info.name)?.[1];
    const pattern = info.name.replace(/\.\d+\./, ".*.");
    const key = JSON.stringify([pattern, info.dtype, info.shape]);
    const group = groups.get(key) ?? { first: info, numbers: [] };
    if (number !== undefined) group.numbers.push(Number(number));
    groups.set(key, group);
  }
  return [...groups.values()].map(({ first, numbers }) => ({
    name: numbers.length > 1 ? first.name.replace(/\.\d+\./, `.{${ranges(numbers)}}.`) : first.name,
    dtype: first.dtype,
    shape: first.shape,
    count: Math.max(1, numbers.length),
  }));
}

/** `0..23`, or `0,2..5`. */
function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = parts.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}..${to}`)).join(",");
}
