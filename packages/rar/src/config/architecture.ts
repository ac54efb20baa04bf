/** Sizes of the networks, and the vocabulary that follows from them. */

/** Sizes of a RAR generator (REFERENCE 3). */
export interface GeneratorConfig {
  /** D, width of the residual stream (`hidden_size`). */
  readonly width: number;
  /** Number of transformer blocks (`num_hidden_layers`). */
  readonly depth: number;
  /** H, attention heads (`num_attention_heads`); divides `width`. */
  readonly heads: number;
  /** F, hidden width of a block's MLP (`intermediate_size`). */
  readonly mlpWidth: number;
  /** K, size of the tokenizer's codebook (`codebook_size`). */
  readonly codebookSize: number;
  /** L, tokens of an image (`image_seq_len`). */
  readonly tokens: number;
  /** N, number of classes (`condition_num_classes`). */
  readonly classes: number;
}

/** Sizes of a MaskGIT-VQ tokenizer (REFERENCE 7). */
export interface TokenizerConfig {
  /** Channels at full resolution (`hidden_channels`). */
  readonly channels: number;
  /** Channel multipliers, one a level (`channel_mult`). */
  readonly multipliers: readonly number[];
  /** Residual blocks a level (`num_res_blocks`). */
  readonly blocks: number;
  /** Channels of the latent and of a code (`z_channels`). */
  readonly zChannels: number;
  /** Number of codes (`codebook_size`). */
  readonly codebookSize: number;
  /** Colour channels of the image (`num_channels`). */
  readonly imageChannels: number;
  /** Side of the images it was made for, pixels (`resolution`). */
  readonly resolution: number;
}

/** Settings of sampling that belong to a model (REFERENCE 1, 4). */
export interface SamplingConfig {
  readonly temperature: number;
  readonly guidanceScale: number;
  readonly guidanceScalePow: number;
}

/** Width of one attention head. */
export const headWidth = (c: GeneratorConfig): number => c.width / c.heads;
/** Token id of a class: class + K + 1. */
export const conditionId = (c: GeneratorConfig, label: number): number => c.codebookSize + 1 + label;
/** Token id of "no condition", for dropped classes and the unconditional half of guidance: K + N + 1. */
export const noneId = (c: GeneratorConfig): number => c.codebookSize + c.classes + 1;
/** Rows of the embedding table: codes, mask token, classes, none. */
export const vocabulary = (c: GeneratorConfig): number => c.codebookSize + c.classes + 2;
/** Factor between the sides of an image and of its token grid. */
export const downsampling = (c: TokenizerConfig): number => 2 ** (c.multipliers.length - 1);

/** The tokenizer of the published models (fixed in the reference's code). */
export const publishedTokenizer: TokenizerConfig = {
  channels: 128,
  multipliers: [1, 1, 2, 2, 4],
  blocks: 2,
  zChannels: 256,
  codebookSize: 1024,
  imageChannels: 3,
  resolution: 256,
};
