/**
 * Whether scoring stays small in memory and ends in time at the benchmark's own size.
 *
 *   npm run study:scale                        50,000 images of 256 x 256 (9.83 GB of disk), features of 50,000 against 10,000
 *   npm run study:scale -- --images 500        a small run; a fifth as many references
 *   npm run study:scale -- --folder /data --threads 2 --device cuda
 *
 * The npz file is written twice: in order, as PNG files are collected, and filled batch by batch in a random order with one
 * pass for its checksum at the end, as `sample --no-png` does. The files must be equal. Every stage is a process of its own, whose
 * peak of memory is printed beside what it has once its modules are loaded. Pixels and features are random.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SIDE = 256;
const BYTES = SIDE * SIDE * 3;
const { values: flags } = parseArgs({
  options: {
    images: { type: "string", default: "50000" },
    references: { type: "string" },
    folder: { type: "string", default: fileURLToPath(new URL("../runs/study-scale", import.meta.url)) },
    threads: { type: "string", default: String(availableParallelism()) },
    device: { type: "string", default: "cpu" },
    stage: { type: "string" }, // the processes that this one starts
  },
});
const images = Number(flags.images);
const references = Number(flags.references ?? Math.ceil(images / 5));
const path = join(flags.folder, "samples.npz");
const filled = join(flags.folder, "filled.npz");
const infos = [
  { name: "arr_0", dtype: "U8", shape: [images, SIDE, SIDE, 3] },
  { name: "arr_1", dtype: "I64", shape: [images] },
];

async function runStage(name) {
  const times = {};
  const megabytes = () => process.resourceUsage().maxRSS / 1000;
  const time = async (what, work) => {
    const start = performance.now();
    const result = await work();
    times[what] = { seconds: (performance.now() - start) / 1000, peak: megabytes() };
    return result;
  };
  const loaded = await stages[name].modules();
  const before = megabytes();
  const found = await stages[name].run(loaded, time);
  console.log(JSON.stringify({ times, before, ...found }));
}

/** Pixels of an image: a piece of a pool of random bytes, so that no two images are the same. */
function pixelPool() {
  let state = 1;
  const words = Uint32Array.from({ length: 2 ** 22 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state ^ (state >>> 15);
  });
  const pool = new Uint8Array(words.buffer);
  return (i) => {
    const at = (i * 7919 * 4) % (pool.length - BYTES);
    return pool.subarray(at, at + BYTES);
  };
}
const labels = () => BigInt64Array.from({ length: images }, (_, i) => BigInt(i % 1000));

const writeModules = () => import("../packages/rar/dist/weights/npz.js");
const writeStage = async ({ writeNpz }, time) => {
  const pixels = pixelPool();
  async function* all() {
    for (let i = 0; i < images; i++) yield pixels(i);
  }
  await time("npz written in order", () =>
    writeNpz(path, { infos, data: ({ name }) => (name === "arr_0" ? all() : labels()) }),
  );
};

const fillModules = () => import("../packages/rar/dist/weights/npz-filler.js");
const fillStage = async ({ NpzFiller }, time) => {
  const pixels = pixelPool();
  const batches = Array.from({ length: Math.ceil(images / 50) }, (_, b) => b).sort(
    (a, b) => ((a * 7919) % 1009) - ((b * 7919) % 1009),
  );
  const filler = await NpzFiller.open(filled, infos);
  await time("npz filled, flushed after every 50 images", async () => {
    for (const batch of batches) {
      for (let i = batch * 50; i < Math.min(images, (batch + 1) * 50); i++)
        await filler.write("arr_0", i * BYTES, pixels(i));
      await filler.flush();
    }
    await filler.write("arr_1", 0, new Uint8Array(labels().buffer));
  });
  await time("its checksum and directory", () => filler.finish());
  await filler[Symbol.asyncDispose]();
};

const readModules = () => import("../packages/rar/dist/evaluation/picture-source.js");
const readStage = async ({ openPictures }, time) => {
  const pixels = pixelPool();
  const pictures = await openPictures(path);
  await time("npz read in batches of 16, every pixel compared", async () => {
    let i = 0;
    for await (const { data, count } of pictures.batches(16))
      for (let k = 0; k < count; k++, i++)
        if (Buffer.compare(data.subarray(k * BYTES, (k + 1) * BYTES), pixels(i)) !== 0)
          throw new Error(`image ${i} came back as another one`);
    if (i !== images) throw new Error(`${i} of ${images} images came back`);
  });
  await time("npz hashed (what features are kept under)", () => pictures.identity());
  await pictures[Symbol.asyncDispose]();
};

const featuresModules = async () => ({
  torch: await import("libtorch"),
  ...(await import("../packages/rar/dist/evaluation/statistics.js")),
  ...(await import("../packages/rar/dist/evaluation/frechet.js")),
  ...(await import("../packages/rar/dist/evaluation/inception-score.js")),
  ...(await import("../packages/rar/dist/evaluation/precision-recall.js")),
  ...(await import("../packages/rar/dist/evaluation/matrix.js")),
});
const featuresStage = async (loaded, time) => {
  const { torch, StatisticsSum, frechetDistance, inceptionScore, precisionRecall, matrix } = loaded;
  torch.setThreads(Number(flags.threads));
  torch.manualSeed(0);
  const columns = { pooled: 2048, spatial: 2023 };
  /** Rows of a feature and their statistics, in batches of 16 as Inception gives them. */
  const summed = (rows, width, keep) => {
    const all = keep ? new Float32Array(rows * width) : undefined;
    const sum = new StatisticsSum(width);
    const pool = torch.scope(() => torch.randn([1024 + 16, width]).data());
    for (let at = 0; at < rows; at += 16) {
      const count = Math.min(16, rows - at);
      const first = ((at * 31) % 1024) * width;
      const data = pool.slice(first, first + count * width);
      for (let i = 0; i < data.length; i += 97) data[i] += (at % 1000) / 1000; // no two batches are the same
      all?.set(data, at * width);
      sum.add(matrix(data, width));
    }
    const gaussian = sum.gaussian();
    sum.dispose();
    return { rows: all && matrix(all, width), gaussian };
  };
  const [samples, real] = await time("means and covariances of pooled features", () => [
    summed(images, columns.pooled, true),
    summed(references, columns.pooled, true),
  ]);
  const [spatial, realSpatial] = await time("means and covariances of spatial features", () => [
    summed(images, columns.spatial, false),
    summed(references, columns.spatial, false),
  ]);
  const fid = await time("FID", () => frechetDistance(samples.gaussian, real.gaussian));
  const sfid = await time("sFID", () => frechetDistance(spatial.gaussian, realSpatial.gaussian));
  const part = torch.scope(() => torch.softmax(torch.randn([Math.min(5000, images), 1008]), -1).data());
  const score = await time("Inception Score", () => {
    let sum = 0;
    const parts = Math.ceil(images / 5000);
    for (let i = 0; i < parts; i++) sum += inceptionScore(matrix(part, 1008));
    return sum / parts;
  });
  const { precision, recall } = await time("precision and recall", () =>
    precisionRecall(real.rows, samples.rows, { device: flags.device }),
  );
  return { found: { fid, sfid, score, precision, recall } };
};

const stages = {
  write: { modules: writeModules, run: writeStage },
  fill: { modules: fillModules, run: fillStage },
  read: { modules: readModules, run: readStage },
  features: { modules: featuresModules, run: featuresStage },
};

async function study() {
  const { table } = await import("./study-lib/scores.mjs");
  mkdirSync(flags.folder, { recursive: true });
  const n = (x) => x.toLocaleString("en");
  console.log(
    `${n(images)} images of ${SIDE} x ${SIDE} (${((images * BYTES) / 1e9).toFixed(2)} GB), features of ${n(images)} against ${n(references)}; ${flags.threads} threads, ${flags.device}.\n`,
  );
  const lines = [];
  const measured = (stage) => {
    const { times, before, found } = child(stage);
    for (const [what, { seconds, peak }] of Object.entries(times))
      lines.push([what, seconds.toFixed(1), before.toFixed(0), peak.toFixed(0)]);
    return found;
  };
  const outside = (what, program, words) => {
    const start = performance.now();
    const done = spawnSync(program, words, { encoding: "utf8", maxBuffer: 2 ** 28 });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const missing = done.error || /No module named/.test(done.stderr);
    if (missing) console.log(`${what}: skipped, ${program} or its module is not here.`);
    else if (done.status !== 0) throw new Error(`${what} failed: ${done.stdout}${done.stderr}`);
    else lines.push([what, seconds, "", ""]);
  };
  try {
    measured("write");
    measured("read");
    console.log(`samples.npz: ${n(statSync(path).size)} bytes.`);
    outside("unzip -t", "unzip", ["-tq", path]);
    outside("zipfile and numpy: header, first and last image", "python3", ["-c", numpyProgram, path]);
    const digest = await digestOf(path);
    rmSync(path);
    measured("fill");
    if ((await digestOf(filled)) !== digest) throw new Error("the two ways of writing gave different files");
    console.log("Both ways of writing gave the same bytes.");
  } finally {
    rmSync(flags.folder, { recursive: true });
  }
  const found = measured("features");
  console.log(`Of random features: ${JSON.stringify(found)}\n`);
  console.log(table(["stage", "s", "MB before", "MB at most so far"], lines));
}

/** Whole arrays of this size do not fit in memory: the member is read as a stream. */
const numpyProgram = `
import sys, zipfile, numpy
f = zipfile.ZipFile(sys.argv[1]).open("arr_0.npy")
version = numpy.lib.format.read_magic(f)
shape, order, dtype = numpy.lib.format.read_array_header_1_0(f)
assert shape == (${images}, ${SIDE}, ${SIDE}, 3) and not order and dtype == numpy.uint8, (shape, order, dtype)
first = numpy.frombuffer(f.read(${BYTES}), numpy.uint8)
labels = numpy.load(zipfile.ZipFile(sys.argv[1]).open("arr_1.npy"))
assert len(first) == ${BYTES} and labels.shape == (${images},) and labels[-1] == ${(images - 1) % 1000}
`;

async function digestOf(file) {
  const { createReadStream } = await import("node:fs");
  const hash = createHash("sha1");
  for await (const piece of createReadStream(file, { highWaterMark: 2 ** 22 })) hash.update(piece);
  return hash.digest("hex");
}

function child(stage) {
  const words = ["--stage", stage, "--images", String(images), "--references", String(references)];
  const rest = ["--folder", flags.folder, "--threads", flags.threads, "--device", flags.device];
  const done = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words, ...rest], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: flags.threads },
  });
  if (done.status !== 0) throw new Error(`${stage} ended with ${done.status ?? done.signal}`);
  return JSON.parse(done.stdout);
}

if (flags.stage !== undefined) await runStage(flags.stage);
else await study();
