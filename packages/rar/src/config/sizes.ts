/** From a checked configuration to the sizes of the networks and the settings of sampling. */
import {
  type GeneratorConfig,
  publishedTokenizer,
  type SamplingConfig,
  type TokenizerConfig,
} from "./architecture.js";
import { need } from "./need.js";
import type { RarConfig } from "./schema.js";

/**
 * Sizes of the generator.
 * @throws {RarityError} "bad-config" naming a size that is not set
 */
export function generatorConfig(config: RarConfig): GeneratorConfig {
  const width = need(config, "model.generator.hidden_size");
  return {
    width,
    depth: need(config, "model.generator.num_hidden_layers"),
    heads: need(config, "model.generator.num_attention_heads"),
    mlpWidth: mlpWidth(width, need(config, "model.generator.intermediate_size")),
    codebookSize: need(config, "model.vq_model.codebook_size"),
    tokens: need(config, "model.generator.image_seq_len"),
    classes: need(config, "model.generator.condition_num_classes"),
  };
}

/** The reference computes F through the ratio F / D and truncates: 976 at width 112 gives 975 (REFERENCE 3.1). */
export const mlpWidth = (width: number, asked: number): number => Math.trunc(width * (asked / width));

/** Sizes of the tokenizer; those of the published one for keys that are not set (the reference fixes them in code). */
export function tokenizerConfig(config: RarConfig): TokenizerConfig {
  const vq = config.model.vq_model;
  const published = publishedTokenizer;
  return {
    channels: vq.hidden_channels ?? published.channels,
    multipliers: vq.channel_mult ?? published.multipliers,
    blocks: vq.num_res_blocks ?? published.blocks,
    zChannels: vq.z_channels ?? published.zChannels,
    codebookSize: vq.codebook_size ?? published.codebookSize,
    imageChannels: vq.num_channels ?? published.imageChannels,
    resolution: vq.resolution ?? published.resolution,
  };
}

/** Whether the configuration says anything about the tokenizer's architecture beyond its codebook. */
export const namesTokenizer = ({ model: { vq_model: vq } }: RarConfig): boolean =>
  vq.channel_mult !== undefined || vq.hidden_channels !== undefined || vq.z_channels !== undefined;

/** Settings of sampling; for keys that are not set, plain sampling without guidance. */
export function samplingConfig(config: RarConfig): SamplingConfig {
  const generator = config.model.generator;
  return {
    temperature: generator.randomize_temperature ?? plainSampling.temperature,
    guidanceScale: generator.guidance_scale ?? plainSampling.guidanceScale,
    guidanceScalePow: generator.guidance_scale_pow ?? plainSampling.guidanceScalePow,
  };
}

/** What a model without settings is sampled with. */
export const plainSampling: SamplingConfig = { temperature: 1, guidanceScale: 0, guidanceScalePow: 0 };
