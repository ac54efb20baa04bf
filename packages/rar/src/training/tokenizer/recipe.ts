/** How a tokenizer is trained: the keys of `tokenizer_training` with their defaults, beside the keys shared with `rarity train`. */
import { RarityError } from "../../config/errors.js";
import { need, type RarConfig } from "../../config/load.js";
import type { ReconstructionWeights } from "./losses.js";

export interface CodebookRecipe {
  /** Codes move as averages of their latents, or by gradients of `weight` * mean((sg(z) - code)^2). */
  readonly kind: "ema" | "loss";
  readonly decay: number;
  readonly weight: number;
  /** Weight of mean((z - sg(code))^2), which draws the encoder to the codes. */
  readonly commitment: number;
  /** Steps in which the decoder gets the latents themselves, before k-means makes the first codes. */
  readonly freeSteps: number;
  /** Latents for k-means, for each code. */
  readonly startLatents: number;
  /** Steps between looks for dead codes; 0: never. */
  readonly reviveEvery: number;
  /** A code is dead below this share of the latents that an average code has. */
  readonly reviveBelow: number;
  /** Share of the run after which codes are left alone. */
  readonly reviveUntil: number;
}

export interface DiscriminatorRecipe {
  /** Optimizer steps before it takes part. */
  readonly start: number;
  /** Factor on the adaptive weight (Esser et al. 2021, equation 7). */
  readonly weight: number;
  readonly channels: number;
  /** Layers between the first and the last: each widens what a patch sees. */
  readonly layers: number;
  readonly learningRate: number;
}

export interface TokenizerRecipe {
  readonly seed: number;
  readonly steps: number;
  /** Images of one rank in a step. */
  readonly batch: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly endLearningRate: number;
  readonly constantRate: boolean;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  readonly maxGradNorm: number | undefined;
  /** Both networks compute in bfloat16, with float32 weights; distances, losses and codes stay in float32. */
  readonly bfloat16: boolean;
  readonly tf32: boolean;
  /** Not false: on one GPU, steps of small networks are recorded and started as a whole. */
  readonly graphs?: boolean | undefined;
  readonly reconstruction: ReconstructionWeights;
  readonly perceptual: { readonly weight: number; readonly model: string } | undefined;
  readonly codebook: CodebookRecipe;
  readonly discriminator: DiscriminatorRecipe | undefined;
  /** Largest decay of the averaged weights, which are then the result; undefined: none. */
  readonly emaDecay: number | undefined;
}

/**
 * @throws {RarityError} "bad-config" for keys that are missing, that contradict each other, or that this verb cannot follow
 */
export function tokenizerRecipe(config: RarConfig): TokenizerRecipe {
  const { optimizer, lr_scheduler: scheduler, training } = config;
  const own = config.tokenizer_training;
  const refuse = (key: string, text: string): never => {
    throw new RarityError("bad-config", `${key} ${text}`);
  };
  if ((training.gradient_accumulation_steps ?? 1) !== 1)
    refuse(
      "training.gradient_accumulation_steps",
      `is ${training.gradient_accumulation_steps}, and a tokenizer is trained without accumulation: the codebook moves once a step. Set it to 1 and raise training.per_gpu_batch_size.`,
    );
  if (training.mixed_precision === "fp16")
    refuse("training.mixed_precision", "is fp16, which needs loss scaling. Use bf16, or no.");
  if (own.perceptual_weight && own.perceptual_model === undefined)
    refuse(
      "tokenizer_training.perceptual_model",
      "is not set, and perceptual_weight is above 0. Name a tokenizer's model folder, whose encoder gives the features.",
    );
  const learningRate = optimizer.params.learning_rate ?? need(config, "lr_scheduler.params.learning_rate");
  return {
    seed: training.seed ?? 42,
    steps: need(config, "training.max_train_steps"),
    batch: need(config, "training.per_gpu_batch_size"),
    learningRate,
    warmupSteps: scheduler.params.warmup_steps ?? 0,
    endLearningRate: scheduler.params.end_lr ?? 0,
    constantRate: scheduler.scheduler === "constant",
    betas: [optimizer.params.beta1 ?? 0.9, optimizer.params.beta2 ?? 0.99],
    weightDecay: optimizer.params.weight_decay ?? 1e-4,
    maxGradNorm: training.max_grad_norm === 0 ? undefined : training.max_grad_norm,
    bfloat16: training.mixed_precision === "bf16",
    tf32: training.enable_tf32 ?? false,
    graphs: training.cuda_graphs,
    reconstruction: {
      l1: own.l1_weight ?? 1,
      l2: own.l2_weight ?? 4,
      gradient: own.gradient_weight ?? 0.3,
    },
    perceptual: own.perceptual_weight
      ? { weight: own.perceptual_weight, model: own.perceptual_model as string }
      : undefined,
    codebook: {
      kind: own.codebook ?? "ema",
      decay: own.codebook_decay ?? 0.99,
      weight: own.codebook_weight ?? 0.25,
      commitment: own.commitment_weight ?? 0.25,
      freeSteps: own.free_steps ?? 200,
      startLatents: own.start_latents_per_code ?? 80,
      reviveEvery: own.revive_every ?? 25,
      reviveBelow: own.revive_below ?? 0.0625,
      reviveUntil: own.revive_until ?? 0.85,
    },
    discriminator:
      own.discriminator_start === undefined
        ? undefined
        : {
            start: own.discriminator_start,
            weight: own.discriminator_weight ?? 0.5,
            channels: own.discriminator_channels ?? 64,
            layers: own.discriminator_layers ?? 2,
            learningRate: own.discriminator_learning_rate ?? learningRate,
          },
    emaDecay: training.use_ema ? (own.ema_decay ?? 0.999) : undefined,
  };
}
