/** Names and shapes of every tensor of a generator and of a tokenizer, in state-dict order (REFERENCE 3.1, 7.1). */
import { type GeneratorConfig, headWidth, type TokenizerConfig, vocabulary } from "./architecture.js";

export interface NamedShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Rows of the position tables beyond the image's tokens: never read, but part of the published files. */
export const extraPositions = 1024;
/** Rows of the step table beyond the image's tokens. */
export const extraSteps = 100;

/** Every tensor of a RAR generator. The causal mask is no parameter and is in no file. */
export function generatorShapes(c: GeneratorConfig): NamedShape[] {
  const D = c.width;
  const positions = [1, c.tokens + extraPositions, D];
  return [
    { name: "cls_token", shape: [1, 1, D] },
    { name: "pos_embed", shape: positions },
    { name: "target_aware_pos_embed", shape: positions },
    { name: "timesteps_embeddings", shape: [1, c.tokens + extraSteps, D] },
    ...range(c.depth).flatMap((i) => under(`blocks.${i}.`, blockShapes(c))),
    { name: "embeddings.weight", shape: [vocabulary(c), D] },
    ...linear("adaln_before_head.adaLN_modulation.1", 2 * D, D),
    ...linear("lm_head", c.codebookSize, D),
  ];
}

function blockShapes(c: GeneratorConfig): NamedShape[] {
  const { width: D, mlpWidth: F } = c;
  return [
    ...norm("norm1", D),
    ...linear("attn.qkv", 3 * D, D),
    ...norm("attn.q_norm", headWidth(c)),
    ...norm("attn.k_norm", headWidth(c)),
    ...linear("attn.proj", D, D),
    ...norm("norm2", D),
    ...linear("mlp.fc1", F, D),
    ...linear("mlp.fc2", D, F),
    ...linear("adaLN_modulation.1", 6 * D, D),
  ];
}

/** Every tensor of a MaskGIT-VQ tokenizer: encoder, decoder, codebook. */
export function tokenizerShapes(c: TokenizerConfig): NamedShape[] {
  return [
    ...under("encoder.", encoderShapes(c)),
    ...under("decoder.", decoderShapes(c)),
    { name: "quantize.embedding.weight", shape: [c.codebookSize, c.zChannels] },
  ];
}

function encoderShapes(c: TokenizerConfig): NamedShape[] {
  const widths = levelWidths(c);
  const top = widths.at(-1)!;
  return [
    ...conv("conv_in", c.channels, c.imageChannels, 3, { bias: false }),
    ...widths.flatMap((width, i) => level(c, `down.${i}.`, i === 0 ? c.channels : widths[i - 1]!, width)),
    ...range(c.blocks).flatMap((j) => residualBlock(`mid.${j}.`, top, top)),
    ...norm("norm_out", top),
    ...conv("conv_out", c.zChannels, top, 1, { bias: true }),
  ];
}

/** The state dict lists the decoder's levels upwards, although they run from the highest index down. */
function decoderShapes(c: TokenizerConfig): NamedShape[] {
  const widths = levelWidths(c);
  const top = widths.at(-1)!;
  return [
    ...conv("conv_in", top, c.zChannels, 3, { bias: true }),
    ...range(c.blocks).flatMap((j) => residualBlock(`mid.${j}.`, top, top)),
    ...widths.flatMap((width, i) => [
      ...level(c, `up.${i}.`, widths[i + 1] ?? top, width),
      ...(i > 0 ? conv(`up.${i}.upsample_conv`, width, width, 3, { bias: true }) : []),
    ]),
    ...norm("norm_out", widths[0]!),
    ...conv("conv_out", c.imageChannels, widths[0]!, 3, { bias: true }),
  ];
}

/** Channels of each level, full resolution first. */
export const levelWidths = (c: TokenizerConfig): number[] => c.multipliers.map((m) => c.channels * m);

function level(c: TokenizerConfig, prefix: string, from: number, to: number): NamedShape[] {
  return range(c.blocks).flatMap((j) => residualBlock(`${prefix}block.${j}.`, j === 0 ? from : to, to));
}

/** The shortcut is out x out: it acts on the block's result, not on its input (REFERENCE 7.1, quirk). */
function residualBlock(prefix: string, from: number, to: number): NamedShape[] {
  return under(prefix, [
    ...norm("norm1", from),
    ...conv("conv1", to, from, 3, { bias: false }),
    ...norm("norm2", to),
    ...conv("conv2", to, to, 3, { bias: false }),
    ...(from === to ? [] : conv("nin_shortcut", to, to, 1, { bias: false })),
  ]);
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

const under = (prefix: string, shapes: readonly NamedShape[]): NamedShape[] =>
  shapes.map(({ name, shape }) => ({ name: prefix + name, shape }));

const linear = (name: string, out: number, input: number): NamedShape[] => [
  { name: `${name}.weight`, shape: [out, input] },
  { name: `${name}.bias`, shape: [out] },
];

const norm = (name: string, width: number): NamedShape[] => [
  { name: `${name}.weight`, shape: [width] },
  { name: `${name}.bias`, shape: [width] },
];

const conv = (
  name: string,
  out: number,
  input: number,
  kernel: number,
  { bias }: { readonly bias: boolean },
): NamedShape[] => [
  { name: `${name}.weight`, shape: [out, input, kernel, kernel] },
  ...(bias ? [{ name: `${name}.bias`, shape: [out] }] : []),
];
