// npm run bench:speed [-- --engine torch --presets rar-b --precision float32,int8 --batch 1,4,16 --window 1 --peer]
// Times whole images of full-size networks with random weights beside the machine's floor, and, with --peer, the
// reference's loop in PyTorch in the same run. Prints Markdown. Needs the disk for the weights (under runs/).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    presets: { type: "string", default: "rar-b" },
    engine: { type: "string", default: "onnx" },
    device: { type: "string" },
    precision: { type: "string" },
    batch: { type: "string", default: "1" },
    window: { type: "string" },
    runs: { type: "string", default: "3" },
    peer: { type: "boolean", default: false },
    "peer-steps": { type: "string", default: "257" },
  },
});
const precisions = values.precision ?? (values.engine === "torch" ? "float32,bfloat16" : "float32,int8,int4");
const rarity = "packages/rar/dist/cli/main.js";

function run(command, args, env = {}) {
  const done = spawnSync(command, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
    encoding: "utf8",
  });
  if (done.status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${done.status}`);
  return done.stdout;
}

/** The first Python that has PyTorch: a version manager's own often has not, the system's may. */
function pythonWithTorch() {
  const found = [process.env.PYTHON, "python3", "/usr/bin/python3"].find(
    (python) => python && spawnSync(python, ["-c", "import torch"]).status === 0,
  );
  if (!found)
    throw new Error(
      "--peer needs a Python with PyTorch, such as Debian's python3-torch with libopenblas0-openmp",
    );
  return found;
}

const header = [
  "preset",
  "precision",
  "images",
  "s a batch (least-most)",
  "s an image",
  "steps",
  "ms a step",
  "decoder s",
  "floor s",
  "ratio",
  "load s",
  "peak MB",
  "weights + caches MB",
  "B GB/s",
  "F GFLOP/s",
];
console.log(`| ${header.join(" | ")} |\n|${" --- |".repeat(header.length)}`);
const seconds = {};
for (const preset of values.presets.split(",")) {
  const folder = `runs/${preset}`;
  if (!existsSync(`${folder}/config.yaml`)) {
    run("node", [rarity, "init", folder, "--preset", preset, "--random-modulation", "--tokenizer"]);
  }
  // A process a precision and batch: so each row's peak memory and load time are its own.
  for (const precision of precisions.split(",")) {
    for (const batch of values.batch.split(",")) {
      const args = [
        rarity,
        "bench",
        folder,
        "--engine",
        values.engine,
        ...(values.device ? ["--device", values.device] : []),
        "--precision",
        precision,
        "--batch",
        batch,
        ...(values.window ? ["--window", values.window] : []),
        "--runs",
        values.runs,
        "--json",
      ];
      const row = JSON.parse(run("node", args));
      seconds[`${preset} ${precision} ${batch}`] = row;
      const { median, least, most } = row.seconds;
      const cells = [
        preset,
        precision,
        batch,
        `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`,
        row.secondsPerImage.toFixed(2),
        row.steps,
        row.stepMilliseconds.toFixed(1),
        row.decodeSeconds.toFixed(2),
        row.floorSeconds.toFixed(2),
        row.ratio.toFixed(2),
        row.loadSeconds.toFixed(1),
        Math.round(row.peakMemory / 1e6),
        Math.round((row.weightBytes + row.cacheBytes) / 1e6),
        (row.machine.bytesPerSecond / 1e9).toFixed(1),
        (row.machine.flops / 1e9).toFixed(0),
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
  if (values.peer) {
    const loop = "bench/reference-loop/reference_loop.py";
    const out = run(pythonWithTorch(), [loop, "--preset", preset, "--tune", "--steps", values["peer-steps"]]);
    const peer = JSON.parse(out.trim().split("\n").at(-1));
    console.log(`\nPeer, PyTorch: ${JSON.stringify(peer)}\n`);
    for (const precision of precisions.split(",")) {
      const own = seconds[`${preset} ${precision} 1`];
      if (!own) continue;
      const tokens = own.seconds.median - own.decodeSeconds;
      console.log(
        `${preset} ${precision}, one image: ${(peer.seconds_per_image / own.seconds.median).toFixed(1)} times as fast with pixels, ` +
          `${((peer.seconds_per_image - (peer.decode_seconds ?? 0)) / tokens).toFixed(1)} times for the tokens alone`,
      );
    }
  }
}
