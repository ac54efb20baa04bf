/**
 * A patch discriminator (Isola et al. 2017, section 3.2.2): convolutions of stride 2, and a number for each patch instead of
 * one for the picture. Norms are over groups, not over the batch, so that a picture's number depends on that picture alone.
 */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { NamedShape } from "../../config/shapes.js";

export interface DiscriminatorConfig {
  readonly imageChannels: number;
  readonly channels: number;
  /** Layers between the first and the last; all but the last of them halve the sides, as the first does. */
  readonly layers: number;
}

const KERNEL = 4;
const widest = 8; // times `channels`
const channelsAGroup = 16;

/** Names as they stand in checkpoints. */
export function discriminatorShapes({ imageChannels, channels, layers }: DiscriminatorConfig): NamedShape[] {
  const conv = (name: string, out: number, input: number): NamedShape[] => [
    { name: `${name}.weight`, shape: [out, input, KERNEL, KERNEL] },
    { name: `${name}.bias`, shape: [out] },
  ];
  const width = (i: number): number => channels * Math.min(2 ** i, widest);
  return [
    ...conv("conv_in", channels, imageChannels),
    ...Array.from({ length: layers }, (_, i) => [
      ...conv(`layers.${i}.conv`, width(i + 1), width(i)),
      { name: `layers.${i}.norm.weight`, shape: [width(i + 1)] },
      { name: `layers.${i}.norm.bias`, shape: [width(i + 1)] },
    ]).flat(),
    ...conv("conv_out", 1, width(layers)),
  ];
}

/** The smallest side of a picture that leaves at least one patch. */
export function leastSide({ layers }: Pick<DiscriminatorConfig, "layers">): number {
  return 3 * 2 ** layers; // the last two layers take one row each, at 1 / 2^layers of the side
}

/** Images to a number a patch, high where it looks real. x: [B, 3, H, W] -> [B, 1, h, w] */
export function discriminate(
  { layers }: Pick<DiscriminatorConfig, "layers">,
  get: (name: string) => Tensor,
  x: Tensor,
): Tensor {
  const conv = (name: string, input: Tensor, stride: number): Tensor =>
    torch.conv2d(input, get(`${name}.weight`), get(`${name}.bias`), stride, 1);
  x = torch.silu(conv("conv_in", x, 2));
  for (let i = 0; i < layers; i++) {
    x = conv(`layers.${i}.conv`, x, i < layers - 1 ? 2 : 1);
    const groups = x.shape[1]! % channelsAGroup === 0 ? x.shape[1]! / channelsAGroup : 1;
    x = torch.group_norm(x, groups, get(`layers.${i}.norm.weight`), get(`layers.${i}.norm.bias`), 1e-6);
    x = torch.silu(x);
  }
  return conv("conv_out", x, 1);
}
