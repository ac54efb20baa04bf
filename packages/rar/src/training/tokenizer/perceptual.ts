/**
 * A perceptual term: pictures compared by the features of a given network, the encoder of a trained tokenizer. Features are
 * those after each of its levels, each place's vector scaled to length 1 (Zhang et al. 2018, equation 1, without the learned
 * weights).
 */
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { TokenizerConfig } from "../../config/architecture.js";
import { named } from "../../engines/torch/generator.js";
import type { Ops } from "../../networks/ops.js";
import { encode, encoderWeights } from "../../networks/tokenizer.js";

export class PerceptualLoss {
  readonly #config: TokenizerConfig;
  readonly #parameters: ReadonlyMap<string, Tensor>;
  readonly #dtype: DType;

  /** Owns the parameters from here on: kept tensors without gradients, in the type to compute in. */
  constructor(config: TokenizerConfig, parameters: ReadonlyMap<string, Tensor>) {
    this.#config = config;
    this.#parameters = parameters;
    this.#dtype = [...parameters.values()][0]?.dtype ?? "float32";
  }

  /** Mean squared distance of the features, summed over the levels. pixels, images: [B, 3, H, W] float32 */
  loss(ops: Ops<Tensor>, pixels: Tensor, images: Tensor): Tensor {
    const wanted = torch.noGrad(() => this.#features(ops, images));
    const seen = this.#features(ops, pixels);
    const distances = seen.map((x, i) => {
      const gap = torch.sub(x, wanted[i]!);
      return torch.mean(torch.sum(torch.mul(gap, gap), [1]));
    });
    return distances.reduce((sum, x) => torch.add(sum, x));
  }

  #features(ops: Ops<Tensor>, x: Tensor): Tensor[] {
    const levels: Tensor[] = [];
    const weights = encoderWeights(this.#config, named(this.#parameters));
    encode(ops, weights, torch.to(x, { dtype: this.#dtype }), (name, value) => {
      if (name.startsWith("down.")) levels.push(toUnitLength(torch.to(value, { dtype: "float32" })));
    });
    return levels;
  }

  dispose(): void {
    for (const x of this.#parameters.values()) x.dispose();
  }
}

/** [B, C, h, w]: the C numbers of each place */
const toUnitLength = (x: Tensor): Tensor =>
  torch.mul(x, torch.rsqrt(torch.add(torch.sum(torch.mul(x, x), [1], true), 1e-10)));
