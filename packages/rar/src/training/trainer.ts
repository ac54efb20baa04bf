/**
 * Trains a generator: one optimizer step on batches that are given. It reads and writes no files and knows no clock, and
 * everything random about it is a function of the seed, so that what it holds is all that a later run needs to go on.
 */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig } from "../config/architecture.js";
import { finalOrder } from "../config/orders.js";
import { named } from "../engines/torch/generator.js";
import { torchOps } from "../engines/torch/ops.js";
import type { Recorder } from "../engines/torch/record.js";
import type { Dropout } from "../networks/block.js";
import {
  enter,
  forward,
  type GeneratorWeights,
  generatorWeights,
  leave,
  type TrainingInputs,
  trainingBlock,
} from "../networks/generator.js";
import { drawn, inputsOf, type MicroBatch } from "./batch.js";
import { Ema } from "./ema.js";
import { tokenLoss } from "./loss.js";
import { nonFiniteGradient, nonFiniteValue, nonFiniteWeight } from "./non-finite.js";
import { dropoutSeed } from "./orders.js";
import { optimizerGroups } from "./parameters.js";
import type { Recipe } from "./recipe.js";
import { type RecordedStep, recordedStep } from "./recorded-step.js";
import { copyInto, restoreMoments, type SavedParts } from "./restore.js";
import { learningRateAt, randomRatioAt } from "./schedule.js";

export type { MicroBatch } from "./batch.js";
export type { SavedParts } from "./restore.js";

export interface TrainerOptions {
  readonly config: GeneratorConfig;
  /** As `trainable` makes them; the trainer owns them from here on. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly recipe: Recipe;
  /** "cpu", "cuda" or "cuda:1". Default "cpu". */
  readonly device?: string | undefined;
  /** Records what a step computes before its update; default: a CUDA graph, where {@link recordedStep} makes one. */
  readonly record?: Recorder | undefined;
}

/** Of one optimizer step; loss, correct tokens and norm are the same on every rank. */
export interface StepReport {
  /** Finished optimizer steps, this one included. */
  readonly step: number;
  /** Mean cross-entropy in nats a token, over micro-batches and ranks. */
  readonly loss: number;
  /** Share of places whose likeliest code is the token. */
  readonly correctTokens: number;
  /** 2-norm of all gradients before clipping. */
  readonly gradNorm: number;
  /** Of this update. */
  readonly learningRate: number;
  /** Of the next update: what the reference logs as `lr`. */
  readonly nextLearningRate: number;
  /** Probability of a random order in this step. */
  readonly randomRatio: number;
  /** Why nothing was updated, in a sentence; absent where all is well. */
  readonly skipped?: string | undefined;
}

/** Everything that changes in training, as its own tensors: write or copy them before the next step. */
export interface TrainerParts {
  readonly generator: ReadonlyMap<string, Tensor>;
  readonly ema?: ReadonlyMap<string, Tensor> | undefined;
  /** AdamW's, `NAME.exp_avg` and `NAME.exp_avg_sq`; empty before the first update. */
  readonly moments: ReadonlyMap<string, Tensor>;
}

/** The numbers that belong to the parts, for JSON. */
export interface TrainerCounters {
  /** Finished optimizer steps, skipped ones included. */
  readonly step: number;
  /** Updates of the weights. */
  readonly updates: number;
  readonly emaUpdates: number;
}

export class Trainer {
  readonly config: GeneratorConfig;
  readonly recipe: Recipe;
  readonly device: string;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly #ops: ReturnType<typeof torchOps>;
  readonly #weights: GeneratorWeights<Tensor>;
  readonly #optimizer: torch.AdamW;
  readonly #gradients: torch.distributed.DistributedGradients;
  readonly #order: Int32Array;
  readonly #dropout: Dropout;
  readonly #recorded: RecordedStep<Tensor> | undefined;
  #ema: Ema | undefined;
  #steps = 0;
  #updates = 0;

  /** @throws {TypeError} when the parameters are not those of the network */
  constructor({ config, parameters, recipe, device = "cpu", record }: TrainerOptions) {
    this.config = config;
    this.recipe = recipe;
    this.device = device;
    this.parameters = parameters;
    this.#ops = torchOps({ device, dtype: "float32" });
    this.#weights = generatorWeights(config, named(parameters));
    this.#optimizer = new torch.AdamW(optimizerGroups(config, parameters, recipe.weightDecay), {
      betas: recipe.betas,
      eps: 1e-8,
    });
    this.#dropout = { hidden: recipe.dropout, attention: recipe.attentionDropout };
    this.#order =
      recipe.order === "raster" // which any number of tokens has
        ? Int32Array.from({ length: config.tokens }, (_, i) => i)
        : finalOrder(recipe.order, Math.sqrt(config.tokens));
    if (device === "cpu") torch.keepFreedMemory();
    else torch.allowTF32(recipe.tf32);
    this.#gradients = new torch.distributed.DistributedGradients(inOrderOfUse(parameters));
    if (!recipe.checkpointing) this.#recorded = recordedStep(recipe, device, record);
    if (recipe.ema) this.#ema = new Ema(parameters);
  }

  /** Finished optimizer steps. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * One optimizer step. Its gradient is the mean over the micro-batches (of as many rows each) and over all ranks. Where the
   * loss or the gradients' norm is no finite number, the step counts and nothing is updated. The parameters' `grad` stay as the
   * update used them, clipped, until the next step.
   *
   * @throws {RangeError} for a batch that does not fit the network
   */
  step(microBatches: readonly MicroBatch[]): StepReport {
    const { recipe } = this;
    const count = microBatches.length;
    if (count === 0) throw new RangeError("A training step needs at least one batch.");
    const learningRate = learningRateAt(this.#steps, recipe);
    const randomRatio = randomRatioAt(this.#steps, recipe.annealing, recipe.randomFloor);
    const [loss, correctTokens, gradNorm] = torch.scope(() => {
      const found = microBatches.map((micro, i) => {
        const run = (): Tensor => this.#backward(micro, i, count, randomRatio);
        return i + 1 < count ? this.#gradients.noSync(run) : run();
      });
      this.#gradients.average();
      const means = torch.mean(torch.stack(found), [0]); // [loss, accuracy]
      torch.distributed.allReduce(means, "avg");
      const norm = torch.reshape(torch.gradNorm(this.parameters), [1]);
      return torch.numbers(torch.cat([means, norm])); // the one moment that waits for the device
    }) as [number, number, number];
    const fine = Number.isFinite(loss) && Number.isFinite(gradNorm);
    const blame = fine ? undefined : this.#blame(microBatches, loss, randomRatio);
    if (fine) this.#update(learningRate, gradNorm);
    this.#steps++;
    return {
      step: this.#steps,
      loss,
      correctTokens,
      gradNorm,
      learningRate,
      nextLearningRate: learningRateAt(this.#steps, recipe),
      randomRatio,
      ...(!fine && { skipped: blame }),
    };
  }

  /**
   * Adds the gradients of one micro-batch, a share of `count`.
   * @returns [loss, accuracy], a tensor
   */
  #backward(micro: MicroBatch, index: number, count: number, randomRatio: number): Tensor {
    return torch.scope(() => {
      const inputs = this.#inputs(micro, randomRatio);
      const compute = (given: TrainingInputs<Tensor>): Tensor => this.#compute(given, index, count);
      if (count === 1 && this.#recorded)
        return this.#recorded.run("", inputs, compute, () => this.#seed(index));
      this.#seed(index);
      return compute(inputs);
    });
  }

  /** What a graph can hold of a step: all but what comes from the host. */
  #compute(inputs: TrainingInputs<Tensor>, index: number, count: number): Tensor {
    if (index === 0) this.#optimizer.zeroGrad();
    const { logits, backward } = this.#forward(inputs);
    const { loss, accuracy } = torch.scope(() => tokenLoss(logits, inputs.tokens));
    logits.dispose();
    backward(count === 1 ? loss : torch.div(loss, count));
    return torch.stack([torch.detach(loss), accuracy]);
  }

  /** What the network is given. */
  #inputs(micro: MicroBatch, randomRatio: number): TrainingInputs<Tensor> {
    const { config, recipe } = this;
    const given = drawn(config, micro, { ...recipe, order: this.#order, randomRatio });
    return inputsOf(config, micro.batch, given, this.device);
  }

  /** The generators, for the network's dropout in one micro-batch. */
  #seed(index: number): void {
    const { recipe } = this;
    if (recipe.dropout > 0 || recipe.attentionDropout > 0)
      torch.manualSeed(dropoutSeed(recipe.seed, this.#steps, index, torch.distributed.rank()));
  }

  /** Logits, and what brings a loss's gradients into the parameters. */
  #forward(inputs: TrainingInputs<Tensor>): { logits: Tensor; backward: (loss: Tensor) => void } {
    const [ops, w, dropout, { config }] = [this.#ops, this.#weights, this.#dropout, this];
    if (!this.recipe.checkpointing) {
      const options = { dropout, withoutLast: true };
      const logits = this.#casting(() => torch.scope(() => forward(ops, config, w, inputs, options)));
      return { logits, backward: (loss) => torch.backward(loss) };
    }
    return this.#casting(() => {
      const { x, c } = torch.scope(() => enter(ops, config, w, inputs, { withoutLast: true }));
      const blocks = w.blocks.map(
        (_, i) => (x: Tensor, c: Tensor) => trainingBlock(ops, config, w, i, x, c, { dropout }),
      );
      const kept = torch.checkpointBlocks(blocks, [x, c as Tensor]);
      const last = torch.detach(c);
      last.requiresGrad = true;
      const logits = torch.scope(() => leave(ops, w, kept.output, last));
      const backward = (loss: Tensor): void => {
        torch.backward(loss);
        const [toX, toC] = kept.backward(kept.output.grad!) as [Tensor, Tensor];
        torch.backward([x, c], { gradients: [toX, torch.add(toC, last.grad!)] });
      };
      return { logits, backward };
    });
  }

  /** Why a step cannot be used: the first number on its way that is not finite. */
  #blame(microBatches: readonly MicroBatch[], loss: number, randomRatio: number): string {
    const what = Number.isFinite(loss) ? "the gradients' norm" : "the loss";
    const weight = nonFiniteWeight(this.parameters);
    if (weight !== undefined) return `${what} is not finite, because the weight ${weight} is not`;
    for (const [index, micro] of microBatches.entries()) {
      const value = torch.scope(() => {
        const inputs = this.#inputs(micro, randomRatio);
        this.#seed(index);
        const { config } = this;
        return this.#casting(() => nonFiniteValue(this.#ops, config, this.#weights, inputs, this.#dropout));
      });
      if (value !== undefined) return `${what} is not finite; the first such value is ${value}`;
    }
    const gradient = nonFiniteGradient(this.parameters);
    return gradient === undefined
      ? `${what} is too large for float32`
      : `${what} is not finite; the first such gradient is that of ${gradient}`;
  }

  #casting<R>(fn: () => R): R {
    if (this.recipe.precision === "float32") return fn();
    return torch.autocast({ device: this.device.split(":")[0]!, dtype: "bfloat16" }, fn);
  }

  #update(learningRate: number, norm: number): void {
    const { maxGradNorm } = this.recipe;
    if (maxGradNorm !== undefined && norm + 1e-6 > maxGradNorm)
      torch.scope(() => torch._foreach_mul_scalar_(this.#grads(), maxGradNorm / (norm + 1e-6)));
    this.#optimizer.setLearningRate(learningRate);
    this.#optimizer.step();
    this.#updates++;
    this.#ema?.update(this.parameters);
  }

  #grads(): Tensor[] {
    return [...this.parameters.values()].flatMap((x) => x.grad ?? []);
  }

  /** What a checkpoint holds. */
  parts(): TrainerParts {
    const moments = Object.entries(this.#optimizer.stateDict()).filter(
      (entry): entry is [string, Tensor] => entry[1] instanceof torch.Tensor,
    );
    return { generator: this.parameters, ema: this.#ema?.shadows, moments: new Map(moments) };
  }

  counters(): TrainerCounters {
    return { step: this.#steps, updates: this.#updates, emaUpdates: this.#ema?.updates ?? 0 };
  }

  /**
   * Goes on from saved parts, to the bit. Without an average of its own the EMA starts anew from the weights.
   *
   * @throws {TypeError} when a tensor is missing or has another shape
   */
  async restore(saved: SavedParts, counters: TrainerCounters): Promise<void> {
    await copyInto(this.parameters, saved.generator);
    if (this.#ema) {
      await copyInto(this.#ema.shadows, saved.ema ?? saved.generator);
      this.#ema.updates = saved.ema ? counters.emaUpdates : 0;
    }
    await restoreMoments(this.#optimizer, this.parameters, saved.moments, counters.updates);
    this.#steps = counters.step;
    this.#updates = counters.updates;
  }

  dispose(): void {
    this.#recorded?.dispose();
    this.#gradients.dispose();
    this.#optimizer.dispose();
    this.#ema?.dispose();
    this.#ops.dispose();
    for (const x of this.parameters.values()) x.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Buckets of gradients are averaged in the reverse of this order: the embeddings' are complete last. */
function inOrderOfUse(parameters: ReadonlyMap<string, Tensor>): Tensor[] {
  const first = (name: string): number => (/^blocks\.|^adaln|^lm_head/.test(name) ? 1 : 0);
  return [...parameters].sort(([a], [b]) => first(a) - first(b)).map(([, x]) => x);
}
