/** Reads the sizes of a network off its weights' names and shapes, where no configuration is at hand. */
import type { GeneratorConfig, TokenizerConfig } from "./architecture.js";
import { extraSteps } from "./shapes.js";

/** Names and shapes: what a tensor file knows before any element is read. */
export type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/** Which network a file holds, by the tensors no other has; undefined where it is neither. */
export function networkOf(tensors: Shapes): "generator" | "tokenizer" | undefined {
  if (tensors.has("target_aware_pos_embed") && tensors.has("lm_head.weight")) return "generator";
  if (tensors.has("quantize.embedding.weight") && tensors.has("encoder.conv_in.weight")) return "tokenizer";
  return undefined;
}

/**
 * Sizes of a generator. Whether every tensor fits them is for the caller to check.
 * @returns undefined where a tensor the sizes are read from is missing or impossible
 */
export function recogniseGenerator(tensors: Shapes): GeneratorConfig | undefined {
  const size = (name: string, axis: number, rank: number): number => {
    const shape = tensors.get(name)?.shape;
    return shape?.length === rank ? shape[axis]! : Number.NaN;
  };
  const width = size("cls_token", 2, 3);
  const codebookSize = size("lm_head.weight", 0, 2);
  const config: GeneratorConfig = {
    width,
    depth: countOf(tensors, /^blocks\.\d+\.norm1\.weight$/),
    heads: width / size("blocks.0.attn.q_norm.weight", 0, 1),
    mlpWidth: size("blocks.0.mlp.fc1.weight", 0, 2),
    codebookSize,
    tokens: size("timesteps_embeddings", 1, 3) - extraSteps,
    classes: size("embeddings.weight", 0, 2) - codebookSize - 2,
  };
  return Object.values(config).every(isSize) ? config : undefined;
}

/**
 * Sizes of a tokenizer.
 *
 * @param tokens - tokens of an image, where a generator beside it tells; the weights do not. Default: a 16 x 16 grid
 * @returns undefined where a tensor the sizes are read from is missing or impossible
 */
export function recogniseTokenizer(tensors: Shapes, tokens = 256): TokenizerConfig | undefined {
  const size = (name: string, axis: number): number => tensors.get(name)?.shape[axis] ?? Number.NaN;
  const channels = size("encoder.conv_in.weight", 0);
  const levels = countOf(tensors, /^encoder\.down\.\d+\.block\.0\.conv1\.weight$/);
  const multipliers = Array.from(
    { length: levels },
    (_, i) => size(`encoder.down.${i}.block.0.conv1.weight`, 0) / channels,
  );
  const config: TokenizerConfig = {
    channels,
    multipliers,
    blocks: countOf(tensors, /^encoder\.down\.0\.block\.\d+\.conv1\.weight$/),
    zChannels: size("encoder.conv_out.weight", 0),
    codebookSize: size("quantize.embedding.weight", 0),
    imageChannels: size("encoder.conv_in.weight", 1),
    resolution: Math.floor(Math.sqrt(tokens)) * 2 ** (levels - 1),
  };
  const { multipliers: _, ...sizes } = config;
  const possible = multipliers.length > 0 && multipliers.length <= 16 && multipliers.every(isSize);
  return possible && Object.values(sizes).every(isSize) ? config : undefined;
}

const isSize = (value: number): boolean => Number.isInteger(value) && value >= 1;

const countOf = (tensors: Shapes, pattern: RegExp): number => {
  let count = 0;
  for (const name of tensors.keys()) if (pattern.test(name)) count++;
  return count;
};
