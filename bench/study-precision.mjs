/**
 * How far int8 and int4 distributions of the next token are from float32, teacher-forced on held-out tokens.
 *
 *   npm run study:precision                 both trained models; the emoji one once study:emoji has made its tokens
 *   options: --rows 2000, --cifar10 FOLDER, --emoji FOLDER (model folders in place of the recorded ones)
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { conditionId } from "../packages/rar/dist/config/architecture.js";
import { OnnxEngine } from "../packages/rar/dist/engines/onnx/engine.js";
import { readTokenRows } from "../packages/rar/dist/verify/trained.js";
import { open, option, recordedFolder, root } from "./study-lib/model.mjs";
import { Divergence, logitsOf, table } from "./study-lib/scores.mjs";

/** Nats a token that int8 may lose (DESIGN 6 offers it as a faster way to the same pictures). */
const INT8_LIMIT = 0.005;

/** Rows that also go through the real decode step with its cache. */
const STEPPED = 100;

const head = [
  "model",
  "precision",
  "mean KL",
  "largest KL",
  "argmax agrees",
  "relative L2 error of logits",
  "cross-entropy",
  "change",
];
const lines = [];
let failed = false;
for (const name of ["cifar10", "emoji"]) {
  const file =
    name === "emoji"
      ? join(root, "runs/emoji/tokens_heldout.jsonl")
      : join(recordedFolder(name), "tokens_test.jsonl");
  if (!existsSync(file)) {
    console.error(`${name} is left out: ${file} is not there (npm run study:emoji makes it).`);
    continue;
  }
  const rows = (await readTokenRows(file)).slice(0, Number(option("rows", 2000)));
  const model = await open(option(name, recordedFolder(name)));
  const results = await compare(model.generator, rows, ["int8", "int4"]);
  lines.push([
    `${name}, ${rows.length} rows`,
    "float32",
    "",
    "",
    "",
    "",
    results[0].referenceLoss.toFixed(5),
    "",
  ]);
  for (const { precision, ...r } of results) {
    lines.push([
      "",
      precision,
      r.kl.toExponential(2),
      r.worst.toExponential(2),
      `${(100 * r.agree).toFixed(2)} %`,
      r.relative.toExponential(2),
      r.loss.toFixed(5),
      (r.loss - r.referenceLoss).toFixed(5),
    ]);
    if (precision === "int8" && !(r.kl <= INT8_LIMIT)) failed = true;
  }
  const few = rows.slice(0, STEPPED);
  const { kl, worst, agree, relative, loss, referenceLoss } = await compareSteps(
    model.generator,
    few,
    "int8",
  );
  lines.push([
    "",
    `int8, decode steps, ${few.length} rows`,
    kl.toExponential(2),
    worst.toExponential(2),
    `${(100 * agree).toFixed(2)} %`,
    relative.toExponential(2),
    loss.toFixed(5),
    (loss - referenceLoss).toFixed(5),
  ]);
  await model.close();
}
console.log(table(head, lines));
console.log(`\nint8 may be ${INT8_LIMIT} nats away: ${failed ? "exceeded" : "held"}.`);
if (failed) process.exitCode = 1;

/** The same rows through float32 and each other precision, one batch of all engines at a time. */
async function compare({ config, weights }, rows, precisions) {
  const model = { config, weights };
  const engines = ["float32", ...precisions].map((precision) => new OnnxEngine({ precision }));
  const condition = (row) => conditionId(config, row.class_id);
  const [reference, ...others] = engines.map((engine) => logitsOf(engine, model, rows, condition));
  const divergences = precisions.map(() => new Divergence(config));
  for await (const batch of reference) {
    for (const [i, other] of others.entries()) {
      divergences[i].push(batch.logits, (await other.next()).value.logits, batch.rows);
    }
  }
  for (const engine of engines) await engine.dispose();
  return divergences.map((divergence, i) => ({ precision: precisions[i], ...divergence.result() }));
}

/** The same by the decode step and its cache, as images are made; float32 against one precision. */
async function compareSteps({ config, weights }, rows, precision) {
  const { codebookSize: K, tokens: L } = config;
  const conditions = Int32Array.from(rows, (row) => conditionId(config, row.class_id));
  const logits = [];
  for (const each of ["float32", precision]) {
    const engine = new OnnxEngine({ precision: each });
    const generator = await engine.loadGenerator({ config, weights });
    const session = await generator.open({ conditions, guided: false });
    const all = new Float32Array(rows.length * (L + 1) * K); // as runForward lays them out
    for (let place = 0; place < L; place++) {
      const given = Int32Array.from(rows, (row) => row.tokens[place - 1] ?? 0);
      const step = place === 0 ? await session.prefill() : await session.step(given); // [rows, K]
      for (let r = 0; r < rows.length; r++)
        all.set(step.subarray(r * K, (r + 1) * K), (r * (L + 1) + place) * K);
    }
    logits.push(all);
    await engine.dispose();
  }
  const divergence = new Divergence(config);
  divergence.push(logits[0], logits[1], rows);
  return divergence.result();
}
