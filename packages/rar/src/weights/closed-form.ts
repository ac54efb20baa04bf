/**
 * Weights computed from each tensor's name and shape alone, for checks at full size without any file. Only
 * integers and correctly rounded operations, so the bits are the same in every language.
 */
import { noSuchTensor } from "./not-found.js";
import { elementCount, showShape } from "./shape.js";
import type { TensorInfo, TensorSource } from "./tensor-file.js";

/** A source of closed-form float32 weights with these names and shapes. */
export function closedForm(
  infos: Iterable<{ readonly name: string; readonly shape: readonly number[] }>,
): TensorSource {
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape } of infos) tensors.set(name, { name, dtype: "F32", shape });
  return {
    tensors,
    async readFloat32(name) {
      const { shape } = tensors.get(name) ?? noSuchTensor("closed form", name, tensors.keys());
      return closedFormTensor(name, shape);
    },
  };
}

const unit = 1 / 8388608; // a power of two: exact

/** Elements of one tensor, row-major: base + amplitude * s, with s from an integer hash, in [-1, 1). */
export function closedFormTensor(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const count = elementCount(shape);
  if (count === undefined) throw new RangeError(`"${name}" has the impossible shape ${showShape(shape)}.`);
  const [base, amplitude] = range(name, shape);
  const out = new Float32Array(count);
  let start = fnv1a(name); // hash of the name + i * golden ratio
  for (let i = 0; i < count; i++) {
    let x = start;
    x ^= x >>> 16;
    x = Math.imul(x, 2246822507);
    x ^= x >>> 13;
    x = Math.imul(x, 3266489909);
    x ^= x >>> 16;
    out[i] = base + amplitude * (((x >>> 8) - 8388608) * unit);
    start = (start + 2654435769) | 0;
  }
  return out;
}

const unitRange: ReadonlySet<string> = new Set([
  "cls_token",
  "pos_embed",
  "target_aware_pos_embed",
  "timesteps_embeddings",
  "embeddings.weight",
  "quantize.embedding.weight",
]);

/** [base, amplitude] by the first rule that fits. */
function range(name: string, shape: readonly number[]): readonly [number, number] {
  if (unitRange.has(name)) return [0, 1];
  if (name.endsWith("bias")) return [0, 0.125];
  if (name.includes("norm") && name.endsWith("weight")) return [1, 0.25];
  const inputs = shape.slice(1).reduce((product, size) => product * size, 1);
  return [0, 1.5 / Math.sqrt(inputs)];
}

/** FNV-1a, 32 bits, of the name in UTF-8. */
function fnv1a(name: string): number {
  let hash = 2166136261 | 0;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 16777619);
  return hash;
}
