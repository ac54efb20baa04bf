/** Checks of training: loss and every gradient of a batch, and five recorded updates (REFERENCE 11). Need libtorch. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as torch from "libtorch";
import { conditionId } from "../config/architecture.js";
import { Ema } from "../training/ema.js";
import { randomRatioAt } from "../training/schedule.js";
import { Trainee, trainable } from "../training/trainee.js";
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
    grad_norms: Record<string, number>;
  };
  await using recorded = await openTensorFile(join(subject.folder, "grads.safetensors"));
  await using run = await trainee(subject);
  const { model } = run;
  const found = model.backward({ ...batch, conditions: batch.condition_ids });
  yield close("training: loss", [batch.loss], [found.loss], lossTolerance(subject.engine));
  yield equal("training: correct tokens", [batch.correct_tokens], [found.accuracy]);
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
  const norm = torch.scope(() => torch.item(torch.clipGradNorm(model.parameters, Number.MAX_VALUE)));
  yield close("norm of all gradients", [batch.grad_total_norm], [norm], tensorTolerance(subject.engine));
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

/** `train.json` and `train.safetensors`: five updates from the folder's weights. */
export async function* checkUpdates(subject: Subject): AsyncGenerator<CheckResult> {
  const { config, folder } = subject;
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
  await using run = await trainee(subject);
  const { model } = run;
  const groups = model.groups(settings.weight_decay);
  const names = groups.map((group) => [...(group.parameters as ReadonlyMap<string, unknown>).keys()]);
  yield sameNames("parameters with weight decay", record.group_with_decay, names[0]!);
  yield sameNames("parameters without weight decay", record.group_without_decay, names[1]!);
  using optimizer = new torch.AdamW(groups, {
    betas: [settings.beta1, settings.beta2],
    eps: settings.eps,
  });
  const ema = new Ema(model.parameters, record.ema_decay);
  const rate = (step: number): number =>
    torch.warmupCosine(step, {
      lr: settings.learning_rate,
      warmupSteps: scheduler.warmup_steps,
      maxSteps: scheduler.max_train_steps,
      endLr: scheduler.end_lr,
    });
  const annealing = { start: record.randomness_anneal_start, end: record.randomness_anneal_end };
  const of = (pick: (step: RecordedStep) => number): number[] => record.steps.map(pick);
  const found = { loss: [], accuracy: [], gradNorm: [], lr: [], logged: [], decay: [], ratio: [] } as Record<
    "loss" | "accuracy" | "gradNorm" | "lr" | "logged" | "decay" | "ratio",
    number[]
  >;
  for (const [index, { tokens, classes, orders }] of record.steps.entries()) {
    optimizer.setLearningRate(rate(index));
    const conditions = classes.map((label) => conditionId(config, label));
    const result = model.step(optimizer, { tokens, orders, conditions }, record.max_grad_norm);
    found.loss.push(result.loss);
    found.accuracy.push(result.accuracy);
    found.gradNorm.push(result.gradNorm);
    found.lr.push(rate(index));
    found.logged.push(rate(index + 1));
    found.decay.push(ema.update(model.parameters));
    found.ratio.push(randomRatioAt(index, annealing));
  }
  yield close(
    "updates: loss",
    of((s) => s.loss),
    found.loss,
    lossTolerance(subject.engine),
  );
  yield equal(
    "updates: correct tokens",
    of((s) => s.correct_tokens),
    found.accuracy,
  );
  yield close(
    "updates: norm before clipping",
    of((s) => s.grad_norm_before_clip),
    found.gradNorm,
    tensorTolerance(subject.engine),
  );
  yield close(
    "updates: learning rate",
    of((s) => s.lr_used),
    found.lr,
    1e-9,
  );
  yield close(
    "updates: learning rate as logged",
    of((s) => s.lr_logged),
    found.logged,
    1e-9,
  );
  yield close(
    "updates: share of random orders",
    of((s) => s.random_ratio),
    found.ratio,
    1e-9,
  );
  yield close(
    "updates: decay of the moving average",
    of((s) => s.ema_decay),
    found.decay,
    1e-9,
  );
  for (const [kind, tensors] of [["param", model.parameters] as const, ["ema", ema.shadows] as const]) {
    for (const [name, x] of tensors) {
      if (isNoise(name)) continue;
      const expected = await recorded.readFloat32(recordedName(recorded.tensors, `${kind}.${name}`));
      yield close(
        `after 5 updates: ${kind}.${name}`,
        expected,
        recordedPart(x, expected),
        tensorTolerance(subject.engine),
      );
    }
  }
  ema.dispose();
}

const recordedName = (tensors: ReadonlyMap<string, unknown>, name: string): string =>
  [name, `grad.${name}`].find((n) => tensors.has(n)) ?? name;

function sameNames(name: string, expected: readonly string[], actual: readonly string[]): CheckResult {
  const both = new Set(expected);
  const wrong = actual.filter((entry) => !both.has(entry)).length + Math.abs(expected.length - actual.length);
  return { name, deviation: wrong, tolerance: 0, ok: wrong === 0, note: `${expected.length} names` };
}

interface Run extends AsyncDisposable {
  readonly model: Trainee;
}

async function trainee({ engine, config, weights }: Subject): Promise<Run> {
  torch.setThreads(engine.threads);
  const model = new Trainee(config, await trainable(weights, engine.device), engine.device);
  return {
    model,
    [Symbol.asyncDispose]: async () => model.dispose(),
  };
}
