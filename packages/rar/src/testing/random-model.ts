/** Small models with random weights, the same numbers for the same seed, for tests of engines and of sampling. */
import type { GeneratorConfig, TokenizerConfig } from "../config/architecture.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import type { Model } from "../engines/engine.js";
import type { TensorInfo, TensorSource } from "../weights/tensor-file.js";

/** Numbers in [-1, 1) that a float32 holds exactly. */
export function randomNumbers(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >> 8) / 2 ** 23;
  };
}

export function randomArray(seed: number, length: number, scale = 1): Float32Array {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => next() * scale);
}

export const randomIds = (seed: number, length: number, below: number): Int32Array => {
  const next = randomNumbers(seed);
  return Int32Array.from({ length }, () => Math.floor(((next() + 1) / 2) * below));
};

/** A random permutation of 0 .. length - 1. */
export function randomOrder(seed: number, length: number): Int32Array {
  const next = randomNumbers(seed);
  const order = Int32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(((next() + 1) / 2) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Given arrays as a source of weights. */
export function sourceOf(
  arrays: Readonly<Record<string, { readonly data: Float32Array; readonly shape: readonly number[] }>>,
): TensorSource {
  const info = (name: string, shape: readonly number[]): TensorInfo => ({ name, dtype: "F32", shape });
  return {
    tensors: new Map(Object.entries(arrays).map(([name, { shape }]) => [name, info(name, shape)])),
    readFloat32: async (name) => arrays[name]!.data.slice(),
  };
}

/** Weights about as large as those of a trained network, so that logits and attention are far from flat. */
function randomWeights(
  shapes: readonly { readonly name: string; readonly shape: readonly number[] }[],
  seed: number,
): TensorSource {
  const arrays = shapes.map(({ name, shape }, i) => {
    const length = shape.reduce((n, d) => n * d, 1);
    const inputs = shape.slice(1).reduce((n, d) => n * d, 1);
    const isNorm = /norm.*weight$/.test(name);
    const scale = /embed/.test(name) ? 1 : shape.length === 1 ? 0.2 : 1.5 / Math.sqrt(inputs);
    const data = randomArray(seed * 1009 + i, length, scale);
    return [name, { shape, data: isNorm ? data.map((v) => 1 + v) : data }] as const;
  });
  return sourceOf(Object.fromEntries(arrays));
}

/** Two heads of 16 numbers, a 4 x 4 picture: a step takes well under a millisecond. */
export const tinyGenerator: GeneratorConfig = {
  width: 32,
  depth: 2,
  heads: 2,
  mlpWidth: 64,
  codebookSize: 24,
  tokens: 16,
  classes: 5,
};

/** 8 x 8 pictures of 4 x 4 codes, with a level that changes its width (the published network's quirk). */
export const tinyTokenizer: TokenizerConfig = {
  channels: 32,
  multipliers: [1, 2],
  blocks: 1,
  zChannels: 8,
  codebookSize: 24,
  imageChannels: 3,
  resolution: 8,
};

export const randomGenerator = (config = tinyGenerator, seed = 1): Model<GeneratorConfig> => ({
  config,
  weights: randomWeights(generatorShapes(config), seed),
});

export const randomTokenizer = (config = tinyTokenizer, seed = 2): Model<TokenizerConfig> => ({
  config,
  weights: randomWeights(tokenizerShapes(config), seed),
});
