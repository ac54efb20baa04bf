/** Checks of a generator: hidden states, logits, loss, greedy ids and the cached steps' logits (REFERENCE 11). */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GeneratorConfig } from "../config/architecture.js";
import { conditionId } from "../config/architecture.js";
import { combine, guidanceAt, needsUnconditional } from "../drawing/guidance.js";
import type { Engine, Generator } from "../engines/engine.js";
import { type SampleRequest, sampleTokens } from "../sampling/generate.js";
import { openTensorFile } from "../weights/open.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { type CheckResult, close, equal, greedyRow, lossTolerance, tensorTolerance } from "./check.js";
import { crossEntropy, runForward } from "./run-network.js";

export interface Subject {
  readonly folder: string;
  readonly engine: Engine;
  readonly config: GeneratorConfig;
  readonly weights: TensorSource;
}

const rowsOf = (values: ArrayLike<number>, length: number): number[][] =>
  Array.from({ length: values.length / length }, (_, r) =>
    Array.from({ length }, (_, i) => values[r * length + i]!),
  );

/** `forward.safetensors`: raster and random orders, and the hidden states of row 0. */
export async function* checkForward(subject: Subject): AsyncGenerator<CheckResult> {
  const { engine, config, weights } = subject;
  await using recorded = await openTensorFile(join(subject.folder, "forward.safetensors"));
  const read = (name: string): Promise<Float32Array> => recorded.readFloat32(name);
  const tokens = rowsOf(await read("tokens"), config.tokens);
  const conditions = await read("condition");
  const orders = rowsOf(await read("orders"), config.tokens);
  // The recorded hidden states are those of the float32 weights; rounded weights have logits of their own.
  const rounded = await roundedWeights(weights);
  for (const kind of ["raster", "random"] as const) {
    const out = await runForward(
      engine,
      config,
      weights,
      { tokens, conditions, orders: kind === "random" ? orders : undefined },
      true,
    );
    if (rounded) {
      const name = `${kind}.row0.logits_${rounded}_weights`;
      if (!recorded.tensors.has(name)) continue;
      const row0 = out.logits!.data.subarray(0, (config.tokens + 1) * config.codebookSize);
      yield close(`${name} (${rounded} weights)`, await read(name), row0, tensorTolerance(engine));
      continue;
    }
    for (const name of recorded.tensors.keys()) {
      if (!name.startsWith(`${kind}.`) || name.endsWith("_weights")) continue;
      const key = name.slice(kind.length + 1).replace(/^row0\./, "");
      const expected = await read(name);
      if (key === "labels") {
        const labels = tokens.flatMap((row, r) =>
          row.map((_, i) => row[kind === "random" ? orders[r]![i]! : i]!),
        );
        yield equal(name, expected, labels);
      } else {
        yield close(name, expected, out[key]!.data.subarray(0, expected.length), tensorTolerance(engine));
      }
    }
  }
}

/** "bf16" or "fp16" where a large weight was stored so. */
async function roundedWeights(weights: TensorSource): Promise<"bf16" | "fp16" | undefined> {
  const dtype = weights.tensors.get("lm_head.weight")?.dtype;
  return dtype === "BF16" ? "bf16" : dtype === "F16" ? "fp16" : undefined;
}

interface SampledRun {
  readonly classes: number[];
  readonly guidance_scale: number;
  readonly guidance_scale_pow: number;
  readonly temperature: number;
  readonly kv_cache: boolean;
  readonly ids: number[][];
}

/** `generate.json`: ids drawn by PyTorch's own generator after seed 0, for engines that have it. */
export async function* checkSampled(subject: Subject): AsyncGenerator<CheckResult> {
  const { sampled } = JSON.parse(await readFile(join(subject.folder, "generate.json"), "utf8")) as {
    sampled: SampledRun[];
  };
  const generator = await subject.engine.loadGenerator(subject);
  for (const {
    classes,
    guidance_scale: scale,
    guidance_scale_pow: pow,
    temperature,
    kv_cache,
    ids,
  } of sampled) {
    const draw = { temperature, sampler: "torch" } as const;
    const tokens = await drawn(generator, { classes, guidance: { scale, pow }, draw });
    const name = `sampled ids, guidance ${scale} pow ${pow}, temperature ${temperature}, classes ${classes}`;
    yield equal(
      `${name}${kv_cache ? "" : ", recorded without a cache"}`,
      ids.flat(),
      tokens.flatMap((row) => [...row]),
    );
  }
  await generator[Symbol.asyncDispose]();
}

interface GreedyRun {
  readonly classes: number[];
  readonly guidance_scale: number;
  readonly guidance_scale_pow: number;
  readonly kv_cache?: boolean;
  readonly ids: number[][];
  readonly gap: number[][];
}

/** `generate.json` or `greedy.json`: arg max ids of whole runs with the cache. */
export async function* checkGreedy(subject: Subject, file: string): AsyncGenerator<CheckResult> {
  const json = JSON.parse(await readFile(join(subject.folder, file), "utf8")) as GreedyRun & {
    greedy?: GreedyRun[];
  };
  const generator = await subject.engine.loadGenerator(subject);
  for (const run of json.greedy ?? [json]) {
    if (run.kv_cache === false) continue; // recorded equal to the cached run
    const guidance = { scale: run.guidance_scale, pow: run.guidance_scale_pow };
    const tokens = await greedy(generator, run.classes, guidance);
    for (const [row, ids] of run.ids.entries()) {
      const name = `greedy ids, guidance ${guidance.scale} pow ${guidance.pow}, class ${run.classes[row]}`;
      yield greedyRow(name, ids, tokens[row]!, run.gap[row]!, LOGIT_MAGNITUDE);
    }
  }
  await generator[Symbol.asyncDispose]();
}

/** Of the logits a gap is compared with; recorded ones range from 3 to 120. */
const LOGIT_MAGNITUDE = 10;

export async function greedy(
  generator: Generator,
  classes: readonly number[],
  guidance: { scale: number; pow: number },
): Promise<readonly Int32Array[]> {
  return drawn(generator, { classes, guidance, draw: { temperature: 0 } });
}

async function drawn(
  generator: Generator,
  request: Pick<SampleRequest, "classes" | "guidance" | "draw">,
): Promise<readonly Int32Array[]> {
  let tokens: readonly Int32Array[] = [];
  const indices = request.classes.map((_, i) => i);
  for await (const step of sampleTokens(generator, { ...request, indices, seed: 0 })) tokens = step.tokens;
  return tokens;
}

/** `generate_logits.safetensors`: guided logits at some steps of the greedy runs, with the cache. */
export async function* checkStepLogits(subject: Subject): AsyncGenerator<CheckResult> {
  const { config, engine } = subject;
  const runs = (
    JSON.parse(await readFile(join(subject.folder, "generate.json"), "utf8")) as { greedy: GreedyRun[] }
  ).greedy;
  await using recorded = await openTensorFile(join(subject.folder, "generate_logits.safetensors"));
  const generator = await engine.loadGenerator(subject);
  for (const run of runs.filter((r) => r.kv_cache !== false)) {
    const [B, K] = [run.classes.length, config.codebookSize];
    const prefix = `guidance${run.guidance_scale}_pow${run.guidance_scale_pow}_batch${B}`;
    const guided = needsUnconditional(run.guidance_scale);
    const conditions = Int32Array.from(run.classes, (label) => conditionId(config, label));
    await using session = await generator.open({ conditions, guided });
    let logits = await session.prefill();
    for (let step = 0; step < config.tokens; step++) {
      const name = `${prefix}.step${step}`;
      if (recorded.tensors.has(name)) {
        const guidance = { scale: run.guidance_scale, pow: run.guidance_scale_pow };
        const combined = combine(logits, B, K, guidanceAt(guidance, step, config.tokens));
        yield close(
          `guided logits ${name}`,
          await recorded.readFloat32(name),
          combined,
          tensorTolerance(engine),
        );
      }
      if (step + 1 < config.tokens)
        logits = await session.step(Int32Array.from(run.ids, (ids) => ids[step]!));
    }
  }
  await generator[Symbol.asyncDispose]();
}

/** `loss.json`: loss and accuracy of one batch with random orders. */
export async function* checkLoss(subject: Subject): AsyncGenerator<CheckResult> {
  const batch = JSON.parse(await readFile(join(subject.folder, "loss.json"), "utf8")) as {
    tokens: number[][];
    condition_ids: number[];
    orders: number[][];
    labels: number[][];
    loss: number;
    correct_tokens: number;
  };
  const { engine, config, weights } = subject;
  const inputs = { tokens: batch.tokens, conditions: batch.condition_ids, orders: batch.orders };
  const { logits } = await runForward(engine, config, weights, inputs);
  const { loss, accuracy } = crossEntropy(logits!.data as Float32Array, batch.labels, config.codebookSize);
  yield close("loss", [batch.loss], [loss], lossTolerance(engine));
  yield equal("correct tokens", [batch.correct_tokens], [accuracy]);
}
