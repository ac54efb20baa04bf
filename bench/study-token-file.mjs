/**
 * Whether training's data stays small in memory: random batches out of a synthetic file of ImageNet's ten-crop size.
 *
 *   npm run study:tokens                             12,800,000 rows of 256 tokens (6.7 GB of disk) and a hundredth of it
 *   npm run study:tokens -- --rows 100000 --jsonl    another size; also the reference's JSON lines (two and a half times as large)
 *   npm run study:tokens -- --folder /data --keep    where the files go; kept for the next run
 *
 * Each file is written by one process and read by another, whose peak of memory is printed beside what the same process has
 * before it opens anything. Where GNU dd is there the file is dropped from the system's cache before it is read.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { TokenBatches } from "../packages/rar/dist/data/token-batches.js";
import { writeTokenJsonl } from "../packages/rar/dist/data/token-convert.js";
import { TokenFileWriter } from "../packages/rar/dist/data/token-file.js";
import { openTokens } from "../packages/rar/dist/data/token-rows.js";

const LENGTH = 256;
const CODES = 1024;
const CLASSES = 1000;
const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "12800000" },
    batch: { type: "string", default: "64" },
    batches: { type: "string", default: "2000" },
    folder: { type: "string", default: fileURLToPath(new URL("../runs/study-tokens", import.meta.url)) },
    jsonl: { type: "boolean", default: false },
    keep: { type: "boolean", default: false },
    write: { type: "string" }, // these two: the processes that this one starts
    read: { type: "string" },
  },
});
const rows = Number(flags.rows);

if (flags.write !== undefined) await write(flags.write, rows);
else if (flags.read !== undefined) await read(flags.read);
else await study();

async function write(path, count) {
  // A row's tokens begin at some place in a pool of random ones, so that no two pages of the file are the same.
  const pool = Uint16Array.from({ length: 2 ** 20 }, () => Math.floor(Math.random() * CODES));
  const placeOf = (row) => (row * 7919) % (pool.length - LENGTH);
  const start = performance.now();
  const tokens = path.endsWith(".jsonl") ? path.replace(/jsonl$/, "tokens") : path;
  if (!existsSync(tokens)) {
    const writer = await TokenFileWriter.create(tokens, {
      length: LENGTH,
      codebookSize: CODES,
      classes: CLASSES,
    });
    for (let row = 0; row < count; row++)
      await writer.append(row % CLASSES, pool.subarray(placeOf(row), placeOf(row) + LENGTH));
    await writer.finish();
  }
  if (path !== tokens) {
    const source = await openTokens(tokens);
    await writeTokenJsonl(path, source);
    await source.close();
  }
  console.log(JSON.stringify({ seconds: (performance.now() - start) / 1000 }));
}

async function read(path) {
  const before = process.resourceUsage().maxRSS;
  const start = performance.now();
  const source = await openTokens(path, { length: LENGTH, codebookSize: CODES, classes: CLASSES });
  const opened = performance.now();
  const plan = { seed: 1, rank: 0, ranks: 1, batch: Number(flags.batch), microBatches: 1 };
  const batches = new TokenBatches(source, plan);
  await batches.step(0);
  const first = performance.now();
  for (let step = 1; step <= Number(flags.batches); step++) await batches.step(step);
  const seconds = (performance.now() - first) / 1000;
  await batches[Symbol.asyncDispose]();
  await source.close();
  const report = {
    open: opened - start,
    first: first - start,
    batchesPerSecond: Number(flags.batches) / seconds,
    before: before / 1000,
    peak: process.resourceUsage().maxRSS / 1000,
  };
  console.log(JSON.stringify(report));
}

async function study() {
  // Not above: the processes that are measured need nothing of it.
  const { table } = await import("./study-lib/scores.mjs");
  mkdirSync(flags.folder, { recursive: true });
  const lines = [];
  for (const count of [Math.ceil(rows / 100), rows])
    for (const format of flags.jsonl ? ["tokens", "jsonl"] : ["tokens"]) {
      const path = join(flags.folder, `${count}.${format}`);
      const there = existsSync(path);
      const { seconds } = there ? {} : child("--write", path, "--rows", String(count));
      const cold = dropFromCache(path);
      const report = child("--read", path, "--batch", flags.batch, "--batches", flags.batches);
      lines.push([
        format,
        count.toLocaleString("en"),
        (statSync(path).size / 1e9).toFixed(2),
        there ? "was there" : seconds.toFixed(1),
        `${report.open.toFixed(0)}`,
        `${report.first.toFixed(0)}${cold ? "" : " (cached)"}`,
        report.batchesPerSecond.toFixed(0),
        report.before.toFixed(0),
        report.peak.toFixed(0),
      ]);
    }
  if (!flags.keep) rmSync(flags.folder, { recursive: true });
  console.log(`Batches of ${flags.batch}, ${flags.batches} of them, at random places.\n`);
  const heads = ["format", "rows", "GB", "written in s", "open ms", "first batch ms", "batches/s"];
  console.log(table([...heads, "MB before", "MB at most"], lines));
}

function child(...words) {
  const done = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...words], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`${words.join(" ")} ended with ${done.status ?? done.signal}`);
  return JSON.parse(done.stdout);
}

/** @returns whether the file has to come from the disk again */
function dropFromCache(path) {
  const words = [`of=${path}`, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"];
  return spawnSync("dd", words, { stdio: "ignore" }).status === 0;
}
