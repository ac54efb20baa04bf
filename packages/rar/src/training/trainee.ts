/** A generator whose weights are being trained, and one optimizer step on a batch that is given. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig } from "../config/architecture.js";
import { named } from "../engines/torch/generator.js";
import { torchOps } from "../engines/torch/ops.js";
import { forward, generatorWeights } from "../networks/generator.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { decays } from "./groups.js";
import { type Loss, tokenLoss } from "./loss.js";

/** Rows of images to learn from. */
export interface Batch {
  /** Image tokens in raster order, [B][L]. */
  readonly tokens: readonly ArrayLike<number>[];
  /** Condition ids, one a row. */
  readonly conditions: ArrayLike<number>;
  /** Place i holds the token of raster index order[i], [B][L]. */
  readonly orders: readonly ArrayLike<number>[];
}

export interface StepResult {
  readonly loss: number;
  readonly accuracy: number;
  /** 2-norm of all gradients before clipping. */
  readonly gradNorm: number;
}

/** Kept tensors that require gradients, by name, in the order of the file. */
export async function trainable(weights: TensorSource, device = "cpu"): Promise<Map<string, Tensor>> {
  const parameters = new Map<string, Tensor>();
  for (const { name, shape } of weights.tensors.values()) {
    const data = await weights.readFloat32(name);
    parameters.set(name, torch.keep(torch.tensor(data, { shape, device, requiresGrad: true })));
  }
  return parameters;
}

export class Trainee {
  readonly config: GeneratorConfig;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly #device: string;
  readonly #ops: ReturnType<typeof torchOps>;

  constructor(config: GeneratorConfig, parameters: ReadonlyMap<string, Tensor>, device = "cpu") {
    this.config = config;
    this.parameters = parameters;
    this.#device = device;
    this.#ops = torchOps({ device, dtype: "float32" });
  }

  /** Groups for the optimizer: with decay, then without. */
  groups(weightDecay: number): torch.AdamWGroup[] {
    return [true, false].map((decay) => ({
      parameters: new Map([...this.parameters].filter(([name, x]) => decays(name, x.shape) === decay)),
      weightDecay: decay ? weightDecay : 0,
    }));
  }

  /** Loss of a batch, recorded for backward where gradients are on. */
  loss({ tokens, conditions, orders }: Batch): Loss {
    const [B, L] = [tokens.length, this.config.tokens];
    const ids = (rows: ArrayLike<number>[], width: number): Tensor =>
      torch.tensor(
        BigInt64Array.from(
          rows.flatMap((row) => Array.from(row)),
          BigInt,
        ),
        { shape: [B, width], device: this.#device },
      );
    return torch.scope(() => {
      const order = ids([...orders], L);
      const ordered = torch.gather(ids([...tokens], L), 1, order);
      const condition = ids(
        Array.from(conditions, (c) => [c]),
        1,
      );
      const weights = generatorWeights(this.config, named(this.parameters));
      const logits = forward(this.#ops, this.config, weights, { tokens: ordered, condition, order });
      return tokenLoss(logits, ordered);
    });
  }

  /** Gradients of a batch into the parameters' `grad`. */
  backward(batch: Batch): { loss: number; accuracy: number } {
    return torch.scope(() => {
      const { loss, accuracy } = this.loss(batch);
      torch.backward(loss);
      return { loss: torch.item(loss), accuracy: torch.item(accuracy) };
    });
  }

  /** One optimizer step: gradients, clipping, update. The rate is the optimizer's. */
  step(optimizer: torch.AdamW, batch: Batch, maxGradNorm?: number): StepResult {
    optimizer.zeroGrad();
    const { loss, accuracy } = this.backward(batch);
    const norm = torch.scope(() =>
      torch.item(torch.clipGradNorm(this.parameters, maxGradNorm ?? Number.MAX_VALUE)),
    );
    optimizer.step();
    return { loss, accuracy, gradNorm: norm };
  }

  dispose(): void {
    this.#ops.dispose();
    for (const x of this.parameters.values()) x.dispose();
  }
}
