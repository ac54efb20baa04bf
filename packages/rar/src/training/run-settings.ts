/** What a run of `rarity train` does, from its configuration: the reference's defaults where keys are absent (REFERENCE 6.7). */
import type { GeneratorConfig } from "../config/architecture.js";
import { generatorConfig, need, type RarConfig } from "../config/load.js";
import { keptByDefault } from "./checkpoint.js";

export interface RunSettings {
  readonly outputDir: string;
  readonly name: string;
  readonly model: GeneratorConfig;
  /** Optimizer steps in all. */
  readonly steps: number;
  /** Rows of a micro-batch on one rank, and micro-batches a step. */
  readonly batch: number;
  readonly microBatches: number;
  /** Cadences in optimizer steps; undefined: never. */
  readonly saveEvery: number | undefined;
  readonly generateEvery: number | undefined;
  readonly logEvery: number;
  readonly gradNormEvery: number | undefined;
  readonly evalEvery: number | undefined;
  readonly resume: boolean;
  /** Checkpoints that stay; 0: all. */
  readonly keep: number;
  /** Steps that may be skipped because a number was not finite. */
  readonly maxSkipped: number;
}

const loggedEvery = 50;
export const skippedByDefault = 100;

/** @throws {RarityError} "bad-config" naming a key that has to be set */
export function runSettings(config: RarConfig): RunSettings {
  const { experiment, training } = config;
  return {
    outputDir: need(config, "experiment.output_dir"),
    name: experiment.name ?? "rar",
    model: generatorConfig(config),
    steps: need(config, "training.max_train_steps"),
    batch: need(config, "training.per_gpu_batch_size"),
    microBatches: training.gradient_accumulation_steps ?? 1,
    saveEvery: experiment.save_every,
    generateEvery: experiment.generate_every,
    logEvery: experiment.log_every ?? loggedEvery,
    gradNormEvery: experiment.log_grad_norm_every,
    evalEvery: experiment.eval_tokens === undefined ? undefined : experiment.eval_every,
    resume: experiment.resume ?? true,
    keep: experiment.keep_checkpoints ?? keptByDefault,
    maxSkipped: training.max_skipped_steps ?? skippedByDefault,
  };
}
