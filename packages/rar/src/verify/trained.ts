/** Checks of a trained model with recorded held-out numbers: loss, accuracy, greedy rows, reconstruction. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { conditionId, noneId, type TokenizerConfig } from "../config/architecture.js";
import type { RgbImage } from "../images/rgb.js";
import { toPlanes } from "../images/to-bytes.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { type CheckResult, close, equal, greedyRow, lossTolerance, tensorTolerance } from "./check.js";
import { greedy, type Subject } from "./generator.js";
import { crossEntropy, runForward } from "./run-network.js";

interface Expected {
  readonly teacher_forced?: {
    readonly rows: number;
    readonly conditional_ce: number;
    readonly conditional_top1: number;
    readonly unconditional_ce: number;
    readonly unconditional_top1: number;
    readonly conditional_ce_by_row_first_50: number[];
    readonly fixed_order: { rows: number; order: number[]; conditional_ce: number; conditional_top1: number };
    readonly row_0_logits: { positions: Record<string, number[]> };
  };
  readonly greedy?: GreedyRows;
  readonly greedy_with_schedule?: GreedyRows;
  readonly tokenizer?: {
    readonly images: number;
    readonly psnr_mean_of_images_db: number;
    readonly psnr_first_10_images_db: number[];
    readonly mean_mse: number;
    readonly near_ties: [row: number, position: number, gap: number, second: number][];
  };
}

interface GreedyRows {
  readonly guidance_scale: number;
  readonly guidance_scale_pow: number;
  readonly rows: { class_id: number; tokens: number[]; gap_top1_top2: number[] }[];
}

interface TokenRow {
  readonly class_id: number;
  readonly tokens: number[];
}

/** Rows computed at once. */
const BATCH = 250;

export async function readTokenRows(path: string): Promise<TokenRow[]> {
  const text = await readFile(path, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as TokenRow);
}

/** `expected.json` beside a trained generator and its `tokens_test.jsonl`. */
export async function* checkTrained(subject: Subject): AsyncGenerator<CheckResult> {
  const expected = JSON.parse(await readFile(join(subject.folder, "expected.json"), "utf8")) as Expected;
  if (expected.teacher_forced) yield* checkHeldOut(subject, expected.teacher_forced);
  for (const key of ["greedy", "greedy_with_schedule"] as const) {
    const runs = expected[key];
    if (runs) yield* checkGreedyRows(subject, key, runs);
  }
}

async function* checkHeldOut(
  subject: Subject,
  expected: NonNullable<Expected["teacher_forced"]>,
): AsyncGenerator<CheckResult> {
  const { config } = subject;
  const rows = (await readTokenRows(join(subject.folder, "tokens_test.jsonl"))).slice(0, expected.rows);
  const tokens = rows.map((row) => row.tokens);
  const conditions = rows.map((row) => conditionId(config, row.class_id));

  const conditional = await heldOut(subject, tokens, conditions);
  yield close(
    "held-out loss, conditional",
    [expected.conditional_ce],
    [conditional.loss],
    lossTolerance(subject.engine),
  );
  yield share(
    "held-out accuracy, conditional",
    expected.conditional_top1,
    conditional.accuracy,
    rows.length * config.tokens,
  );
  const byRow = expected.conditional_ce_by_row_first_50;
  yield close(
    "held-out loss of 50 rows",
    byRow,
    conditional.byRow.slice(0, byRow.length),
    lossTolerance(subject.engine),
  );
  const none = await heldOut(
    subject,
    tokens,
    conditions.map(() => noneId(config)),
  );
  yield close(
    "held-out loss, unconditional",
    [expected.unconditional_ce],
    [none.loss],
    lossTolerance(subject.engine),
  );
  yield share(
    "held-out accuracy, unconditional",
    expected.unconditional_top1,
    none.accuracy,
    rows.length * config.tokens,
  );

  const { order, rows: count, ...fixed } = expected.fixed_order;
  const permuted = await heldOut(subject, tokens.slice(0, count), conditions.slice(0, count), order);
  yield close(
    "held-out loss in another order",
    [fixed.conditional_ce],
    [permuted.loss],
    lossTolerance(subject.engine),
  );
  yield share(
    "held-out accuracy in another order",
    fixed.conditional_top1,
    permuted.accuracy,
    count * config.tokens,
  );

  const { logits } = await runForward(subject.engine, config, subject.weights, {
    tokens: tokens.slice(0, 1),
    conditions: conditions.slice(0, 1),
  });
  for (const [position, values] of Object.entries(expected.row_0_logits.positions)) {
    const at = Number(position) * config.codebookSize;
    const row = logits!.data.subarray(at, at + config.codebookSize);
    yield close(`logits of row 0, position ${position}`, values, row, tensorTolerance(subject.engine));
  }
}

/** A share of guesses may differ by a few near-ties. */
function share(name: string, expected: number, actual: number, count: number): CheckResult {
  const difference = Math.round(Math.abs(expected - actual) * count);
  return {
    name,
    deviation: difference,
    tolerance: 2,
    ok: difference <= 2,
    note: `${actual.toFixed(6)}, guesses that differ`,
  };
}

async function heldOut(
  { engine, config, weights }: Subject,
  tokens: readonly number[][],
  conditions: readonly number[],
  order?: readonly number[],
): Promise<{ loss: number; accuracy: number; byRow: number[] }> {
  const byRow: number[] = [];
  let right = 0;
  for (let start = 0; start < tokens.length; start += BATCH) {
    const some = tokens.slice(start, start + BATCH);
    const inputs = {
      tokens: some,
      conditions: conditions.slice(start, start + BATCH),
      orders: order && some.map(() => order),
    };
    const { logits } = await runForward(engine, config, weights, inputs);
    const labels = order ? some.map((row) => order.map((index) => row[index]!)) : some;
    const batch = crossEntropy(logits!.data as Float32Array, labels, config.codebookSize);
    byRow.push(...batch.byRow);
    right += batch.accuracy * some.length;
  }
  return { loss: byRow.reduce((a, b) => a + b, 0) / byRow.length, accuracy: right / tokens.length, byRow };
}

async function* checkGreedyRows(
  subject: Subject,
  name: string,
  runs: GreedyRows,
): AsyncGenerator<CheckResult> {
  const generator = await subject.engine.loadGenerator(subject);
  const guidance = { scale: runs.guidance_scale, pow: runs.guidance_scale_pow };
  const drawn = await greedy(
    generator,
    runs.rows.map((row) => row.class_id),
    guidance,
  );
  for (const [i, row] of runs.rows.entries()) {
    yield greedyRow(`${name}, row ${i}, class ${row.class_id}`, row.tokens, drawn[i]!, row.gap_top1_top2, 10);
  }
  await generator[Symbol.asyncDispose]();
}

export interface TrainedTokenizer {
  readonly folder: string;
  readonly engine: Subject["engine"];
  readonly config: TokenizerConfig;
  readonly weights: TensorSource;
}

/** Indices and PSNR of the test pictures, where the shards they come from are at hand. */
export async function* checkReconstruction(
  subject: TrainedTokenizer,
  shards: string,
): AsyncGenerator<CheckResult> {
  const expected = JSON.parse(await readFile(join(subject.folder, "expected.json"), "utf8")) as Expected;
  if (!expected.tokenizer) return;
  const { images: count, near_ties } = expected.tokenizer;
  const { resolution } = subject.config;
  const pictures = await testPictures(shards, count);
  const planes = new Float32Array(count * 3 * resolution * resolution);
  for (const [i, picture] of pictures.entries()) toPlanes(picture, planes, (i * planes.length) / count);

  const tokenizer = await subject.engine.loadTokenizer(subject);
  const codes = await tokenizer.encode(planes, resolution, resolution);
  const rows = (await readTokenRows(join(subject.folder, "tokens_test.jsonl"))).slice(0, count);
  const ties = new Set(near_ties.map(([row, position]) => `${row} ${position}`));
  const length = codes.length / count;
  const near = (i: number): boolean => ties.has(`${Math.floor(i / length)} ${i % length}`);
  yield equal(
    "tokens of the test pictures",
    rows.flatMap((row) => row.tokens),
    codes,
    near,
  );

  const recorded = Int32Array.from(rows.flatMap((row) => row.tokens));
  const decoded = await tokenizer.decode(recorded, Math.sqrt(length), Math.sqrt(length));
  const each = planes.length / count;
  const mse = Array.from({ length: count }, (_, i) => {
    let sum = 0;
    for (let j = i * each; j < (i + 1) * each; j++) sum += (planes[j]! - decoded[j]!) ** 2;
    return sum / each;
  });
  const psnr = mse.map((value) => -10 * Math.log10(value));
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  yield close(
    "PSNR, mean of images",
    [expected.tokenizer.psnr_mean_of_images_db],
    [mean(psnr)],
    PSNR_TOLERANCE,
  );
  yield close(
    "PSNR of ten images",
    expected.tokenizer.psnr_first_10_images_db,
    psnr.slice(0, 10),
    PSNR_TOLERANCE,
  );
  yield close("mean squared error", [expected.tokenizer.mean_mse], [mean(mse)], PSNR_TOLERANCE);
  await tokenizer[Symbol.asyncDispose]();
}

/** Another JPEG decoder may differ by a grey level in some pixels. */
const PSNR_TOLERANCE = 1e-4;

async function testPictures(folder: string, count: number): Promise<RgbImage[]> {
  const { openImages } = await import("../data/image-set.js"); // and with it sharp, which no other check needs
  const names = (await readdir(folder)).filter((file) => /^test-\d+\.tar\.gz$/.test(file)).sort();
  await using images = await openImages(names.map((name) => join(folder, name)));
  return await Promise.all(Array.from({ length: count }, (_, i) => images.read(i)));
}
