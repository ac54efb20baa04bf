/**
 * What storing a model's weights in fewer bits costs, computed in float32 on held-out tokens and pictures.
 *
 *   npm run study:storage     the recorded models as bfloat16, float16 and int8
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convert } from "../packages/rar/dist/cli/convert.js";
import { conditionId, noneId } from "../packages/rar/dist/config/architecture.js";
import { OnnxEngine } from "../packages/rar/dist/engines/onnx/engine.js";
import { readTokenRows } from "../packages/rar/dist/verify/trained.js";
import { open, recordedFolder, root } from "./study-lib/model.mjs";
import { EACH, heldOutPictures } from "./study-lib/pictures.mjs";
import { crossEntropyOf, Divergence, logitsOf, mean, psnrOf, table } from "./study-lib/scores.mjs";

const SIDE = 32;
const GRID = 8;
const engine = new OnnxEngine();
const generators = [];
const tokenizers = [];
for (const name of ["cifar10", "emoji"]) {
  const folder = recordedFolder(name);
  const heldOut = name === "emoji" ? join(root, "runs/emoji") : folder;
  const file = name === "emoji" ? "tokens_heldout.jsonl" : "tokens_test.jsonl";
  const rows = (await readTokenRows(join(heldOut, file))).slice(0, 2000);
  const pictures = await heldOutPictures(name);
  const original = await open(folder);
  const kept = pictures && (await reconstruct(original.tokenizer, pictures));
  tokenizers.push([
    name,
    "float32",
    size(folder, "tokenizer.bin"),
    kept && mean(kept.psnr).toFixed(4),
    "",
    "",
  ]);
  const none = () => noneId(original.generator.config);
  const own = (row) => conditionId(original.generator.config, row.class_id);
  const unguided = (await crossEntropyOf(engine, original.generator, rows, none)).toFixed(5);
  const guided = (await crossEntropyOf(engine, original.generator, rows, own)).toFixed(5);
  generators.push([name, "float32", size(folder, "generator.bin"), guided, unguided, ""]);

  for (const dtype of ["float16", "bfloat16", "int8"]) {
    const temporary = mkdtempSync(join(tmpdir(), "rarity-storage-"));
    const stored = join(temporary, "model");
    await convert({ source: folder, destination: stored, dtype }, new AbortController().signal);
    // A folder's tokenizer becomes bfloat16 where its generator becomes int8; a file's does what it is told.
    if (dtype === "int8")
      await convert(
        {
          source: join(folder, "tokenizer.bin"),
          destination: join(stored, "tokenizer.safetensors"),
          dtype,
          overwrite: true,
        },
        new AbortController().signal,
      );
    const model = await open(stored);
    const { kl, loss } = await divergence(original.generator, model.generator, rows, own);
    const withoutClass = await crossEntropyOf(engine, model.generator, rows, none);
    generators.push([
      "",
      dtype,
      size(stored, "generator.safetensors"),
      loss.toFixed(5),
      withoutClass.toFixed(5),
      kl.toExponential(2),
    ]);
    if (kept) {
      const now = await reconstruct(model.tokenizer, pictures);
      const same = now.codes.filter((code, i) => code === kept.codes[i]).length;
      tokenizers.push([
        "",
        dtype,
        size(stored, "tokenizer.safetensors"),
        mean(now.psnr).toFixed(4),
        `${((100 * same) / now.codes.length).toFixed(3)} %`,
        (await decodedDifference(original.tokenizer, model.tokenizer, kept.codes)).toExponential(1),
      ]);
    }
    await model.close();
    rmSync(temporary, { recursive: true });
  }
  await original.close();
}
await engine.dispose();
const sizes = ["model", "stored as", "bytes"];
console.log(
  table([...sizes, "conditional cross-entropy", "unconditional", "mean KL from float32 (nats)"], generators),
);
console.log(
  `\n${table([...sizes, "PSNR (dB)", "same tokens", "largest difference of a decoded value (of 1)"], tokenizers)}`,
);

function size(folder, file) {
  return statSync(join(folder, file)).size.toLocaleString("en-US");
}

async function divergence(original, stored, rows, condition) {
  const sum = new Divergence(original.config);
  const other = logitsOf(engine, stored, rows, condition);
  for await (const batch of logitsOf(engine, original, rows, condition))
    sum.push(batch.logits, (await other.next()).value.logits, batch.rows);
  return sum.result();
}

async function reconstruct(model, planes) {
  const tokenizer = await engine.loadTokenizer(model);
  const codes = await tokenizer.encode(planes, SIDE, SIDE);
  const psnr = psnrOf(planes, await tokenizer.decode(codes, GRID, GRID), EACH);
  await tokenizer[Symbol.asyncDispose]();
  return { codes, psnr };
}

/** The same codes through both decoders. */
async function decodedDifference(original, stored, codes) {
  const decoded = [];
  for (const model of [original, stored]) {
    const tokenizer = await engine.loadTokenizer(model);
    decoded.push(await tokenizer.decode(codes, GRID, GRID));
    await tokenizer[Symbol.asyncDispose]();
  }
  return decoded[0].reduce((most, value, i) => Math.max(most, Math.abs(value - decoded[1][i])), 0);
}
