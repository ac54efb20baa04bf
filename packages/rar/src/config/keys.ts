/** From sizes back to the reference's keys: configurations of presets, and of models made here. */
import type { GeneratorConfig, SamplingConfig, TokenizerConfig } from "./architecture.js";
import { isMap, type PlainMap } from "./plain.js";

export interface ModelSizes {
  readonly generator?: GeneratorConfig | undefined;
  readonly tokenizer?: TokenizerConfig | undefined;
  readonly sampling?: SamplingConfig | undefined;
}

/** The configuration of a model with these sizes, to be written as its `config.yaml` or laid over another one. */
export function configOf({ generator, tokenizer, sampling }: ModelSizes): PlainMap {
  const codebookSize = tokenizer?.codebookSize ?? generator?.codebookSize;
  return {
    model: {
      vq_model: {
        ...(codebookSize !== undefined && { codebook_size: codebookSize }),
        ...(tokenizer && {
          token_size: tokenizer.zChannels,
          channel_mult: tokenizer.multipliers,
          num_resolutions: tokenizer.multipliers.length,
          dropout: 0,
          hidden_channels: tokenizer.channels,
          num_channels: tokenizer.imageChannels,
          num_res_blocks: tokenizer.blocks,
          resolution: tokenizer.resolution,
          z_channels: tokenizer.zChannels,
        }),
        ...(generator && { num_latent_tokens: generator.tokens }),
      },
      ...((generator || sampling) && {
        generator: {
          ...(generator && {
            hidden_size: generator.width,
            num_hidden_layers: generator.depth,
            num_attention_heads: generator.heads,
            intermediate_size: generator.mlpWidth,
            image_seq_len: generator.tokens,
            condition_num_classes: generator.classes,
          }),
          ...(sampling && {
            randomize_temperature: sampling.temperature,
            guidance_scale: sampling.guidanceScale,
            guidance_scale_pow: sampling.guidanceScalePow,
          }),
        },
      }),
    },
  };
}

/** The same as command-line words: `model.generator.hidden_size=768` and so on. */
export function overridesOf(sizes: ModelSizes): string[] {
  const words = (group: PlainMap, prefix: string): string[] =>
    Object.entries(group).flatMap(([key, value]) =>
      isMap(value) ? words(value, `${prefix}${key}.`) : [`${prefix}${key}=${JSON.stringify(value)}`],
    );
  return words(configOf(sizes), "");
}
