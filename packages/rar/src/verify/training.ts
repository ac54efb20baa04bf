/** Checks of training: loss and every gradient of a batch, and five recorded updates (REFERENCE 11). Need libtorch. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as torch from "libtorch";
import { emaDecayAt } from "../training/ema.js";
import { optimizerGroups, trainable } from "../training/parameters.js";
import type { Recipe } from "../training/recipe.js";
import { type MicroBatch, type StepReport, Trainer } from "../training/trainer.js";
import { openTensorFile } from "../weights/open.js";
import { type CheckResult, close, equal, lossTolerance, tensorTolerance } from "./check.js";
import type { Subject } from "./generator.js";

/** Adam turns the rounding of a gradient that is 0 in exact arithmetic into visible steps (REFERENCE 9.8). */
const isNoise = (name: string): boolean => name.endsWith("attn.k_norm.bias");
/** Largest magnitude of such a gradient. */
const NOISE = 1e-6;

/** A tensor's first entries, as many as were recorded: the other rows of the position tables never change. */
const recordedPart = (x: torch.Tensor, recorded: Float32Array): ArrayLike<number> =>
  torch.numbers(x).slice(0, recorded.length);

/** `loss.json` and `grads.safetensors`: one batch. */
export async function* checkGradients(subject: Subject): AsyncGenerator<CheckResult> {
  const batch = JSON.parse(await readFile(join(subject.folder, "loss.json"), "utf8")) as {
    tokens: number[][];
    condition_ids: number[];
    orders: number[][];
    loss: number;
    correct_tokens: number;
    grad_total_norm: number;
  };
  await using recorded = await openTensorFile(join(subject.folder, "grads.safetensors"));
  await using run = await trainer(subject, plainRecipe);
  const { model } = run;
  const found = model.step([microBatch(batch.tokens, batch.orders, { conditions: batch.condition_ids })]);
  yield close("training: loss", [batch.loss], [found.loss], lossTolerance(subject.engine));
  yield equal("training: correct tokens", [batch.correct_tokens], [found.correctTokens]);
  for (const [name, parameter] of model.parameters) {
    const expected = await recorded.readFloat32(recordedName(recorded.tensors, name));
    const actual = torch.scope(() => {
      const { grad } = parameter;
      return grad ? Float32Array.from(recordedPart(grad, expected)) : new Float32Array();
    });
    if (isNoise(name)) {
      const largest = actual.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
      yield {
        name: `gradient ${name}`,
        deviation: largest,
        tolerance: NOISE,
        ok: largest <= NOISE,
        note: "0 in exact arithmetic",
      };
    } else yield close(`gradient ${name}`, expected, actual, tensorTolerance(subject.engine));
  }
  yield close(
    "norm of all gradients",
    [batch.grad_total_norm],
    [found.gradNorm],
    tensorTolerance(subject.engine),
  );
}

interface RecordedStep {
  readonly tokens: number[][];
  readonly classes: number[];
  readonly orders: number[][];
  readonly random_ratio: number;
  readonly loss: number;
  readonly correct_tokens: number;
  readonly grad_norm_before_clip: number;
  readonly lr_used: number;
  readonly lr_logged: number;
  readonly ema_decay: number;
}

/** `train.json` and `train.safetensors`: five updates from the folder's weights, by the trainer that `rarity train` runs. */
export async function* checkUpdates(subject: Subject): AsyncGenerator<CheckResult> {
  const { folder } = subject;
  const record = JSON.parse(await readFile(join(folder, "train.json"), "utf8")) as {
    optimizer: { learning_rate: number; beta1: number; beta2: number; eps: number; weight_decay: number };
    lr_scheduler: { warmup_steps: number; end_lr: number; max_train_steps: number };
    max_grad_norm: number;
    ema_decay: number;
    randomness_anneal_start: number;
    randomness_anneal_end: number;
    group_with_decay: string[];
    group_without_decay: string[];
    steps: RecordedStep[];
  };
  const { optimizer: settings, lr_scheduler: scheduler } = record;
  await using recorded = await openTensorFile(join(folder, "train.safetensors"));
  await using run = await trainer(subject, {
    ...plainRecipe,
    learningRate: settings.learning_rate,
    schedule: "cosine",
    warmupSteps: scheduler.warmup_steps,
    maxSteps: scheduler.max_train_steps,
    endLearningRate: scheduler.end_lr,
    betas: [settings.beta1, settings.beta2],
    weightDecay: settings.weight_decay,
    maxGradNorm: record.max_grad_norm,
    annealing: { start: record.randomness_anneal_start, end: record.randomness_anneal_end },
    ema: true,
  });
  const { model } = run;
  const groups = optimizerGroups(model.config, model.parameters, settings.weight_decay);
  const names = groups.map((group) => [...(group.parameters as ReadonlyMap<string, unknown>).keys()]);
  yield sameNames("parameters with weight decay", record.group_with_decay, names[0]!);
  yield sameNames("parameters without weight decay", record.group_without_decay, names[1]!);
  const found = record.steps.map(({ tokens, classes, orders }) =>
    model.step([microBatch(tokens, orders, { classes })]),
  );
  const compared = (
    what: string,
    expected: (step: RecordedStep) => number,
    actual: (report: StepReport) => number,
    tolerance: number,
  ): CheckResult => close(`updates: ${what}`, record.steps.map(expected), found.map(actual), tolerance);
  const tensors = tensorTolerance(subject.engine);
  yield compared(
    "loss",
    (s) => s.loss,
    (r) => r.loss,
    lossTolerance(subject.engine),
  );
  yield equal(
    "updates: correct tokens",
    record.steps.map((s) => s.correct_tokens),
    found.map((r) => r.correctTokens),
  );
  yield compared(
    "norm before clipping",
    (s) => s.grad_norm_before_clip,
    (r) => r.gradNorm,
    tensors,
  );
  yield compared(
    "learning rate",
    (s) => s.lr_used,
    (r) => r.learningRate,
    1e-9,
  );
  yield compared(
    "learning rate as logged",
    (s) => s.lr_logged,
    (r) => r.nextLearningRate,
    1e-9,
  );
  yield compared(
    "share of random orders",
    (s) => s.random_ratio,
    (r) => r.randomRatio,
    1e-9,
  );
  yield compared(
    "decay of the moving average",
    (s) => s.ema_decay,
    (r) => emaDecayAt(r.step, record.ema_decay),
    1e-9,
  );
  const { generator, ema } = model.parts();
  for (const [kind, parts] of [["param", generator] as const, ["ema", ema!] as const]) {
    for (const [name, x] of parts) {
      if (isNoise(name)) continue;
      const expected = await recorded.readFloat32(recordedName(recorded.tensors, `${kind}.${name}`));
      yield close(`after 5 updates: ${kind}.${name}`, expected, recordedPart(x, expected), tensors);
    }
  }
}

const recordedName = (tensors: ReadonlyMap<string, unknown>, name: string): string =>
  [name, `grad.${name}`].find((n) => tensors.has(n)) ?? name;

function sameNames(name: string, expected: readonly string[], actual: readonly string[]): CheckResult {
  const both = new Set(expected);
  const wrong = actual.filter((entry) => !both.has(entry)).length + Math.abs(expected.length - actual.length);
  return { name, deviation: wrong, tolerance: 0, ok: wrong === 0, note: `${expected.length} names` };
}

/** One batch without anything random, whose gradients are left as they are. */
const plainRecipe: Recipe = {
  seed: 0,
  learningRate: 0,
  schedule: "constant",
  warmupSteps: 0,
  maxSteps: 1,
  endLearningRate: 0,
  betas: [0.9, 0.96],
  weightDecay: 0,
  maxGradNorm: undefined,
  precision: "float32",
  dropout: 0,
  attentionDropout: 0,
  classDropout: 0,
  annealing: { start: 0, end: 0 },
  randomFloor: 0,
  order: "raster",
  ema: false,
  checkpointing: false,
  tf32: false,
};

/** Recorded rows with their orders, and their classes or condition ids. */
function microBatch(
  tokens: readonly number[][],
  orders: readonly number[][],
  { classes, conditions }: { readonly classes?: number[]; readonly conditions?: number[] },
): MicroBatch {
  const rows = tokens.length;
  return {
    batch: {
      rows,
      tokens: Int32Array.from(tokens.flat()),
      classes: Int32Array.from(classes ?? new Int32Array(rows)),
    },
    positions: tokens.map((_, i) => i),
    orders: Int32Array.from(orders.flat()),
    conditions: conditions && Int32Array.from(conditions),
  };
}

interface Run extends AsyncDisposable {
  readonly model: Trainer;
}

async function trainer({ engine, config, weights }: Subject, recipe: Recipe): Promise<Run> {
  torch.setThreads(engine.threads);
  const { device } = engine;
  const parameters = await trainable(weights, device);
  const model = new Trainer({ config, parameters, recipe, device });
  return { model, [Symbol.asyncDispose]: async () => model.dispose() };
}
