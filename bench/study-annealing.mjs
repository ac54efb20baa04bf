/**
 * The paper's study on CIFAR-10: the same generator trained with raster orders only, random orders only, and random
 * orders annealed to raster, in the same number of steps. Prints held-out losses and statistics of samples, and draws
 * the held-out losses over the steps. Run again, it goes on where it stopped.
 *
 *   npm run study:annealing
 *   options: --steps N (default: the recipe's), --seeds 42,43 (default 42), --samples 1000, --work out/study-annealing,
 *   --config cifar10.yaml, --tokens FILE, --held-out FILE, --tokenizer FILE or MODEL (default: the recorded ones),
 *   --device cpu, --chart docs/images/annealing (where the chart goes, as .svg)
 *   anything with = is passed on to training
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as torch from "libtorch";
import { loadConfig } from "../packages/rar/dist/config/load.js";
import { openTokens } from "../packages/rar/dist/data/token-rows.js";
import { Pipeline } from "../packages/rar/dist/pipeline.js";
import { heldOutLoss } from "../packages/rar/dist/training/held-out.js";
import { trainable } from "../packages/rar/dist/training/parameters.js";
import { drawChart, svgOf } from "../packages/rar/dist/training/trackers/chart.js";
import { locateModel, openModel } from "../packages/rar/dist/weights/model-folder.js";
import {
  coarseDistance,
  coarseGaussian,
  distinct,
  entropyOfPlaces,
  histogram,
  repeats,
  totalVariation,
} from "./study-annealing/statistics.mjs";
import { option, recordedFolder, root } from "./study-lib/model.mjs";
import { mean, table } from "./study-lib/scores.mjs";

const work = option("work", join(root, "out/study-annealing"));
const config = option("config", "cifar10.yaml");
const recorded = (file) => join(recordedFolder("cifar10"), file);
const files = {
  tokens: option("tokens", undefined) ?? recorded("train_tokens.jsonl.gz"),
  heldOut: option("held-out", undefined) ?? recorded("tokens_test.jsonl"),
  tokenizer: option("tokenizer", undefined) ?? recorded("tokenizer.bin"),
};
const seeds = option("seeds", "42").split(",").map(Number);
const samples = Number(option("samples", 1000));
const device = option("device", torch.isAvailable() && torch.cudaDevices() > 0 ? "cuda" : "cpu");
const overrides = process.argv.slice(2).filter((word) => /^[a-z][\w.]*=/.test(word));
const recipe = (await loadConfig({ file: join(root, "packages/rar/configs", config), overrides })).config;
const steps = Number(option("steps", recipe.training.max_train_steps));
/** Random orders in the same share of the steps as in the recipe. */
const annealed = ["start", "end"].map((end) =>
  Math.round((recipe.model.generator[`randomness_anneal_${end}`] * steps) / recipe.training.max_train_steps),
);
const kinds = {
  "raster only": [0, 0],
  "random only": [steps + 1, steps + 1],
  annealed,
};
/** Orders besides raster that every model is asked in. */
const ORDERS = 3;

const found = [];
for (const [kind, window] of Object.entries(kinds))
  for (const seed of seeds) found.push({ kind, seed, ...(await one(kind, window, seed)) });
report(found, await reference());

/** Trains and measures one model; what was measured is kept beside it. */
async function one(kind, [start, end], seed) {
  const folder = join(work, `${kind.replace(" ", "-")}-${seed}`);
  const kept = join(folder, `study-${steps}-${samples}.json`);
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, "utf8"));
  console.error(`${kind}, seed ${seed}: ${folder}`);
  const settings = {
    "experiment.output_dir": folder,
    "experiment.name": `annealing-${kind.replace(" ", "-")}`,
    "experiment.eval_tokens": files.heldOut,
    "dataset.params.pretokenization": files.tokens,
    "model.vq_model.pretrained_tokenizer_weight": files.tokenizer,
    "training.max_train_steps": steps,
    "training.seed": seed,
    "model.generator.randomness_anneal_start": start,
    "model.generator.randomness_anneal_end": end,
  };
  const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  execFileSync(
    process.execPath,
    [
      join(root, "packages/rar/dist/cli/main.js"),
      "train",
      `config=${join(root, "packages/rar/configs", config)}`,
      ...overrides,
      ...words,
      ...["--device", device],
    ],
    { stdio: ["ignore", process.stderr, "inherit"] },
  );
  const result = { ...(await losses(folder)), ...(await sampled(folder)), curve: curveOf(folder) };
  writeFileSync(kept, `${JSON.stringify(result)}\n`);
  return result;
}

/** Held-out losses in nats a token: raster with and without the class, and the mean over some random orders. */
async function losses(folder) {
  const model = await openModel(await locateModel(folder, { parts: ["generator"] }));
  const rows = await openTokens(files.heldOut);
  try {
    const { config, weights } = model.generator;
    const generator = { config, parameters: await trainable(weights, device) };
    const raster = await heldOutLoss(generator, rows);
    const without = await heldOutLoss(generator, rows, { condition: "none" });
    const others = [];
    for (let i = 0; i < ORDERS; i++) {
      const order = shuffled(config.tokens, i + 1);
      others.push((await heldOutLoss(generator, rows, { order, limit: 500 })).loss);
    }
    for (const x of generator.parameters.values()) x.dispose();
    return {
      loss: raster.loss,
      accuracy: raster.accuracy,
      lossWithoutClass: without.loss,
      lossInRandomOrders: mean(others),
    };
  } finally {
    await model.close();
    await rows.close();
  }
}

/** The same permutations for every model. */
function shuffled(length, seed) {
  const order = Array.from({ length }, (_, i) => i);
  let state = seed;
  for (let i = length - 1; i > 0; i--) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const j = Math.floor((state / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** Statistics of samples in raster order, as the distribution is (no guidance, temperature 1) and as the recipe samples. */
async function sampled(folder) {
  const pipeline = await Pipeline.load(folder, { device: device === "cpu" ? undefined : device });
  try {
    const { classes, codebookSize } = pipeline.generator;
    const heldOut = await heldOutRows(samples);
    const shares = histogram(heldOut, codebookSize);
    const pictures = coarseGaussian(await pipeline.decode(heldOut));
    const wanted = Array.from({ length: samples }, (_, i) => i % classes);
    const of = async (settings) => {
      const images = await pipeline.generate({ classes: wanted, seed: 0, ...settings });
      const rows = images.map(({ tokens }) => tokens);
      return {
        codeDistance: totalVariation(histogram(rows, codebookSize), shares),
        entropy: entropyOfPlaces(rows, codebookSize),
        repeats: repeats(rows, Math.sqrt(rows[0].length)),
        distinct: distinct(rows),
        coarse: coarseDistance(coarseGaussian(images), pictures),
      };
    };
    return { plain: await of({ temperature: 1, guidanceScale: 0 }), guided: await of({}) };
  } finally {
    await pipeline.dispose();
  }
}

/** What other real pictures have: the first rows that were trained on, as far from the held-out ones as samples could come. */
async function reference() {
  const pipeline = await Pipeline.load(join(work, `annealed-${seeds[0]}`));
  try {
    const { codebookSize } = pipeline.generator;
    const measure = async (rows, others) => ({
      codeDistance: totalVariation(histogram(rows, codebookSize), histogram(others, codebookSize)),
      entropy: entropyOfPlaces(rows, codebookSize),
      repeats: repeats(rows, Math.sqrt(rows[0].length)),
      distinct: distinct(rows),
      coarse: coarseDistance(
        coarseGaussian(await pipeline.decode(rows)),
        coarseGaussian(await pipeline.decode(others)),
      ),
    });
    const heldOut = await heldOutRows(samples);
    return await measure(await rowsOf(files.tokens, samples), heldOut); // before the pipeline is gone
  } finally {
    await pipeline.dispose();
  }
}

function heldOutRows(count) {
  return rowsOf(files.heldOut, count);
}

async function rowsOf(file, count) {
  const rows = await openTokens(file);
  try {
    const { tokens } = await rows.read(Array.from({ length: Math.min(count, rows.rows) }, (_, i) => i));
    const L = rows.length;
    return Array.from({ length: tokens.length / L }, (_, i) => tokens.slice(i * L, (i + 1) * L));
  } finally {
    await rows.close();
  }
}

/** Held-out loss over the steps, from the run's log. */
function curveOf(folder) {
  return readFileSync(join(folder, "logs/metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((line) => line["eval/loss"] !== undefined)
    .map((line) => [line.step, line["eval/loss"]]);
}

function report(results, real) {
  const columns = Object.keys(kinds);
  const of = (kind) => results.filter((result) => result.kind === kind);
  const cell = (kind, pick, digits) => {
    const values = of(kind).map(pick);
    const spread =
      values.length > 1 ? ` ± ${((Math.max(...values) - Math.min(...values)) / 2).toFixed(digits)}` : "";
    return mean(values).toFixed(digits) + spread;
  };
  const line = (name, pick, digits, ofReal = "") => [
    name,
    ...columns.map((kind) => cell(kind, pick, digits)),
    typeof ofReal === "number" ? ofReal.toFixed(digits) : ofReal,
  ];
  const about = (name, key) => [
    line(`code distance to held-out tokens, ${name}`, (r) => r[key].codeDistance, 4, real.codeDistance),
    line(`entropy of a place (bits), ${name}`, (r) => r[key].entropy, 3, real.entropy),
    line(`equal neighbours, ${name}`, (r) => r[key].repeats, 4, real.repeats),
    line(`distinct, ${name}`, (r) => r[key].distinct, 3, real.distinct),
    line(`coarse Fréchet distance (grey levels), ${name}`, (r) => r[key].coarse, 2, real.coarse),
  ];
  const lines = [
    line("held-out loss in raster order (nats a token)", (r) => r.loss, 4),
    line("held-out accuracy", (r) => r.accuracy, 4),
    line("loss without the class", (r) => r.lossWithoutClass, 4),
    line(`loss in ${ORDERS} random orders`, (r) => r.lossInRandomOrders, 4),
    ...about("plain samples", "plain"),
    ...about("guided samples", "guided"),
  ];
  console.log(
    `${steps} steps, seeds ${seeds.join(", ")}, ${samples} samples each, random orders annealed from step ${annealed[0]} to ${annealed[1]}\n`,
  );
  console.log(table(["", ...columns, "pictures trained on"], lines));
  const colours = ["#1f77b4", "#d62728", "#2ca02c"];
  const curves = columns.flatMap((kind, i) =>
    of(kind).map(({ curve, seed }) => ({
      name: seeds.length > 1 ? `${kind} ${seed}` : kind,
      colour: colours[i],
      points: curve,
    })),
  );
  const chart = `${option("chart", join(root, "docs/images/annealing"))}.svg`;
  mkdirSync(dirname(chart), { recursive: true });
  writeFileSync(
    chart,
    svgOf(drawChart([{ title: "held-out loss in raster order (nats a token)", lines: curves }])),
  );
  console.error(`Chart: ${chart}`);
}
