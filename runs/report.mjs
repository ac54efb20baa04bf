/**
 * What a trained model folder is worth: held-out loss and reconstructions, samples, and how far these are from the
 * pictures it was trained on. Writes report.json, report.md, three sheets of at most 300,000 bytes each, and the training's
 * curves beside them.
 *
 *   node runs/report.mjs --model FOLDER --out FOLDER --held-out PICTURES --held-out-tokens FILE
 *     [--train PICTURES] [--train-tokens FILE] [--beside MODEL] [--each 12] [--seed 0] [--device cpu]
 *
 * PICTURES: class folders, a shard, or a pattern of shards. --beside: a second model, whose samples stand at the right.
 */
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import * as torch from "libtorch";
import { table } from "../bench/study-lib/scores.mjs";
import { smallSheet } from "../bench/study-lib/small-sheet.mjs";
import { finalOrder } from "../packages/rar/dist/config/orders.js";
import { openImages } from "../packages/rar/dist/data/image-set.js";
import { openTokens } from "../packages/rar/dist/data/token-rows.js";
import { createEngine } from "../packages/rar/dist/engines/create.js";
import { enlarge } from "../packages/rar/dist/images/to-bytes.js";
import { Pipeline } from "../packages/rar/dist/pipeline.js";
import { heldOutLoss } from "../packages/rar/dist/training/held-out.js";
import { trainable } from "../packages/rar/dist/training/parameters.js";
import { locateModel, openModel } from "../packages/rar/dist/weights/model-folder.js";
import { nearest, spread } from "./steps/nearest.mjs";
import { reconstruct } from "./steps/reconstruction.mjs";

/** Training rows whose loss stands beside the held-out one. */
const TRAIN_ROWS = 3000;
/** Pictures that are reconstructed at most. */
const PICTURES = 2000;

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    model: text,
    out: text,
    "held-out": text,
    "held-out-tokens": text,
    train: text,
    "train-tokens": text,
    beside: text,
    each: { type: "string", default: "12" },
    seed: { type: "string", default: "0" },
    device: text,
  },
});
for (const name of ["model", "out", "held-out", "held-out-tokens"])
  if (values[name] === undefined)
    throw new Error(`--${name} is needed; the first lines of runs/report.mjs say how`);

mkdirSync(values.out, { recursive: true });
const device = values.device ?? (torch.cudaDevices() > 0 ? "cuda" : "cpu");
const each = Number(values.each);
const report = { model: values.model, heldOut: {} };
/** A sheet; `content` makes one with as many pictures a row, or rows, as it is told. */
const save = async (name, most, content, options) =>
  writeFileSync(join(values.out, name), (await smallSheet(most, content, options)).bytes);
const progress = (done, total) => {
  if (process.stderr.isTTY && done === total) console.error(`${total} training pictures compared`);
};

await scoreGenerator();
const back = await scoreTokenizer();
await drawSamples(back);
for (const name of ["curves.svg", "curves.png"])
  if (existsSync(join(values.model, name))) copyFileSync(join(values.model, name), join(values.out, name));
writeFileSync(join(values.out, "report.json"), `${JSON.stringify(report, undefined, 2)}\n`);
const markdown = rows();
writeFileSync(join(values.out, "report.md"), `${markdown}\n`);
console.log(markdown);

/** Node 20 knows no `await using`. */
async function using(resource, use) {
  const opened = await resource;
  try {
    return await use(opened);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

/** Losses in nats a token, in the order in which the model draws. */
async function scoreGenerator() {
  const location = await locateModel(values.model, { parts: ["generator"] });
  await using(openModel(location), async ({ generator: { config, weights } }) => {
    const generator = { config, parameters: await trainable(weights, device) };
    const order = finalOrder(location.order, Math.sqrt(config.tokens));
    const expected = { length: config.tokens, codebookSize: config.codebookSize, classes: config.classes };
    await using(openTokens(values["held-out-tokens"], expected), async (tokens) => {
      const withClass = await heldOutLoss(generator, tokens, { order });
      const without = await heldOutLoss(generator, tokens, { order, condition: "none" });
      Object.assign(report.heldOut, { ...withClass, lossWithoutClass: without.loss });
    });
    if (values["train-tokens"] !== undefined)
      await using(openTokens(values["train-tokens"], expected), async (tokens) => {
        report.trainLoss = (await heldOutLoss(generator, tokens, { order, limit: TRAIN_ROWS })).loss;
      });
    for (const x of generator.parameters.values()) x.dispose();
  });
}

/** PSNR and codes of the held-out pictures; returns their reconstructions and those of as many training pictures. */
async function scoreTokenizer() {
  const read = (source, most) =>
    using(openImages(source), (set) =>
      Promise.all(Array.from({ length: Math.min(set.count, most) }, (_, i) => set.read(i))),
    );
  const location = await locateModel(values.model, { parts: ["tokenizer"] });
  return using(createEngine({ device: values.device }, 0), (engine) =>
    using(openModel(location), async (model) => {
      const tokenizer = await engine.loadTokenizer(model.tokenizer);
      const pictures = await read(values["held-out"], PICTURES);
      const { decoded, ...scores } = await reconstruct(tokenizer, pictures);
      Object.assign(report.heldOut, scores, { pictures: pictures.length });
      const pairs = pictures.slice(0, 96).map((image, i) => [{ image }, { image: decoded[i] }]);
      const rowsOfPairs = (n) => pairs.slice(0, 12 * n).flat();
      await save("reconstructions.png", 8, rowsOfPairs, { columns: 24, gap: 2 });
      if (values.train === undefined) return { heldOut: decoded, train: [] };
      const train = await read(values.train, pictures.length);
      return { heldOut: decoded, train: (await reconstruct(tokenizer, train)).decoded };
    }),
  );
}

function draw(model) {
  return using(Pipeline.load(model, { device: values.device }), async (pipeline) => {
    const { classes } = pipeline.generator;
    const wanted = Array.from({ length: classes * each }, (_, i) => Math.floor(i / each));
    const images = await pipeline.generate({ classes: wanted, seed: Number(values.seed) });
    const name = (i) => pipeline.classNames[i]?.split(",")[0] ?? `class ${i}`;
    return { images, names: Array.from({ length: classes }, (_, i) => name(i)) };
  });
}

async function drawSamples(reconstructions) {
  const own = await draw(values.model);
  const other = values.beside === undefined ? undefined : await draw(values.beside);
  const side = Math.max(own.images[0].width, other?.images[0].width ?? 0);
  const of = ({ images }, row, n) =>
    images.slice(row * each, row * each + n).map((image) => enlarge(image, side / image.width));
  const gap = { width: side, height: side, data: new Uint8Array(3 * side * side).fill(250) };
  const line = (row, n) => [...of(own, row, n), ...(other ? [gap, ...of(other, row, n)] : [])];
  await save("samples.png", each, (n) => own.names.map((label, row) => ({ label, images: line(row, n) })));
  if (values.train === undefined) return;
  await using(openImages(values.train), async (set) => {
    const groups = [own.images, reconstructions.heldOut, reconstructions.train];
    const found = await nearest(groups.flat(), set, progress);
    const [ofSamples, ofHeldOut, ofTraining] = groups.map((group, i) => {
      const first = groups.slice(0, i).reduce((sum, { length }) => sum + length, 0);
      return spread(found.slice(first, first + group.length).map(({ distance }) => distance));
    });
    report.samples = {
      count: own.images.length,
      trainingPictures: set.count,
      nearest: ofSamples,
      nearestOfHeldOut: ofHeldOut,
      nearestOfTraining: ofTraining,
    };
    const most = Math.min(6, each);
    const pairs = await Promise.all(
      own.names.map(async (label, row) => {
        const images = [];
        for (let i = row * each; i < row * each + most; i++)
          images.push(own.images[i], await set.read(found[i].index));
        return { label, images };
      }),
    );
    const rowsOfPairs = (n) => pairs.map(({ label, images }) => ({ label, images: images.slice(0, 2 * n) }));
    await save("nearest.png", most, rowsOfPairs);
  });
}

function rows() {
  const { heldOut, samples, trainLoss } = report;
  const grey = ({ least, low, median }) => [least, low, median].map((x) => x.toFixed(1)).join(" / ");
  return table(
    ["", values.model],
    [
      ["held-out loss, class given (nats a token)", heldOut.loss.toFixed(4)],
      ["the same without the class", heldOut.lossWithoutClass.toFixed(4)],
      ["held-out accuracy", heldOut.accuracy.toFixed(4)],
      ...(trainLoss === undefined ? [] : [[`loss on ${TRAIN_ROWS} training rows`, trainLoss.toFixed(4)]]),
      [`PSNR of ${heldOut.pictures} held-out pictures, mean (dB)`, heldOut.psnr.toFixed(3)],
      [`codes used by them, of ${heldOut.codebook}`, String(heldOut.codes)],
      ["perplexity of their codes", heldOut.perplexity.toFixed(0)],
      ...(samples === undefined
        ? []
        : [
            [
              `${samples.count} samples to the nearest training picture (grey levels; least / 5 % / median)`,
              grey(samples.nearest),
            ],
            ["reconstructed held-out pictures to it", grey(samples.nearestOfHeldOut)],
            [
              "reconstructed training pictures to it: what a copy would have",
              grey(samples.nearestOfTraining),
            ],
          ]),
    ],
  );
}
