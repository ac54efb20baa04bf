/**
 * The paper's study on CIFAR-10: the same generator trained with raster orders only, random orders only, and random
 * orders annealed to raster, in the same number of steps. Prints a page in Markdown with held-out losses and statistics of
 * samples, and draws the held-out losses over the steps and samples of each. Run again, it goes on where it stopped.
 *
 *   npm run study:annealing -- --page docs/annealing.md
 *   options: --steps N (default: the recipe's), --seeds 42,43 (default 42), --samples 1000, --work out/study-annealing,
 *   --config cifar10.yaml, --tokens FILE, --held-out FILE, --tokenizer FILE or MODEL (default: the recorded ones),
 *   --device cpu, --page FILE (default: annealing.md in the work folder; its pictures go to images/ beside it)
 *   anything with = is passed on to training
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import * as torch from "libtorch";
import { loadConfig } from "../packages/rar/dist/config/load.js";
import { openTokens } from "../packages/rar/dist/data/token-rows.js";
import { Pipeline } from "../packages/rar/dist/pipeline.js";
import { heldOutLoss } from "../packages/rar/dist/training/held-out.js";
import { trainable } from "../packages/rar/dist/training/parameters.js";
import { locateModel, openModel } from "../packages/rar/dist/weights/model-folder.js";
import { writePage } from "./study-annealing/page.mjs";
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
import { mean } from "./study-lib/scores.mjs";

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

/** Samples of a class that are shown at most. */
const SHOWN = 6;

const found = [];
for (const [kind, window] of Object.entries(kinds))
  for (const seed of seeds) found.push({ kind, seed, ...(await one(kind, window, seed)) });
const about = {
  results: found,
  kinds: Object.keys(kinds),
  run: {
    ...{ steps, seeds, samples, annealed },
    batch: recipe.training.per_gpu_batch_size,
    orders: ORDERS,
    rows: await rowsIn(files.tokens),
    heldOut: await rowsIn(files.heldOut),
  },
  command: commandLine(),
};
console.log(
  await writePage(option("page", join(work, "annealing.md")), { ...about, ...(await reference()) }),
);

/** The command without the folders and files of this machine. */
function commandLine() {
  const said = ["steps", "seeds", "samples", "config"].filter((name) => option(name) !== undefined);
  return [
    "npm run study:annealing",
    ...(said.length + overrides.length > 0 ? ["--"] : []),
    ...said.map((name) => `--${name} ${option(name)}`),
    ...overrides,
  ].join(" ");
}

/** Trains and measures one model; what was measured is kept beside it. */
async function one(kind, [start, end], seed) {
  const folder = join(work, `${kind.replace(" ", "-")}-${seed}`);
  const kept = join(folder, `study-${samples}.json`);
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
  const words = [...overrides, ...Object.entries(settings).map(([key, value]) => `${key}=${value}`)];
  if (existsSync(kept)) {
    const before = JSON.parse(readFileSync(kept, "utf8"));
    if (String(before.words) === String(words)) return before;
  }
  console.error(`${kind}, seed ${seed}: ${folder}`);
  execFileSync(
    process.execPath,
    [
      join(root, "packages/rar/dist/cli/main.js"),
      "train",
      `config=${join(root, "packages/rar/configs", config)}`,
      ...words,
      ...["--device", device],
    ],
    { stdio: ["ignore", process.stderr, "inherit"] },
  );
  const machine = device === "cpu" ? cpus()[0]?.model.trim() : torch.cuda.properties(device).name;
  const result = {
    words,
    machine,
    ...(await losses(folder)),
    ...(await sampled(folder)),
    curve: curveOf(folder),
  };
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
  const pipeline = await load(folder);
  try {
    const { classes, codebookSize } = pipeline.generator;
    const heldOut = await heldOutRows(samples);
    const shares = histogram(heldOut, codebookSize);
    const pictures = coarseGaussian(await pipeline.decode(heldOut));
    const wanted = Array.from({ length: samples }, (_, i) => i % classes);
    let shown;
    const of = async (settings) => {
      const images = await pipeline.generate({ classes: wanted, seed: 0, ...settings });
      const rows = images.map(({ tokens }) => tokens);
      shown = rows.slice(0, classes * SHOWN).map((row) => [...row]);
      return {
        codeDistance: totalVariation(histogram(rows, codebookSize), shares),
        entropy: entropyOfPlaces(rows, codebookSize),
        repeats: repeats(rows, Math.sqrt(rows[0].length)),
        distinct: distinct(rows),
        coarse: coarseDistance(coarseGaussian(images), pictures),
      };
    };
    const plain = await of({ temperature: 1, guidanceScale: 0 });
    const guided = await of({});
    return { plain, guided, shown }; // of the guided ones
  } finally {
    await pipeline.dispose();
  }
}

/** The torch engine on a GPU, elsewhere the one that is taken by default. */
function load(folder) {
  return Pipeline.load(folder, { device: device === "cpu" ? undefined : device });
}

/**
 * What other real pictures have: the first rows that were trained on, as far from the held-out ones as samples could come.
 * And the samples to be shown, as pictures: of each kind, a list a class.
 */
async function reference() {
  const pipeline = await load(join(work, `annealed-${seeds[0]}`));
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
    const real = await measure(await rowsOf(files.tokens, samples), await heldOutRows(samples));
    const { classes } = pipeline.generator;
    const grids = [];
    for (const kind of Object.keys(kinds)) {
      const { shown } = found.find((result) => result.kind === kind);
      const images = await pipeline.decode(shown);
      grids.push(Array.from({ length: classes }, (_, c) => images.filter((_, i) => i % classes === c)));
    }
    return { real, grids, classNames: pipeline.classNames };
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

async function rowsIn(file) {
  const rows = await openTokens(file);
  await rows.close();
  return rows.rows;
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
