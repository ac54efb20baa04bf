/**
 * Kills a training at random moments, half of them while it saves, starts it again each time, and holds the end against that of a run
 * which nothing disturbed.
 *
 *   npm run study:interrupt                 50 kills
 *   options: --kills N, --seed N, --folder FOLDER (default: a temporary one, removed at the end)
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { philox4x32 } from "../packages/rar/dist/drawing/philox.js";
import { endOf, startTraining } from "../packages/rar/dist/testing/training-runs.js";
import { option } from "./study-lib/model.mjs";

const kills = Number(option("kills", 50));
const seed = Number(option("seed", 1));
const folder = option("folder") ?? mkdtempSync(join(tmpdir(), "rarity-interrupt-"));
const steps = 400;
/** A save every second step, so that a run is often inside one. */
const words = [
  `training.max_train_steps=${steps}`,
  "experiment.save_every=2",
  "model.generator.randomness_anneal_start=100",
  "model.generator.randomness_anneal_end=300",
];
const at = (name) => join(folder, name);

await finish("whole");
const whole = endOf(at("whole"), steps);
const found = { inSave: 0, between: 0, beforeFirst: 0, finished: 0 };
for (let kill = 0; kill < kills; kill++) {
  const stale = halfWritten();
  const run = startTraining(at("killed"), words);
  const saves = (name) => !stale.includes(name);
  if (kill % 2 === 0) await whileSaving(run, saves, kill);
  else await atAnyMoment(run, kill);
  run.child.kill("SIGKILL");
  const { code } = await run.ended;
  if (code === 0) found.finished++;
  else if (halfWritten().some(saves)) found.inSave++;
  else if (newest() === undefined) found.beforeFirst++;
  else found.between++;
  process.stderr.write(`\r${kill + 1} of ${kills} kills, at step ${newest() ?? 0}  `);
}
await finish("killed");
const end = endOf(at("killed"), steps);
const same = Object.keys(whole).filter((name) => whole[name] === end[name]);
console.log(
  `\n${kills} kills: ${found.inSave} inside a save, ${found.between} between saves, ${found.beforeFirst} before the first checkpoint; ` +
    `${found.finished} came after the end.`,
);
console.log(
  `${same.length} of ${Object.keys(whole).length} files have the very bytes of the undisturbed run.`,
);
if (option("folder") === undefined) rmSync(folder, { recursive: true });
process.exitCode = same.length === Object.keys(whole).length ? 0 : 1;

async function finish(name) {
  const { code, stderr } = await startTraining(at(name), words).ended;
  if (code !== 0) throw new Error(`The run ended with ${code}:\n${stderr}`);
}

/** Every other time while it starts, else while it trains. */
async function atAnyMoment(run, kill) {
  const starting = kill % 4 === 1;
  if (!starting) await Promise.race([run.said(/^published/m), run.ended]);
  await Promise.race([sleep((starting ? 800 : 2000) * random(kill)), run.ended]);
}

/** Waits until a checkpoint is being written, the first of this run or one of the next, and then a part of the time that takes. */
async function whileSaving(run, saves, kill) {
  let over = false;
  run.ended.then(() => {
    over = true;
  });
  const wanted = Math.floor(4 * random(kill));
  for (let seen = 0, before; !over; await sleep(0)) {
    const now = halfWritten().find(saves);
    if (now !== undefined && now !== before && seen++ >= wanted) break;
    before = now;
  }
  await sleep(10 * random(1000 + kill));
}

function entries() {
  try {
    return readdirSync(at("killed"));
  } catch {
    return [];
  }
}
function halfWritten() {
  return entries().filter((name) => name.endsWith(".tmp"));
}
function newest() {
  const numbers = entries().flatMap((name) => /^checkpoint-(\d+)$/.exec(name)?.[1] ?? []);
  return numbers.length === 0 ? undefined : Math.max(...numbers.map(Number));
}

function random(counter) {
  const out = new Uint32Array(4);
  philox4x32(counter, 0, 0, 0, seed, 0, out);
  return out[0] / 2 ** 32;
}

function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
