/** Fresh weights as the reference draws them (REFERENCE 3.5), each tensor a pure function of its name and the seed. */
import { noSuchTensor } from "./not-found.js";
import type { TensorInfo, TensorSource } from "./tensor-file.js";

export interface InitialOptions {
  /** Whole number, 0 ≤ seed < 2^53. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Draws the modulation too, with standard deviation 0.1 in place of 0: then every block does something, for
   * benchmarks. Fresh modulation is 0, so that each block starts as the identity.
   */
  readonly randomModulation?: boolean | undefined;
}

/**
 * Initial weights of a generator or a tokenizer. A generator's linear and embedding weights and position tables are
 * normal with standard deviation 0.02, biases and the class token 0, norms 1. A tokenizer, which the reference never
 * trains, gets convolutions of variance 1 / inputs and codes uniform within 1 / codes.
 */
export function initialWeights(
  infos: Iterable<{ readonly name: string; readonly shape: readonly number[] }>,
  { seed = 0, randomModulation = false }: InitialOptions = {},
): TensorSource & { readonly identity: string } {
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape } of infos) tensors.set(name, { name, dtype: "F32", shape });
  return {
    tensors,
    identity: `initial ${seed} ${randomModulation}`,
    async readFloat32(name) {
      const { shape } = tensors.get(name) ?? noSuchTensor("initial weights", name, tensors.keys());
      const out = new Float32Array(shape.reduce((product, size) => product * size, 1));
      const kind = drawing(name, shape, randomModulation);
      if ("fill" in kind) out.fill(kind.fill);
      else if ("normal" in kind) fillNormal(out, streamOf(name, seed), kind.normal);
      else fillUniform(out, streamOf(name, seed), kind.uniform);
      return out;
    },
  };
}

type Drawing = { readonly fill: number } | { readonly normal: number } | { readonly uniform: number };

function drawing(name: string, shape: readonly number[], randomModulation: boolean): Drawing {
  if (name === "quantize.embedding.weight") return { uniform: 1 / shape[0]! };
  if (name.includes("adaLN_modulation")) {
    if (!randomModulation) return { fill: 0 };
    return name.endsWith("bias") ? { normal: 0.1 } : { normal: 0.02 };
  }
  if (name === "cls_token" || name.endsWith("bias")) return { fill: 0 };
  if (name.includes("norm")) return { fill: 1 };
  if (shape.length === 4) return { normal: 1 / Math.sqrt(shape[1]! * shape[2]! * shape[3]!) };
  return { normal: 0.02 };
}

/** A starting number for one tensor's stream. */
function streamOf(name: string, seed: number): number {
  let hash = 2166136261 | 0;
  for (const byte of new TextEncoder().encode(`${seed}/${name}`)) hash = Math.imul(hash ^ byte, 16777619);
  return hash;
}

/** A well-mixed 32-bit word of a counter. */
function word(counter: number): number {
  let x = counter | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

function fillUniform(out: Float32Array, stream: number, bound: number): void {
  for (let i = 0; i < out.length; i++)
    out[i] = (((word(stream + Math.imul(i, 0x9e3779b9)) + 0.5) * 2) / 2 ** 32 - 1) * bound;
}

/** Pairs of uniform numbers to pairs of normal ones (Box and Muller). */
function fillNormal(out: Float32Array, stream: number, deviation: number): void {
  for (let i = 0; i < out.length; i += 2) {
    const u = (word(stream + Math.imul(i, 0x9e3779b9)) + 0.5) / 2 ** 32;
    const v = (word(stream + Math.imul(i + 1, 0x9e3779b9)) + 0.5) / 2 ** 32;
    const radius = deviation * Math.sqrt(-2 * Math.log(u));
    out[i] = radius * Math.cos(2 * Math.PI * v);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(2 * Math.PI * v);
  }
}
