/** A tokenizer whose weights are being trained: one optimizer step on a batch that is given. No files, no clock. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { TokenizerConfig } from "../../config/architecture.js";
import { named } from "../../engines/torch/generator.js";
import { torchOps } from "../../engines/torch/ops.js";
import type { Recorder } from "../../engines/torch/record.js";
import { decodeLatent, decoderWeights, encode, encoderWeights } from "../../networks/tokenizer.js";
import { Ema } from "../ema.js";
import { decays } from "../groups.js";
import { type RecordedStep, recordedStep } from "../recorded-step.js";
import { chance } from "./chance.js";
import {
  countsOf,
  kMeans,
  latentGrid,
  latentRows,
  moveCodes,
  nearestCodes,
  reviveCodes,
  tally,
  trackCounts,
} from "./codebook.js";
import { discriminate } from "./discriminator.js";
import { adaptiveWeight } from "./last-layer.js";
import { adversarialLoss, discriminatorLoss, reconstructionLoss } from "./losses.js";
import type { PerceptualLoss } from "./perceptual.js";
import { quantise } from "./quantise.js";
import type { TokenizerRecipe } from "./recipe.js";

export const codebookName = "quantize.embedding.weight";
const lastLayer = "decoder.conv_out.weight";
/** Of the discriminator's AdamW, as VQGAN has them. */
const discriminatorBetas = [0.5, 0.9] as const;

/** Numbers of one step, averaged over the ranks, by name. */
export type TokenizerStepReport = Readonly<Record<string, number>> & {
  readonly loss: number;
  readonly grad_norm: number;
  readonly lr: number;
  /** 1 where a number was not finite: nothing was changed then. */
  readonly skipped: number;
};

export interface TokenizerTrainerParts {
  readonly config: TokenizerConfig;
  readonly recipe: TokenizerRecipe;
  /** Kept float32 tensors on the device, by the names of a tokenizer's file. The trainer owns them from here on. */
  readonly parameters: ReadonlyMap<string, Tensor>;
  /** The same of the discriminator, where the recipe has one. */
  readonly discriminator?: ReadonlyMap<string, Tensor> | undefined;
  readonly perceptual?: PerceptualLoss | undefined;
  /** Whether the codebook that is given is one already, and no k-means is needed. Default false. */
  readonly codebookReady?: boolean | undefined;
  readonly device?: string | undefined;
  /** Records what a step computes before its update; default: a CUDA graph, where {@link recordedStep} makes one. */
  readonly record?: Recorder | undefined;
}

export class TokenizerTrainer {
  readonly config: TokenizerConfig;
  readonly recipe: TokenizerRecipe;
  readonly parameters: ReadonlyMap<string, Tensor>;
  readonly device: string;
  readonly ema: Ema | undefined;
  readonly discriminator: ReadonlyMap<string, Tensor> | undefined;
  /** Average number of latents on each code, over all ranks. [K] */
  readonly count: Tensor;
  /** Finished optimizer steps, skipped ones included. */
  finished = 0;
  codebookReady: boolean;
  /** Whether `count` has begun. */
  counting = false;
  readonly optimizer: torch.AdamW;
  readonly discriminatorOptimizer: torch.AdamW | undefined;
  readonly #trained: ReadonlyMap<string, Tensor>;
  readonly #gradients: torch.distributed.DistributedGradients;
  readonly #discriminatorGradients: torch.distributed.DistributedGradients | undefined;
  readonly #perceptual: PerceptualLoss | undefined;
  readonly #ops: ReturnType<typeof torchOps>;
  readonly #recorded: RecordedStep<Computed> | undefined;
  /** Of the numbers that the last computation yields. */
  #names: readonly string[] = [];

  constructor(parts: TokenizerTrainerParts) {
    const { config, recipe, parameters, discriminator, device = "cpu" } = parts;
    this.config = config;
    this.recipe = recipe;
    this.parameters = parameters;
    this.device = device;
    this.discriminator = discriminator;
    this.codebookReady = parts.codebookReady ?? false;
    this.#perceptual = parts.perceptual;
    this.#ops = torchOps({ device, dtype: "float32" });
    this.count = torch.keep(torch.zeros([config.codebookSize], { device }));
    if (device !== "cpu") torch.allowTF32(recipe.tf32);
    if (recipe.discriminator && !discriminator)
      throw new TypeError("The recipe has a discriminator, and none was given.");

    this.#trained = new Map(
      [...parameters].filter(([name]) => recipe.codebook.kind === "loss" || name !== codebookName),
    );
    for (const x of this.#trained.values()) x.requiresGrad = true;
    this.optimizer = new torch.AdamW(groups(this.#trained, recipe.weightDecay), { betas: recipe.betas });
    this.#gradients = new torch.distributed.DistributedGradients([...this.#trained.values()]);
    if (discriminator && recipe.discriminator) {
      for (const x of discriminator.values()) x.requiresGrad = true;
      this.discriminatorOptimizer = new torch.AdamW(groups(discriminator, recipe.weightDecay), {
        betas: discriminatorBetas,
      });
      this.#discriminatorGradients = new torch.distributed.DistributedGradients([...discriminator.values()]);
    }
    this.#recorded = recordedStep(recipe, device, parts.record);
    this.ema = recipe.emaDecay === undefined ? undefined : new Ema(parameters, recipe.emaDecay);
  }

  /** Whether the next step quantises and there are no codes yet: give latents to {@link startCodebook} first. */
  get needsCodebook(): boolean {
    return !this.codebookReady && this.finished >= this.recipe.codebook.freeSteps;
  }

  /** Rate of the next update: warm-up, then cosine or constant. */
  get learningRate(): number {
    const { learningRate: lr, warmupSteps, steps: maxSteps, endLearningRate: endLr } = this.recipe;
    if (this.recipe.constantRate) return torch.warmupConstant(this.finished, { lr, warmupSteps });
    return torch.warmupCosine(this.finished, { lr, warmupSteps, maxSteps, endLr });
  }

  /** The first codes, by k-means on these pictures' latents. Each: [B, 3, H, W] in [0, 1], this rank's part of a batch. */
  startCodebook(batches: Iterable<Tensor>): void {
    torch.noGrad(() =>
      torch.scope(() => {
        const K = this.config.codebookSize;
        const rows: Tensor[] = [];
        for (const images of batches)
          rows.push(...torch.distributed.allGather(torch.contiguous(latentRows(this.#encode(images)))));
        const codes = this.#exactly(() => kMeans(this.#ops, torch.cat(rows), K, this.#seed()));
        const codebook = this.parameters.get(codebookName)!;
        torch.copy_(codebook, codes);
        const shadow = this.ema?.shadows.get(codebookName);
        if (shadow) torch.copy_(shadow, codes);
        this.codebookReady = true;
      }),
    );
  }

  /**
   * One optimizer step. Every rank gives as many pictures, and the ranks' pictures in their order are the batch.
   * @param images - [B, 3, H, W] float32 in [0, 1] on the device
   * @throws {Error} when the codebook is wanted and was not started
   */
  step(images: Tensor): TokenizerStepReport {
    if (this.needsCodebook) throw new Error("The codebook is not started: call startCodebook() first.");
    const lr = this.learningRate;
    const report = torch.scope(() => {
      const judging = this.#judges();
      const key = `${this.codebookReady} ${judging}`; // a step goes another way with each
      const compute = (given: { images: Tensor }): Computed => this.#compute(given.images);
      const { scalars, ...rows } = this.#recorded
        ? this.#recorded.run(key, { images }, compute, () => {})
        : compute({ images });
      const values = torch.numbers(scalars); // the one wait for the device in a step
      const numbers = Object.fromEntries(this.#names.map((name, i) => [name, values[i]!]));
      const finite = Number.isFinite(numbers.grad_norm) && Number.isFinite(numbers.discriminator_norm ?? 0);
      if (finite) {
        this.optimizer.setLearningRate(lr);
        this.optimizer.step();
        if (judging) this.#stepDiscriminator(lr);
        const revived = isQuantised(rows) ? this.#moveCodebook(rows) : undefined;
        if (revived !== undefined) numbers.revived = revived;
        this.ema?.update(this.parameters);
      }
      return { ...numbers, lr, skipped: finite ? 0 : 1 };
    });
    this.finished++;
    return report as unknown as TokenizerStepReport;
  }

  /**
   * Pictures to codes and back in float32, without gradients, with the averaged weights where there are any.
   * images: [B, 3, H, W] -> pixels clamped to [0, 1] and codes [B, h, w]. Before there is a codebook the latents themselves
   * are decoded, and there are no codes.
   */
  reconstruct(images: Tensor): { readonly pixels: Tensor; readonly codes: Tensor | undefined } {
    return torch.noGrad(() =>
      torch.scope(() =>
        this.#exactly(() => {
          const get = named(this.ema?.shadows ?? this.parameters);
          const z = encode(this.#ops, encoderWeights(this.config, get), images);
          const [B, , h, w] = z.shape as [number, number, number, number];
          let x = z;
          let codes: Tensor | undefined;
          if (this.codebookReady) {
            const nearest = nearestCodes(this.#ops, latentRows(z), get(codebookName)).codes;
            codes = torch.reshape(nearest, [B, h, w]);
            x = latentGrid(torch.index_select(get(codebookName), 0, nearest), z.shape);
          }
          const pixels = decodeLatent(this.#ops, decoderWeights(this.config, get), x);
          return { pixels: torch.clamp(pixels, 0, 1), codes };
        }),
      ),
    );
  }

  dispose(): void {
    this.#recorded?.dispose();
    for (const map of [this.parameters, this.discriminator]) for (const x of map?.values() ?? []) x.dispose();
    this.#gradients.dispose();
    this.#discriminatorGradients?.dispose();
    this.optimizer.dispose();
    this.discriminatorOptimizer?.dispose();
    this.ema?.dispose();
    this.#perceptual?.dispose();
    this.count.dispose();
    this.#ops.dispose();
  }

  /** What a graph can hold of a step: gradients, clipped, and all numbers that tell of it. */
  #compute(images: Tensor): Computed {
    this.optimizer.zeroGrad();
    this.discriminatorOptimizer?.zeroGrad();
    const scalars = new Map<string, Tensor>();
    const { pixels, rows } = this.#backward(images, scalars);
    this.#gradients.average();
    scalars.set("grad_norm", clip(this.#trained, this.recipe.maxGradNorm));
    if (this.#judges()) this.#backwardDiscriminator(images, pixels, scalars);
    this.#names = [...scalars.keys()];
    return { scalars: torch.distributed.allReduce(torch.stack([...scalars.values()]), "avg"), ...rows };
  }

  /** Parameters in the type the networks compute in; gradients go through the conversion. */
  #weights(parameters: ReadonlyMap<string, Tensor>): (name: string) => Tensor {
    const get = named(parameters);
    return this.recipe.bfloat16 ? (name) => torch.to(get(name), { dtype: "bfloat16" }) : get;
  }

  #input(x: Tensor): Tensor {
    return this.recipe.bfloat16 ? torch.to(x, { dtype: "bfloat16" }) : x;
  }

  /** Latents in float32: [B, z, h, w] */
  #encode(images: Tensor): Tensor {
    const weights = encoderWeights(this.config, this.#weights(this.parameters));
    return torch.to(encode(this.#ops, weights, this.#input(images)), { dtype: "float32" });
  }

  /** Without TF32, whatever else uses it: which code is nearest is a matter of the last digits. */
  #exactly<R>(fn: () => R): R {
    if (!this.recipe.tf32 || this.device === "cpu") return fn();
    torch.allowTF32(false);
    try {
      return fn();
    } finally {
      torch.allowTF32(true);
    }
  }

  #seed(): number {
    return chance(this.recipe.seed, this.finished, "codes");
  }

  /** Whether the discriminator takes part in the next step. */
  #judges(): boolean {
    return this.recipe.discriminator !== undefined && this.finished >= this.recipe.discriminator.start;
  }

  /** Gradients of encoder and decoder (and codebook, where it has any) into `grad`. */
  #backward(
    images: Tensor,
    scalars: Map<string, Tensor>,
  ): { readonly pixels: Tensor; readonly rows: QuantisedRows | undefined } {
    const z = this.#encode(images);
    const codebook = this.parameters.get(codebookName)!;
    const quantised = this.codebookReady
      ? this.#exactly(() => quantise(this.#ops, z, codebook, this.recipe.codebook))
      : undefined;
    const decoder = decoderWeights(this.config, this.#weights(this.parameters));
    const decoded = decodeLatent(this.#ops, decoder, this.#input(quantised?.through ?? z));
    const pixels = torch.to(decoded, { dtype: "float32" }); // [B, 3, H, W]

    // Each loss is taken back to the pixels alone; what arrives there is summed and goes through the networks once.
    const leaf = torch.detach(pixels);
    leaf.requiresGrad = true;
    const towards = (loss: Tensor): Tensor => torch.grad(loss, [leaf])[0]!;
    const { total, l1, l2 } = reconstructionLoss(leaf, images, this.recipe.reconstruction);
    let loss = total;
    if (this.#perceptual) {
      const perceptual = this.#perceptual.loss(this.#ops, leaf, images);
      loss = torch.add(loss, torch.mul(perceptual, this.recipe.perceptual?.weight ?? 0));
      scalars.set("perceptual", torch.detach(perceptual));
    }
    scalars.set("reconstruction", torch.detach(loss));
    scalars.set("l1", l1);
    scalars.set("l2", l2);
    let gradient = towards(loss);
    if (this.#judges()) {
      const frozen = new Map([...this.discriminator!].map(([name, x]) => [name, torch.detach(x)]));
      const verdict = discriminate(this.recipe.discriminator!, this.#weights(frozen), this.#input(leaf));
      const adversarial = adversarialLoss(torch.to(verdict, { dtype: "float32" }));
      const pull = towards(adversarial);
      const weight = torch.mul(
        adaptiveWeight(pixels, this.parameters.get(lastLayer)!, gradient, pull),
        this.recipe.discriminator!.weight,
      );
      gradient = torch.add(gradient, torch.mul(pull, weight));
      scalars.set("adversarial", torch.detach(adversarial));
      scalars.set("adversarial_weight", weight);
    }
    if (!quantised) {
      scalars.set("loss", torch.detach(loss));
      torch.backward(pixels, { gradients: [gradient] });
      return { pixels: torch.detach(pixels), rows: undefined };
    }
    const { latents, codes, distances } = quantised;
    const tallied = torch.distributed.allReduce(tally(latents, codes, this.config.codebookSize));
    scalars.set("commitment", quantised.commitment);
    scalars.set("code_perplexity", perplexityOf(countsOf(tallied)));
    scalars.set("loss", torch.detach(torch.add(loss, quantised.loss)));
    torch.backward([pixels, quantised.loss], { gradients: [gradient, null] });
    return { pixels: torch.detach(pixels), rows: { latents, distances, tallied } };
  }

  /** After an update: moving averages, and new places for dead codes. Returns how many were moved, where it looked. */
  #moveCodebook({ latents, distances, tallied }: QuantisedRows): number | undefined {
    const { kind, decay, reviveEvery, reviveBelow, reviveUntil } = this.recipe.codebook;
    const codebook = this.parameters.get(codebookName)!;
    const evenShare = (latents.shape[0]! * torch.distributed.worldSize()) / this.config.codebookSize;
    if (!this.counting) torch.fill_(this.count, evenShare);
    this.counting = true;
    trackCounts(this.count, tallied, decay);
    if (kind === "ema") moveCodes(codebook, this.count, tallied, decay);

    const late = this.finished >= reviveUntil * this.recipe.steps;
    if (reviveEvery === 0 || late || (this.finished + 1) % reviveEvery !== 0) return undefined;
    const all = {
      rows: torch.cat(torch.distributed.allGather(latents)),
      distances: torch.cat(torch.distributed.allGather(distances)),
    };
    torch.manualSeed(this.#seed());
    const random = torch.exponential_(torch.empty(all.distances.shape, { device: this.device }));
    const limits = { least: reviveBelow * evenShare, fresh: evenShare };
    const moved = reviveCodes(codebook, this.count, { ...all, random }, limits);
    const shadow = this.ema?.shadows.get(codebookName);
    // An average of two places would be no place of latents.
    if (shadow) torch.copy_(shadow, torch.where(torch.unsqueeze(moved, 1), codebook, shadow));
    return torch.item(torch.sum(moved));
  }

  /** Gradients of the discriminator: the pictures against their reconstructions, which are constants here. */
  #backwardDiscriminator(images: Tensor, pixels: Tensor, scalars: Map<string, Tensor>): void {
    const both = this.#input(torch.cat([images, pixels]));
    const verdict = discriminate(this.recipe.discriminator!, this.#weights(this.discriminator!), both);
    const [real, made] = torch.chunk(torch.to(verdict, { dtype: "float32" }), 2) as [Tensor, Tensor];
    const loss = discriminatorLoss(real, made);
    torch.backward(loss);
    this.#discriminatorGradients!.average();
    scalars.set("discriminator_loss", torch.detach(loss));
    scalars.set("discriminator_norm", clip(this.discriminator!, this.recipe.maxGradNorm));
  }

  /** Its rate follows the same schedule at its own height. */
  #stepDiscriminator(lr: number): void {
    const { learningRate, discriminator } = this.recipe;
    const height = learningRate > 0 ? discriminator!.learningRate / learningRate : 0;
    this.discriminatorOptimizer!.setLearningRate(lr * height);
    this.discriminatorOptimizer!.step();
  }
}

/** What the codebook's averages need of a step. */
type QuantisedRows = Readonly<Record<"latents" | "distances" | "tallied", Tensor>>;

/** What a step computes on the device: its numbers, and where it quantises what the codebook needs. */
type Computed = Readonly<{ scalars: Tensor } & { [Name in keyof QuantisedRows]?: Tensor }>;

const isQuantised = (rows: Omit<Computed, "scalars">): rows is QuantisedRows => rows.latents !== undefined;

const groups = (parameters: ReadonlyMap<string, Tensor>, weightDecay: number): torch.AdamWGroup[] =>
  [true, false].map((decay) => ({
    parameters: new Map([...parameters].filter(([name, x]) => decays(name, x.shape) === decay)),
    weightDecay: decay ? weightDecay : 0,
  }));

/** The norm before clipping. */
const clip = (parameters: ReadonlyMap<string, Tensor>, most: number | undefined): Tensor =>
  torch.clipGradNorm(parameters, most ?? Number.MAX_VALUE);

/** exp of the entropy of the counts' shares. [K, 1] -> one number */
function perplexityOf(counts: Tensor): Tensor {
  const shares = torch.div(counts, torch.sum(counts));
  return torch.exp(torch.neg(torch.sum(torch.mul(shares, torch.log(torch.clamp(shares, 1e-12))))));
}
