/**
 * Draws the pictures of the emoji model and packs them as WebDataset shards: train-0000.tar and on, heldout-0000.tar.
 *
 *   node runs/steps/pictures.mjs FOLDER [--size 32] [--drawn 72] [--copies 1] [--seed 42] [--processes N]
 *
 * size: side of a picture; drawn: side it is drawn at before it is reduced; copies: so many times the changed copies of
 * the recipe. A shard that is there is not made again, so an interrupted run goes on where it was.
 */
import { fork } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import { encodePngSync } from "../../packages/rar/dist/images/png.js";
import { changeOf, picture } from "./changed.mjs";
import { iconsOf } from "./icons.mjs";
import { tar } from "./tar.mjs";

/** Pictures of a shard, about. */
const SHARD = 5000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: "string", default: "32" },
    drawn: { type: "string", default: "72" },
    copies: { type: "string", default: "1" },
    seed: { type: "string", default: "42" },
    processes: { type: "string", default: String(availableParallelism()) },
    shard: { type: "string" },
  },
});
const [folder] = positionals;
if (folder === undefined) {
  console.error("Name the folder that the shards go to.");
  process.exit(2);
}
const settings = { size: +values.size, drawn: +values.drawn, copies: +values.copies, seed: +values.seed };
const { packages, copies, icons } = iconsOf(join(dirname(folder), "icons.json.br"));
const shards = plan();
if (values.shard === undefined) await makeAll();
else await makeShard(shards[+values.shard]);

/** Name and samples {icon, copy} of every shard: training samples in an order without meaning, so that shards mix classes. */
function plan() {
  const samples = icons
    .filter((icon) => !icon.heldOut)
    .flatMap((icon) => {
      const count = 1 + settings.copies * (copies[icon.classId] - 1);
      return Array.from({ length: count }, (_, copy) => ({ icon, copy }));
    });
  const place = ({ icon, copy }) => crc32(Buffer.from(`${settings.seed} ${icon.set} ${icon.name} ${copy}`));
  const mixed = samples
    .map((sample) => ({ sample, at: place(sample) }))
    .sort((a, b) => a.at - b.at)
    .map(({ sample }) => sample);
  const count = Math.max(1, Math.round(mixed.length / SHARD));
  const cut = (i) => Math.floor((i * mixed.length) / count);
  const train = Array.from({ length: count }, (_, i) => ({
    name: `train-${String(i).padStart(4, "0")}.tar`,
    samples: mixed.slice(cut(i), cut(i + 1)),
  }));
  const heldOut = icons.filter((icon) => icon.heldOut).map((icon) => ({ icon, copy: 0 }));
  return [{ name: "heldout-0000.tar", samples: heldOut }, ...train];
}

async function makeAll() {
  mkdirSync(folder, { recursive: true });
  const kept = join(folder, "pictures.json");
  const made = { ...settings, packages };
  if (existsSync(kept) && JSON.stringify(JSON.parse(readFileSync(kept, "utf8"))) !== JSON.stringify(made)) {
    console.error(
      `${folder} holds pictures made with other settings (pictures.json). Name another folder, or remove it.`,
    );
    process.exit(2);
  }
  writeFileSync(kept, `${JSON.stringify(made, undefined, 2)}\n`);
  const missing = shards.flatMap(({ name }, i) => (existsSync(join(folder, name)) ? [] : [i]));
  const total = shards.reduce((sum, { samples }) => sum + samples.length, 0);
  console.error(
    `${total} pictures of ${settings.size} x ${settings.size} in ${shards.length} shards; ${missing.length} shards to make.`,
  );
  const words = process.argv.slice(2);
  const next = async () => {
    for (let i = missing.shift(); i !== undefined; i = missing.shift()) {
      const child = fork(process.argv[1], [...words, "--shard", String(i)]);
      const code = await new Promise((ended) =>
        child.once("exit", (status, signal) => ended(signal ?? status)),
      );
      if (code !== 0) throw new Error(`${shards[i].name} could not be made (${code}).`);
      console.error(`  ${shards[i].name}`);
    }
  };
  await Promise.all(Array.from({ length: +values.processes }, next));
}

async function makeShard({ name, samples }) {
  const files = [];
  for (const { icon, copy } of samples) {
    const data = await picture(icon, changeOf(icon, copy, settings.seed), settings);
    const key = `${icon.set}-${icon.name}-${copy}`;
    files.push({
      name: `${key}.png`,
      data: encodePngSync({ width: settings.size, height: settings.size, data }),
    });
    files.push({ name: `${key}.cls`, data: Buffer.from(String(icon.classId)) });
  }
  const path = join(folder, name);
  writeFileSync(`${path}.partial`, tar(files));
  renameSync(`${path}.partial`, path);
}
