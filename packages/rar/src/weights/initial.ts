/**
 * Fresh weights before training, as the reference initialises them (REFERENCE 3.5, 7.2). A number is a pure function
 * of seed, tensor name and position, so that any tensor can be made alone and none has to be kept.
 */
import { noSuchTensor } from "./not-found.js";
import { elementCount, showShape } from "./shape.js";
import type { TensorInfo, TensorSource } from "./tensor-file.js";

export interface InitialOptions {
  /** 0 ≤ seed < 2^53. Default 0. */
  readonly seed?: number | undefined;
  /**
   * Also draw the modulations, which are zero at first: weights of std 0.02, biases of std 0.1. The network then
   * computes what a trained one does, for measurements of speed. Default false.
   */
  readonly randomModulation?: boolean | undefined;
}

interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

const weightStd = 0.02;
const modulationStd = 0.1;

/** A source of initial float32 weights with these names and shapes, of a generator or a tokenizer. */
export function initialWeights(shapes: Iterable<NamedShape>, options: InitialOptions = {}): TensorSource {
  const { seed = 0, randomModulation = false } = options;
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`A seed is a whole number, at least 0 and below 2^53; it is ${seed}.`);
  const tensors = new Map<string, TensorInfo>();
  for (const { name, shape } of shapes) tensors.set(name, { name, dtype: "F32", shape });
  return {
    tensors,
    async readFloat32(name) {
      const info = tensors.get(name) ?? noSuchTensor("initial weights", name, tensors.keys());
      return fill(info, ruleOf(info, tensors, randomModulation), seed);
    },
  };
}

type Rule =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  | { readonly kind: "uniform"; readonly bound: number };

const constant = (value: number): Rule => ({ kind: "constant", value });
const normal = (std: number): Rule => ({ kind: "normal", std });
const uniform = (bound: number): Rule => ({ kind: "uniform", bound });

function ruleOf(
  { name, shape }: TensorInfo,
  all: ReadonlyMap<string, TensorInfo>,
  modulation: boolean,
): Rule {
  if (name.includes("adaLN_modulation.1.")) {
    if (!modulation) return constant(0);
    return normal(name.endsWith("bias") ? modulationStd : weightStd);
  }
  if (name === "cls_token") return constant(0);
  if (name === "quantize.embedding.weight") return uniform(1 / (shape[0] ?? 1)); // +-1 / codes
  if (shape.length === 4) return uniform(convolutionBound(shape));
  if (name.endsWith(".bias")) {
    const weight = all.get(name.replace(/bias$/, "weight"))?.shape;
    return weight?.length === 4 ? uniform(convolutionBound(weight)) : constant(0);
  }
  if (shape.length === 1) return constant(1); // weights of the norms
  return normal(weightStd); // linear layers, embeddings, tables of positions and steps
}

/** PyTorch's default for convolutions, Kaiming's uniform with a = sqrt(5): 1 / sqrt(fan in). [out, in, h, w] */
const convolutionBound = ([, channels = 1, height = 1, width = 1]: readonly number[]): number =>
  1 / Math.sqrt(channels * height * width);

function fill({ name, shape }: TensorInfo, rule: Rule, seed: number): Float32Array {
  const count = elementCount(shape);
  if (count === undefined) throw new RangeError(`"${name}" has the impossible shape ${showShape(shape)}.`);
  const out = new Float32Array(count);
  switch (rule.kind) {
    case "constant":
      return rule.value === 0 ? out : out.fill(rule.value);
    case "uniform":
      return fillUniform(out, rule.bound, keysOf(name, seed));
    case "normal":
      return fillNormal(out, rule.std, keysOf(name, seed));
    default:
      return rule satisfies never;
  }
}

const perWord = 2 ** -32;

function fillUniform(
  out: Float32Array,
  bound: number,
  [key0, key1]: readonly [number, number],
): Float32Array {
  for (let i = 0; i < out.length; i++) out[i] = bound * (2 * (random(i, key0, key1) >>> 0) * perWord - 1);
  return out;
}

/** Pairs by Box and Muller's rule. The reference cuts at 100 sigmas, which never happens: 6.7 is the most here. */
function fillNormal(out: Float32Array, std: number, [key0, key1]: readonly [number, number]): Float32Array {
  for (let i = 0; i < out.length; i += 2) {
    const u = ((random(i, key0, key1) >>> 0) + 1) * perWord; // (0, 1]
    const angle = (random(i + 1, key0, key1) >>> 0) * (perWord * 2 * Math.PI);
    const radius = std * Math.sqrt(-2 * Math.log(u));
    out[i] = radius * Math.cos(angle);
    if (i + 1 < out.length) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** A 32-bit word from a counter and a key of two words. */
const random = (counter: number, key0: number, key1: number): number => mix(mix(counter ^ key0) ^ key1);

/** MurmurHash3's finalizer: every bit of the input changes half of the output's. */
function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x85ebca6b);
  x ^= x >>> 13;
  x = Math.imul(x, 0xc2b2ae35);
  return x ^ (x >>> 16);
}

function keysOf(name: string, seed: number): readonly [number, number] {
  let hash = 2166136261; // FNV-1a of the name
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 16777619);
  const low = seed % 2 ** 32;
  const high = Math.floor(seed / 2 ** 32);
  const key0 = mix(hash ^ mix(low + 0x9e3779b9));
  return [key0, mix(key0 + mix(high + 0x85ebca6b) + Math.imul(low, 0x9e3779b9))];
}
