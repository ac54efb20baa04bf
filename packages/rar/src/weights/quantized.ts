/**
 * int8 storage: symmetric, one float32 scale for each block along the last axis; a convolution's kernel [out, in, height,
 * width] is one row for each output. A safetensors file holds `X` as I8 and its scales beside it as `X.scale`, F32
 * [..., blocks of a row].
 */

import { RarityError } from "../config/errors.js";
import { badFile, quote } from "./bad-file.js";
import { showShape } from "./shape.js";
import type { HostTensor, TensorFile, TensorInfo } from "./tensor-file.js";

/** Metadata of a file with such tensors, under the key `rarity.quantization`. */
export const quantizationMetadata = {
  "rarity.quantization": "int8 symmetric, blocks along the last axis",
} as const;

const blocks = [128, 64, 32, 16] as const;
const scaleSuffix = ".scale";

/** Length of a block for rows of `columns`: the longest of 128, 64, 32, 16 that divides them, else 32. */
export function quantizationBlock(columns: number): number {
  return blocks.find((block) => columns % block === 0) ?? 32;
}

/** 127 steps of this are still finite in float32, however they are rounded. */
const largestScale = Math.fround(2.6793e36);

/** Added and taken away again, it leaves a double of up to 2^51 rounded to the nearest whole number, ties to even. */
const rounder = 1.5 * 2 ** 52;

export interface Quantized {
  readonly data: Int8Array<ArrayBuffer>;
  /** [rows, ceil(columns / block)] */
  readonly scales: Float32Array<ArrayBuffer>;
}

/**
 * Rounds to whole multiples of each block's scale, max|w| / 127.
 * @param values - [rows, columns], finite
 * @throws {RangeError} for NaN or infinity, which int8 cannot hold
 */
export function quantizeInt8(values: Float32Array, rows: number, columns: number, block: number): Quantized {
  if (values.length !== rows * columns)
    throw new RangeError(`${values.length} values are not [${rows}, ${columns}].`);
  const perRow = Math.ceil(columns / block);
  const data = new Int8Array(values.length);
  const scales = new Float32Array(rows * perRow);
  for (let row = 0; row < rows; row++)
    for (let b = 0; b < perRow; b++) {
      const begin = row * columns + b * block;
      const end = Math.min(begin + block, (row + 1) * columns);
      let largest = 0;
      for (let i = begin; i < end; i++) {
        const size = Math.abs(values[i]!);
        if (!(size < Number.POSITIVE_INFINITY))
          throw new RangeError(`value ${i} is ${values[i]}; int8 holds finite numbers only.`);
        if (size > largest) largest = size;
      }
      const scale = Math.min(Math.fround(largest / 127), largestScale);
      if (scale === 0) continue; // all zero, or smaller than float32 can divide
      scales[row * perRow + b] = scale;
      const inverse = 1 / scale;
      for (let i = begin; i < end; i++) {
        const whole = values[i]! * inverse + rounder - rounder;
        data[i] = Math.min(127, Math.max(-127, whole));
      }
    }
  return { data, scales };
}

/** The float32 values again. */
export function dequantizeInt8(
  data: Int8Array,
  scales: Float32Array,
  rows: number,
  columns: number,
  block: number,
): Float32Array<ArrayBuffer> {
  const perRow = Math.ceil(columns / block);
  if (data.length !== rows * columns || scales.length !== rows * perRow)
    throw new RangeError(`${data.length} values and ${scales.length} scales are not [${rows}, ${columns}].`);
  const out = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let b = 0; b < perRow; b++) {
      const begin = row * columns + b * block;
      const end = Math.min(begin + block, (row + 1) * columns);
      const scale = scales[row * perRow + b]!;
      for (let i = begin; i < end; i++) out[i] = data[i]! * scale;
    }
  return out;
}

/** A tensor and its scales, as they are stored. Values are the tensor's in float32. */
export function quantizeTensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
): readonly [HostTensor, HostTensor] {
  const { rows, columns } = asMatrix(shape);
  const block = quantizationBlock(columns);
  const { data, scales } = quantizeInt8(values, rows, columns, block);
  return [
    { name, dtype: "I8", shape, data },
    { name: name + scaleSuffix, dtype: "F32", shape: scaleShape(shape, block), data: scales },
  ];
}

/** Hides the scales of quantized tensors and uses them in `readFloat32`; `read` gives the int8 numbers. */
export function withQuantized(file: TensorFile): TensorFile {
  const blockOf = new Map<string, number>();
  const tensors = new Map(file.tensors);
  for (const info of file.tensors.values()) {
    const scale = file.tensors.get(info.name + scaleSuffix);
    if (info.dtype !== "I8" || scale === undefined || info.shape.length === 0) continue;
    blockOf.set(info.name, findBlock(file.path, info, scale));
    tensors.delete(scale.name);
  }
  if (blockOf.size === 0) return file;

  const visible = (name: string): void => {
    if (tensors.has(name) || !file.tensors.has(name)) return;
    const of = name.slice(0, -scaleSuffix.length);
    throw new RarityError(
      "not-found",
      `"${file.path}" has ${quote(name)} only as the scales of ${quote(of)}. Read ${quote(of)} instead.`,
    );
  };
  return {
    ...file,
    tensors,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    async read(name) {
      visible(name);
      return file.read(name);
    },
    async readFloat32(name) {
      visible(name);
      const block = blockOf.get(name);
      if (block === undefined) return file.readFloat32(name);
      const { data, shape } = await file.read(name);
      if (data.length === 0) return new Float32Array(0);
      const { rows, columns } = asMatrix(shape);
      const scales = await file.readFloat32(name + scaleSuffix);
      return dequantizeInt8(data as Int8Array, scales, rows, columns, block);
    },
  };
}

/** The block length that both shapes agree on. Where several do, a row is one block and all mean the same. */
function findBlock(file: string, info: TensorInfo, scale: TensorInfo): number {
  const block = blocks.find((candidate) => {
    const wanted = scaleShape(info.shape, candidate);
    return wanted.length === scale.shape.length && wanted.every((size, i) => size === scale.shape[i]);
  });
  if (block === undefined || scale.dtype !== "F32")
    throw badFile(
      file,
      `tensor ${quote(scale.name)} is ${scale.dtype} ${showShape(scale.shape)}: no scales for ${quote(info.name)} of shape ${showShape(info.shape)}.`,
    );
  return block;
}

/** What counts the rows, and what a row has. Two or three numbers of a kernel's width are too few to share a scale. */
function asRows(shape: readonly number[]): { outer: readonly number[]; columns: number } {
  const axis = shape.length === 4 ? 1 : Math.max(shape.length - 1, 0);
  return { outer: shape.slice(0, axis), columns: product(shape.slice(axis)) };
}

function asMatrix(shape: readonly number[]): { rows: number; columns: number } {
  const { outer, columns } = asRows(shape);
  return { rows: product(outer), columns };
}

function scaleShape(shape: readonly number[], block: number): number[] {
  const { outer, columns } = asRows(shape);
  return [...outer, Math.ceil(columns / block)];
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
