/** How a generator is trained: what one optimizer step reads of rar.yaml, in one place. */
import { RarityError } from "../config/errors.js";
import { need, type RarConfig } from "../config/load.js";
import type { OrderKind } from "../config/orders.js";

export interface Recipe {
  readonly seed: number;
  readonly learningRate: number;
  readonly schedule: "cosine" | "constant";
  readonly warmupSteps: number;
  readonly maxSteps: number;
  /** Rate at `maxSteps` under the cosine. */
  readonly endLearningRate: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  /** Gradients are scaled down to this common norm; undefined: never. */
  readonly maxGradNorm: number | undefined;
  /** Of products in the network; weights, loss and optimizer are float32 always. */
  readonly precision: "float32" | "bfloat16";
  readonly dropout: number;
  readonly attentionDropout: number;
  /** Share of samples trained without their class. */
  readonly classDropout: number;
  /** Finished steps up to which all orders are random, and from which only `randomFloor` of them are. */
  readonly annealing: { readonly start: number; readonly end: number };
  readonly randomFloor: number;
  /** The order that is not random. */
  readonly order: OrderKind;
  readonly ema: boolean;
  /** Blocks keep only their inputs, and are computed again in backward. */
  readonly checkpointing: boolean;
  /** CUDA computes float32 products in TF32. */
  readonly tf32: boolean;
  /** Not false: on one GPU, steps of small networks are recorded and started as a whole. */
  readonly graphs?: boolean | undefined;
}

/**
 * Without `training.seed` the seed is 0: who wants another one draws it and tells all ranks.
 *
 * @throws {RarityError} "bad-config" for a key that is not set, and for float16, which is not offered
 */
export function recipeOf(config: RarConfig): Recipe {
  const { generator } = config.model;
  const { training, lr_scheduler: scheduler } = config;
  if (training.mixed_precision === "fp16")
    throw new RarityError(
      "bad-config",
      "training.mixed_precision is fp16, whose small gradients vanish without loss scaling, which is not offered. " +
        "Pass training.mixed_precision=bf16, which needs none, or no.",
    );
  const learningRate = need(config, "optimizer.params.learning_rate");
  // The reference scales the optimizer's rate by the schedule's share of the schedule's own base rate.
  const base = scheduler.params.learning_rate ?? learningRate;
  const endRate = scheduler.params.end_lr ?? 0;
  return {
    seed: training.seed ?? 0,
    learningRate,
    schedule: scheduler.scheduler ?? "cosine",
    warmupSteps: scheduler.params.warmup_steps ?? 0,
    maxSteps: need(config, "training.max_train_steps"),
    endLearningRate: base > 0 ? (endRate * learningRate) / base : endRate,
    betas: [need(config, "optimizer.params.beta1"), need(config, "optimizer.params.beta2")],
    weightDecay: need(config, "optimizer.params.weight_decay"),
    maxGradNorm: training.max_grad_norm || undefined, // 0 as well: clipped to nothing, nothing would be learned
    precision: training.mixed_precision === "bf16" ? "bfloat16" : "float32",
    dropout: generator.dropout ?? 0,
    attentionDropout: generator.attn_drop ?? 0,
    classDropout: need(config, "model.generator.class_label_dropout"),
    annealing: {
      start: need(config, "model.generator.randomness_anneal_start"),
      end: need(config, "model.generator.randomness_anneal_end"),
    },
    randomFloor: generator.randomness_floor ?? 0,
    order: generator.order ?? "raster",
    ema: training.use_ema ?? false,
    checkpointing: generator.use_checkpoint ?? false,
    tf32: training.enable_tf32 ?? false,
    graphs: training.cuda_graphs,
  };
}
