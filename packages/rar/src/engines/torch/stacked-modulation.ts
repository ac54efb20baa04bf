/**
 * The layers that modulation comes from, of all blocks as one, with the norms' own weights folded in: one product gives
 * what otherwise takes some ten operators a block, which a GPU waits for longer than for the numbers.
 */
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig } from "../../config/architecture.js";
import type { LinearWeights, NormWeights } from "../../networks/block.js";
import { type GeneratorWeights, modulationParts } from "../../networks/generator.js";

/** weight: [parts * D, D], bias: [parts * D], in the order of `packModulation` */
export type StackedModulation = LinearWeights<Tensor>;

/** Frees each block's own layer, whose place the result takes. */
export function stackModulation(
  config: GeneratorConfig,
  weights: GeneratorWeights<Tensor>,
  dtype: DType,
): StackedModulation {
  const { width: D } = config;
  const outputs = modulationParts(config) * D;
  const { device } = weights.finalAdaLN.weight;
  const stacked = {
    weight: torch.keep(torch.empty([outputs, D], { device, dtype })),
    bias: torch.keep(torch.empty([outputs], { device, dtype })),
  };
  let at = 0;
  /** norms: by scale's part, its shift's and the norm that stands before */
  const put = (
    layer: LinearWeights<Tensor>,
    norms: readonly [number, number, NormWeights<Tensor>?][],
  ): void =>
    torch.scope(() => {
      const parts = apart(layer, D);
      for (const [scale, shift, norm] of norms) fold(parts, scale, shift, norm);
      for (const { weight, bias } of parts) {
        torch.copy_(torch.narrow(stacked.weight, 0, at, D), weight);
        torch.copy_(torch.narrow(stacked.bias, 0, at, D), bias);
        at += D;
      }
      layer.weight.dispose();
      layer.bias.dispose();
    });
  for (const { adaLN, norm1, norm2 } of weights.blocks)
    put(adaLN, [
      [1, 0, norm1],
      [4, 3, norm2],
    ]);
  put(weights.finalAdaLN, [[0, 1]]);
  return stacked;
}

type Part = { weight: Tensor; bias: Tensor };

/** Each vector's own layer, in float32. */
function apart({ weight, bias }: LinearWeights<Tensor>, D: number): Part[] {
  const wide = (x: Tensor): readonly Tensor[] => torch.split(torch.to(x, { dtype: "float32" }), D, 0);
  const biases = wide(bias);
  return wide(weight).map((part, i) => ({ weight: part, bias: biases[i]! }));
}

/** LN(x) = y * w + b, times 1 + scale, plus shift: y * (w * (1 + scale)) + (b * (1 + scale) + shift). */
function fold(parts: Part[], scale: number, shift: number, norm: NormWeights<Tensor> | undefined): void {
  const { weight, bias } = parts[scale]!;
  const onePlus = torch.add(bias, 1);
  if (!norm) {
    parts[scale] = { weight, bias: onePlus };
    return;
  }
  const [w, b] = [norm.weight, norm.bias].map((x) => torch.to(x, { dtype: "float32" })) as [Tensor, Tensor];
  const rows = (factor: Tensor): Tensor => torch.mul(weight, torch.unsqueeze(factor, 1));
  const before = parts[shift]!;
  parts[shift] = {
    weight: torch.add(before.weight, rows(b)),
    bias: torch.add(before.bias, torch.mul(onePlus, b)),
  };
  parts[scale] = { weight: rows(w), bias: torch.mul(onePlus, w) };
}
