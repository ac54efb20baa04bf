/** Between stored element types and float32: widening is exact where it can be, narrowing rounds to nearest even. */

import type { Bytes } from "./byte-source.js";
import type { DType, HostTensor, TensorData } from "./tensor-file.js";

/** Looks at raw little-endian bytes as elements of `dtype`, without a copy. */
export function viewAs(dtype: DType, bytes: Bytes): TensorData {
  const { buffer, byteOffset, length } = bytes;
  switch (dtype) {
    case "F64":
      return new Float64Array(buffer, byteOffset, length / 8);
    case "F32":
      return new Float32Array(buffer, byteOffset, length / 4);
    case "F16":
    case "BF16":
      return new Uint16Array(buffer, byteOffset, length / 2);
    case "I64":
      return new BigInt64Array(buffer, byteOffset, length / 8);
    case "I32":
      return new Int32Array(buffer, byteOffset, length / 4);
    case "I16":
      return new Int16Array(buffer, byteOffset, length / 2);
    case "I8":
      return new Int8Array(buffer, byteOffset, length);
    case "U8":
    case "BOOL":
      return bytes;
    default:
      return dtype satisfies never;
  }
}

/** Elements as float32; float64 and large integers are rounded. A float32 array is returned as it is. */
export function toFloat32({ dtype, data }: Pick<HostTensor, "dtype" | "data">): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === "F16") return float16ToFloat32(data as Uint16Array);
  if (dtype === "BF16") return bfloat16ToFloat32(data as Uint16Array);
  if (data instanceof BigInt64Array) {
    const out = new Float32Array(data.length);
    for (let i = 0; i < out.length; i++) out[i] = Number(data[i]);
    return out;
  }
  return new Float32Array(data);
}

/** bfloat16 is the upper half of a float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = bits[i]! << 16;
  return new Float32Array(out.buffer);
}

export function float16ToFloat32(bits: Uint16Array): Float32Array {
  float16Table ??= makeFloat16Table();
  const table = float16Table;
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < out.length; i++) out[i] = table[bits[i]!]!;
  return new Float32Array(out.buffer);
}

/** Rounds to the nearest bfloat16, ties to even. NaN stays NaN. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = bitsOf(values);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < out.length; i++) {
    const x = bits[i]!;
    const nan = (x & 0x7fffffff) > 0x7f800000;
    out[i] = nan ? (x >>> 16) | 0x40 : (x + 0x7fff + ((x >>> 16) & 1)) >>> 16;
  }
  return out;
}

/** Rounds to the nearest float16, ties to even: beyond 65520 is infinity, below 2^-25 zero. NaN stays NaN. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = bitsOf(values);
  const out = new Uint16Array(bits.length);
  for (let i = 0; i < out.length; i++) {
    const x = bits[i]!;
    const sign = (x >>> 16) & 0x8000;
    const magnitude = x & 0x7fffffff;
    if (magnitude > 0x7f800000) out[i] = sign | 0x7e00;
    else if (magnitude >= 0x477ff000)
      out[i] = sign | 0x7c00; // 65520 and more
    else if (magnitude >= 0x38800000) {
      // normal: 13 bits of the fraction go, the exponent's bias falls from 127 to 15
      const rebiased = magnitude - 0x38000000;
      out[i] = sign | ((rebiased + 0xfff + ((rebiased >>> 13) & 1)) >>> 13);
    } else {
      // subnormal: a multiple of 2^-24; shift by the missing exponent as well
      const shift = 126 - (magnitude >>> 23);
      if (shift > 24) out[i] = sign;
      else {
        const fraction = (magnitude & 0x7fffff) | 0x800000;
        const low = fraction & ((1 << shift) - 1);
        const half = 1 << (shift - 1);
        const kept = fraction >>> shift;
        out[i] = sign | (kept + (low > half || (low === half && (kept & 1) === 1) ? 1 : 0));
      }
    }
  }
  return out;
}

let float16Table: Uint32Array | undefined;

/** float32 bits of every float16. */
function makeFloat16Table(): Uint32Array {
  const values = new Float32Array(65536);
  const bits = new Uint32Array(values.buffer);
  for (let h = 0; h < 65536; h++) {
    const exponent = (h >>> 10) & 31;
    const fraction = h & 1023;
    if (exponent === 31) {
      bits[h] = 0x7f800000 | (fraction << 13);
    } else {
      values[h] = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
    }
    if (h & 0x8000) bits[h] = bits[h]! | 0x80000000;
  }
  return bits;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}
