/** What a run is going to do, in lines to be read before it does it: sizes, epochs, memory, and how far it is from the published recipe. */
import type { GeneratorConfig } from "../config/architecture.js";
import { type Plain, quote, valueAt } from "../config/plain.js";
import type { RarConfig } from "../config/schema.js";
import { generatorShapes } from "../config/shapes.js";
import { decays } from "./groups.js";
import type { RunSettings } from "./run-settings.js";

export interface PlanFacts {
  readonly config: RarConfig;
  readonly settings: RunSettings;
  readonly ranks: number;
  /** What the network runs on: "cpu", "cuda:0". */
  readonly device: string;
  /** Rows of tokens, and where they are; undefined where they are not at hand yet. */
  readonly data: { readonly rows: number; readonly path: string } | undefined;
  /** Finished steps of the checkpoint it goes on from. */
  readonly from: number;
}

/** The plan, a line a subject. */
export function planLines(facts: PlanFacts): string[] {
  const { config, settings, ranks, data, from, device } = facts;
  const { model, steps, batch, microBatches } = settings;
  const { training, optimizer, lr_scheduler: scheduler } = config;
  const generator = config.model.generator;
  const groups = parameterGroups(model);
  const rowsAStep = batch * microBatches * ranks;
  const samples = steps * rowsAStep;
  const row = (name: string, text: string): string => `${name.padEnd(12)}${text}`;
  const rate = optimizer.params.learning_rate;
  const precision = training.mixed_precision ?? "no";
  const differences = fromPublished(config, rowsAStep);
  return [
    row(
      "model",
      `${model.depth} blocks of width ${model.width}, ${model.heads} heads, ${model.tokens} tokens of ${model.codebookSize} codes, ${model.classes} classes: ${count(groups.decay.numbers + groups.plain.numbers)} parameters`,
    ),
    row(
      "groups",
      `${count(groups.decay.numbers)} parameters in ${groups.decay.tensors} tensors with weight decay ${optimizer.params.weight_decay ?? 0}, ${count(groups.plain.numbers)} in ${groups.plain.tensors} without`,
    ),
    row(
      "batch",
      `${count(rowsAStep)} rows a step = ${ranks} ${ranks === 1 ? "process" : "processes"} x ${batch} rows x ${microBatches} micro-${microBatches === 1 ? "batch" : "batches"}`,
    ),
    row(
      "steps",
      `${count(steps)}, ${count(samples)} samples${from > 0 ? `; going on from ${count(from)}` : ""}`,
    ),
    row("epochs", epochs(samples, data?.rows, config.experiment.max_train_examples)),
    row(
      "data",
      data
        ? `${data.path}: ${count(data.rows)} rows`
        : `${config.dataset.params.pretokenization ?? `tokens made of ${config.dataset.params.train_shards_path_or_url}`}, not opened yet`,
    ),
    row(
      "rate",
      `0 to ${rate} in ${count(scheduler.params.warmup_steps ?? 0)} steps, then ${scheduler.scheduler === "constant" ? "constant" : `a cosine to ${scheduler.params.end_lr ?? 0} at step ${count(steps)}`}`,
    ),
    row("orders", annealing(generator.randomness_anneal_start, generator.randomness_anneal_end, steps)),
    row(
      "computing",
      `${device}, ${precision === "no" ? "float32" : precision === "bf16" ? "bfloat16 autocast" : "float16 autocast"}${generator.use_checkpoint ? ", blocks recomputed in backward" : ""}${training.use_ema ? ", moving average of the weights" : ""}`,
    ),
    row("memory", memoryInWords(facts)),
    row(
      "saving",
      `${settings.saveEvery === undefined ? "at the end" : `every ${count(settings.saveEvery)} steps`}, about ${gigabytes(checkpointBytes(model, training.use_ema))} each, ${settings.keep === 0 ? "all kept" : `the last ${settings.keep} kept (experiment.keep_checkpoints; the reference keeps all: 0)`}`,
    ),
    row(
      "published",
      differences.length === 0 ? "this is the published recipe" : `differs in ${differences.join(", ")}`,
    ),
  ];
}

export interface GroupSize {
  readonly tensors: number;
  readonly numbers: number;
}

/** How many parameters are in the optimizer's two groups (REFERENCE 6.2). */
export function parameterGroups(model: GeneratorConfig): { decay: GroupSize; plain: GroupSize } {
  const shapes = generatorShapes(model);
  const sizeOf = (wanted: boolean): GroupSize => {
    const some = shapes.filter(({ name, shape }) => decays(name, shape) === wanted);
    return { tensors: some.length, numbers: some.reduce((n, { shape }) => n + volume(shape), 0) };
  };
  return { decay: sizeOf(true), plain: sizeOf(false) };
}

/**
 * Passes over the pictures and passes over the rows: a ten-crop file has ten rows a picture, one with mirrors two, so that an epoch of
 * the paper is a tenth or half of a pass over the file (REFERENCE 6.6).
 */
export function epochs(samples: number, rows: number | undefined, pictures: number | undefined): string {
  const passes =
    rows === undefined ? undefined : `${decimal(samples / rows)} passes over the file's ${count(rows)} rows`;
  if (pictures === undefined) return passes ?? "not known";
  const epochs = `${decimal(samples / pictures)} over ${count(pictures)} pictures (experiment.max_train_examples)`;
  if (rows === undefined) return epochs;
  const each = rows / pictures;
  const nearly = Math.round(each);
  const known =
    nearly >= 1 && Math.abs(each - nearly) < 0.02
      ? ({ 1: "one row a picture", 2: "a picture and its mirror", 10: "ten crops a picture" }[nearly] ??
        `${nearly} rows a picture`)
      : `${decimal(each)} rows a picture`;
  return `${epochs}; ${passes}: ${known}`;
}

function annealing(start: number | undefined, end: number | undefined, steps: number): string {
  if (start === undefined || end === undefined)
    return "raster only: randomness_anneal_start and _end are not set";
  const short = end > steps ? `; the run ends at ${count(steps)}, before orders are all raster` : "";
  return `random up to step ${count(start)}, ever fewer from there, raster from step ${count(end)}${short}`;
}

/** What a rank holds, in bytes; activations are an estimate. */
export interface MemoryEstimate {
  readonly weights: number;
  readonly gradients: number;
  readonly moments: number;
  readonly ema: number;
  readonly activations: number;
}

export function memoryOf({
  config,
  settings,
  device,
}: Pick<PlanFacts, "config" | "settings" | "device">): MemoryEstimate {
  const { decay, plain } = parameterGroups(settings.model);
  const weights = 4 * (decay.numbers + plain.numbers);
  return {
    weights,
    gradients: weights,
    moments: 2 * weights,
    ema: config.training.use_ema ? weights : 0,
    activations: activationBytes(settings.model, settings.batch, {
      half: (config.training.mixed_precision ?? "no") !== "no",
      recomputed: config.model.generator.use_checkpoint ?? false,
      scores: device === "cpu" && (config.model.generator.attn_drop ?? 0) > 0,
    }),
  };
}

/**
 * What autograd keeps between forward and backward of one micro-batch, and what backward needs beside it: about twice a block. A block
 * keeps for each position its input, the normalised and modulated values of both halves, queries, keys, values, the attention's
 * result, the six modulations, the MLP's two hidden activations and dropout's masks. Attention with dropout on a CPU keeps its
 * probabilities and what they are made of; CUDA's kernels do not. Within 15 % of what one more row costs in `npm run bench:train` for
 * the small CIFAR-10 model on a CPU, both precisions, with and without recomputing.
 */
function activationBytes(
  model: GeneratorConfig,
  batch: number,
  {
    half,
    recomputed,
    scores,
  }: { readonly half: boolean; readonly recomputed: boolean; readonly scores: boolean },
): number {
  const { width: D, mlpWidth: F, depth, tokens, codebookSize, heads } = model;
  const T = tokens + 2;
  const inType = (half ? 2 : 4) * (18 * D + 2 * F);
  const inFloat = 4 * 6 * D; // inputs of the norms
  const masks = 2 * D + F; // a byte each
  const attention = scores ? 4 * 4 * heads * T : 0;
  const block = batch * T * (inType + inFloat + masks + attention);
  const kept = recomputed ? batch * T * 4 * 2 * D * depth + block : block * depth;
  const logits = 3 * 4 * batch * T * codebookSize;
  return kept + 2 * block + logits;
}

function memoryInWords(facts: PlanFacts): string {
  const memory = memoryOf(facts);
  const total = Object.values(memory).reduce((a, b) => a + b, 0);
  const parts = Object.entries(memory)
    .filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${gigabytes(bytes)}`);
  return `about ${gigabytes(total)} a process: ${parts.join(", ")}`;
}

const checkpointBytes = (model: GeneratorConfig, ema: boolean | undefined): number => {
  const { decay, plain } = parameterGroups(model);
  return 4 * (decay.numbers + plain.numbers) * (ema ? 4 : 3);
};

/** What the published recipe sets beside the sizes of the four models (REFERENCE 6.7). */
const published: Readonly<Record<string, Plain>> = {
  "training.max_train_steps": 250_000,
  "optimizer.params.learning_rate": 4e-4,
  "optimizer.params.beta1": 0.9,
  "optimizer.params.beta2": 0.96,
  "optimizer.params.weight_decay": 0.03,
  "lr_scheduler.scheduler": "cosine",
  "lr_scheduler.params.warmup_steps": 62_500,
  "lr_scheduler.params.end_lr": 1e-5,
  "model.generator.dropout": 0.1,
  "model.generator.attn_drop": 0.1,
  "model.generator.class_label_dropout": 0.1,
  "model.generator.randomness_anneal_start": 125_000,
  "model.generator.randomness_anneal_end": 187_500,
  "training.mixed_precision": "bf16",
  "training.max_grad_norm": 1,
  "training.use_ema": false,
};
const publishedBatch = 2048;

function fromPublished(config: RarConfig, rowsAStep: number): string[] {
  const differing = Object.entries(published).flatMap(([key, value]) => {
    const own = valueAt(config as unknown as Plain, key);
    if (own === value || (own === undefined && value === false)) return [];
    return `${key} ${own === undefined ? "not set" : quote(own)} (${quote(value)})`;
  });
  if (rowsAStep !== publishedBatch)
    differing.unshift(`rows a step ${count(rowsAStep)} (${count(publishedBatch)})`);
  return differing;
}

const volume = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const count = (value: number): string => value.toLocaleString("en");
const decimal = (value: number): string =>
  value.toLocaleString("en", { maximumSignificantDigits: value < 1000 ? 3 : 6 });
const gigabytes = (bytes: number): string =>
  bytes < 1e8 ? `${Math.max(0.1, bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
