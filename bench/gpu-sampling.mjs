// node bench/gpu-sampling.mjs [--presets rar-b,rar-xl] [--batch 1,8,64,128] [--graphs on,off] [--device cuda]
// Times whole images, decoding included, of full-size networks with random weights made in memory, by the torch engine,
// beside the floor of DESIGN 8 with the GPU's own speed measured in the same run. Prints Markdown, a row when it is known.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import * as torch from "libtorch";
import { imageFloor, measureMachine } from "../packages/rar/dist/bench/floor.js";
import { presetNamed } from "../packages/rar/dist/config/presets.js";
import { generatorShapes, tokenizerShapes } from "../packages/rar/dist/config/shapes.js";
import { TorchEngine } from "../packages/rar/dist/engines/torch/engine.js";
import { sampleTokens } from "../packages/rar/dist/sampling/generate.js";
import { initialWeights } from "../packages/rar/dist/weights/initial.js";

const { values } = parseArgs({
  options: {
    presets: { type: "string", default: "rar-b,rar-l,rar-xl,rar-xxl" },
    batch: { type: "string", default: "1,8,64,128" },
    graphs: { type: "string", default: "on,off" },
    precision: { type: "string", default: "bfloat16" },
    device: { type: "string", default: "cuda" },
    runs: { type: "string", default: "3" },
  },
});
const { device } = values;
const list = (text) => text.split(",");

/**
 * Weights as `rarity init --random-modulation` draws them; but the large matrices, all of one distribution, are cut
 * from one long row of such numbers, which is drawn once.
 */
function quickWeights(shapes) {
  const exact = initialWeights(shapes, { randomModulation: true });
  const drawn = initialWeights([{ name: "many.weight", shape: [2048, 2048] }]).readFloat32("many.weight");
  let offset = 0;
  return {
    tensors: exact.tensors,
    async readFloat32(name) {
      const { shape } = exact.tensors.get(name);
      const count = shape.reduce((n, d) => n * d, 1);
      const many = await drawn;
      if (shape.length !== 2 || count < many.length / 8) return exact.readFloat32(name);
      const out = new Float32Array(count);
      for (let at = 0; at < count; ) {
        offset = (offset + 7919) % many.length;
        const piece = many.subarray(offset, offset + count - at);
        out.set(piece, at);
        at += piece.length;
      }
      return out;
    },
  };
}

/** Seconds of one batch of images with guidance: for the tokens, and for the pixels. */
async function oneBatch(generator, tokenizer, images, run, sampling) {
  const { tokens: L, classes } = generator.config;
  const codes = new Int32Array(images * L);
  const start = performance.now();
  const request = {
    classes: Array.from({ length: images }, (_, i) => (run * 101 + i * 37) % classes),
    indices: Array.from({ length: images }, (_, i) => i),
    seed: run,
    guidance: { scale: sampling.guidanceScale, pow: sampling.guidanceScalePow },
    draw: { temperature: sampling.temperature },
  };
  for await (const { filled, tokens } of sampleTokens(generator, request))
    if (filled === L) for (const [i, one] of tokens.entries()) codes.set(one, i * L);
  const drawn = performance.now();
  const planes = await tokenizer.decode(codes, Math.sqrt(L), Math.sqrt(L));
  const decoded = performance.now();
  if (!planes.every(Number.isFinite)) throw new Error("a pixel is not finite");
  return { tokens: (drawn - start) / 1000, pixels: (decoded - drawn) / 1000 };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
/** Statistics of the GPU's memory, the engine's thread included; undefined on a CPU and without CUDA's headers. */
function ofGpu(read) {
  try {
    return read(torch.cuda);
  } catch (error) {
    if (error instanceof torch.cuda.CudaMissingError) return undefined;
    throw error;
  }
}

async function row(engine, preset, { generator, tokenizer }, images, machine) {
  ofGpu((cuda) => cuda.resetPeakMemory(device));
  const { sampling } = presetNamed(preset);
  const times = [];
  // The first run loads kernels, captures graphs and computes what is computed once a model.
  for (let run = 0; run <= Number(values.runs); run++) {
    const time = await oneBatch(generator, tokenizer, images, run, sampling);
    if (run > 0) times.push({ ...time, whole: time.tokens + time.pixels });
  }
  const whole = times.map((time) => time.whole);
  const settings = { precision: engine.precision, images, guided: true };
  const floor = imageFloor(machine, generator.config, tokenizer.config, settings);
  const tokens = median(times.map((time) => time.tokens));
  return [
    preset,
    engine.precision,
    engine.graphs ? "yes" : "no",
    images,
    `${median(whole).toFixed(3)} (${Math.min(...whole).toFixed(3)}-${Math.max(...whole).toFixed(3)})`,
    (images / median(whole)).toFixed(2),
    ((tokens * 1000) / (generator.config.tokens + 1)).toFixed(2),
    median(times.map((time) => time.pixels)).toFixed(3),
    floor.total.toFixed(3),
    (median(whole) / floor.total).toFixed(2),
    `${Math.round((100 * floor.steps) / tokens)}%`,
    ofGpu((cuda) => (cuda.memory(device).allocatedPeak / 1e9).toFixed(1)) ?? "-",
  ];
}

const header = [
  "preset",
  "precision",
  "graphs",
  "images",
  "s a batch (least-most)",
  "images/s",
  "ms a step",
  "decoder s",
  "floor s",
  "ratio",
  "steps' share of the floor's speed",
  "peak GB",
];
console.log(`| ${header.join(" | ")} |\n|${" --- |".repeat(header.length)}`);
/** All batches of one preset, with or without graphs. */
async function rows(preset, precision, graphs, machine) {
  const { generator: config, tokenizer: tokenizerConfig } = presetNamed(preset);
  const engine = await TorchEngine.create({ device, precision, graphs });
  try {
    if (engine.graphs !== graphs) return; // there are none on a CPU
    const start = performance.now();
    const weights = initialWeights(tokenizerShapes(tokenizerConfig));
    const models = {
      generator: await engine.loadGenerator({ config, weights: quickWeights(generatorShapes(config)) }),
      tokenizer: await engine.loadTokenizer({ config: tokenizerConfig, weights }),
    };
    console.error(`${preset} loaded in ${((performance.now() - start) / 1000).toFixed(1)} s`);
    for (const images of list(values.batch).map(Number)) {
      try {
        console.log(`| ${(await row(engine, preset, models, images, machine)).join(" | ")} |`);
      } catch (error) {
        process.exitCode = 1;
        console.error(`${preset}, ${images} images: ${error instanceof Error ? error.message : error}`);
      }
    }
  } finally {
    await engine.dispose();
  }
}

for (const precision of list(values.precision)) {
  const question = { engine: "torch", device, precision, threads: availableParallelism() };
  const machine = await measureMachine(question);
  for (const preset of list(values.presets))
    for (const graphs of list(values.graphs)) await rows(preset, precision, graphs === "on", machine);
  const after = await measureMachine(question);
  const both = (of, unit) =>
    `${(of(machine) / unit).toPrecision(3)} and ${(of(after) / unit).toPrecision(3)}`;
  console.log(
    `\nB ${both((m) => m.bytesPerSecond, 1e9)} GB/s, F ${both((m) => m.flops, 1e12)} TFLOP/s in ${precision}, ` +
      `${both((m) => m.float32Flops, 1e12)} in float32, before and after; the floors are of the first.\n`,
  );
}
