// npm run bench:train [-- --python PATH --presets rar-b --batch 4 --precision float32,bfloat16 --checkpointing off,on]
// Images a second and peak memory of training steps, by rarity's trainer and, where --python names a Python with torch, by
// the same step in plain PyTorch (bench/train/step.py), each in a process of its own, taking turns. Prints Markdown.
// --graphs off: steps of small networks are not recorded on a GPU. With --device cuda the batch is 64, as published for one GPU. `cifar10` is the recorded small model.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runtimeInfo } from "libtorch";
import { presetNamed } from "../packages/rar/dist/config/presets.js";
import { generatorShapes } from "../packages/rar/dist/config/shapes.js";

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    presets: { type: "string", default: "rar-b" },
    device: { type: "string", default: "cpu" },
    precision: { type: "string" },
    checkpointing: { type: "string", default: "off,on" },
    graphs: { type: "string", default: "on" },
    batch: { type: "string" },
    steps: { type: "string", default: "3" },
    rounds: { type: "string", default: "2" },
    threads: { type: "string", default: String(availableParallelism()) },
    limit: { type: "string", default: "3600" }, // seconds that one process may take
  },
});
const { device, python } = values;
const onCpu = device === "cpu";
const list = (text) => text.split(",");

const small = { width: 192, depth: 6, heads: 6, mlpWidth: 768, codebookSize: 512, tokens: 64, classes: 10 };
const generatorOf = (preset) => (preset === "cifar10" ? small : presetNamed(preset).generator);

/** What one process found; undefined where it failed, which is said, and is no failure where memory does not suffice. */
function run(command, config, settings) {
  const file = fileURLToPath(new URL(`train/step.${command === python ? "py" : "mjs"}`, import.meta.url));
  const done = spawnSync(command, [file, JSON.stringify({ config, ...settings })], {
    input: JSON.stringify(generatorShapes(config)),
    encoding: "utf8",
    timeout: 1000 * Number(values.limit),
  });
  if (done.status === 0) return JSON.parse(done.stdout);
  if (!/out of memory/i.test(done.stderr)) process.exitCode = 1;
  const last = done.stderr.trim().split("\n").at(-1) || `ended with ${done.signal ?? done.status}`;
  console.error(`${command === python ? "Python" : "rarity"}: ${last}`);
  return undefined;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

/** Cells of one program: images a second (slowest to fastest step), and the peak in MB. */
function cells(found, batch) {
  if (found.length === 0) return ["-", "-"]; // the reason was said
  const times = found.flatMap((one) => one.times);
  const speed = (seconds) => (batch / seconds).toPrecision(3);
  const range = `${speed(Math.max(...times))}-${speed(Math.min(...times))}`;
  return [`${speed(median(times))} (${range})`, Math.max(...found.map((one) => one.peak)).toFixed(0)];
}

const own = ["rarity images/s", "peak MB"];
const peer = python ? ["Python images/s", "peak MB", "speed ratio", "CPU time ratio", "memory ratio"] : [];
const header = ["preset", "precision", "checkpoints", "batch", ...own, ...peer];
console.log(
  `libtorch ${runtimeInfo().version}, ${device}${onCpu ? `, ${values.threads} threads` : ""}; median of ${values.rounds} x ${values.steps} steps (slowest to fastest)\n`,
);
console.log(`| ${header.join(" | ")} |\n|${" --- |".repeat(header.length)}`);
for (const preset of list(values.presets))
  for (const precision of list(values.precision ?? (onCpu ? "float32,bfloat16" : "bfloat16")))
    for (const checkpointing of list(values.checkpointing).map((word) => word === "on")) {
      const config = generatorOf(preset);
      const batch = Number(values.batch ?? (onCpu && config.width > 512 ? 4 : 64));
      const graphs = values.graphs !== "off";
      const settings = { device, precision, checkpointing, graphs, batch, steps: Number(values.steps) };
      const found = { ours: [], theirs: [] };
      for (let round = 0; round < Number(values.rounds); round++) {
        const both = { ...settings, threads: Number(values.threads) };
        found.ours.push(run(process.execPath, config, both));
        if (python) found.theirs.push(run(python, config, both));
      }
      const ours = found.ours.filter(Boolean);
      const theirs = found.theirs.filter(Boolean);
      const row = [preset, precision, checkpointing ? "on" : "off", batch, ...cells(ours, batch)];
      if (python) {
        row.push(...cells(theirs, batch));
        if (ours.length > 0 && theirs.length > 0) {
          const [a, b] = [ours[0].checked, theirs[0].checked];
          if (Math.abs(a / b - 1) > 1e-3) throw new Error(`the two programs differ: losses ${a} and ${b}`);
          const seconds = (all, of) => median(all.flatMap((one) => one[of]));
          const faster = (of) => (seconds(theirs, of) / seconds(ours, of)).toFixed(2);
          const peak = (all) => Math.max(...all.map((one) => one.peak));
          row.push(faster("times"), faster("cpu"), (peak(ours) / peak(theirs)).toFixed(2));
        } else row.push("-", "-", "-");
      }
      console.log(`| ${row.join(" | ")} |`);
    }
