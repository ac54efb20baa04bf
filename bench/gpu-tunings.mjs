// node bench/gpu-tunings.mjs [--presets rar-xl,rar-b] [--rows 2,4] [--seconds 60] [--tunings '[{"early":true}]'] [--device cuda]
// Compares ways to cut and order the kernels of a decode step of few rows: whole recorded steps, drawing included, in
// bfloat16, at the first and at the last positions, beside a streaming read in the same run. The first line is measured
// again at the end. Prints Markdown, a line when it is known; what does not fit the time is left out and said.
import { parseArgs } from "node:util";
import * as torch from "libtorch";
import { presetNamed } from "../packages/rar/dist/config/presets.js";
import { stepKernels } from "../packages/rar/dist/engines/torch/kernels/program.js";
import { KernelStepper } from "../packages/rar/dist/engines/torch/kernels/stepper.js";
import { Modulations, rowConditions } from "../packages/rar/dist/engines/torch/modulation.js";
import { recordGraph } from "../packages/rar/dist/engines/torch/record.js";
import { deviceSpeed } from "../packages/rar/dist/engines/torch/speed.js";
import { dtype, randomModel, stepBytes } from "./gpu-model.mjs";

const { values } = parseArgs({
  options: {
    presets: { type: "string", default: "rar-xl,rar-b" },
    rows: { type: "string", default: "2,4" },
    seconds: { type: "string", default: "60" },
    tunings: { type: "string" },
    device: { type: "string", default: "cuda:0" },
  },
});
const { device } = values;
const began = performance.now();
const secondsSince = (start) => (performance.now() - start) / 1000;

const layers = ["qkvLinear", "projLinear", "fc1Linear", "fc2Linear", "headLinear"];
const cut = (linearThreads, each, linearBlocks = 0) => ({
  linearThreads,
  linearBlocks,
  each: Object.fromEntries(layers.map((name) => [name, each])),
});

/** In order of hope, for there may not be time for all. */
function tunings() {
  if (values.tunings) return JSON.parse(values.tunings);
  const cuts = [
    ...[cut(128, 4, 3), cut(256, 4), cut(256, 2), cut(256, 2, 3)],
    ...[cut(128, 4, 2), cut(128, 2, 4), cut(256, 4, 1), cut(256, 1, 4)],
  ];
  const ways = [
    { early: true, staged: true, valuesAhead: true },
    { early: true, staged: false, valuesAhead: false },
    { early: true, staged: true, valuesAhead: false },
    { early: false, staged: false, valuesAhead: false },
  ];
  return [{}, ...ways.flatMap((way) => cuts.map((one) => ({ ...one, ...way })))];
}

function nameOf(tuning) {
  const { early, dependent = true, staged, valuesAhead, linearThreads, linearBlocks, each, ...more } = tuning;
  const parts = [
    early && "early",
    !dependent && "one after the other",
    linearThreads && `${linearThreads} threads`,
    linearBlocks && `${linearBlocks} blocks`,
    each && `${[...new Set(Object.values(each))].join("/")} each`,
    staged && "staged",
    valuesAhead && "values",
    ...Object.entries(more).map(([key, value]) => `${key} ${JSON.stringify(value)}`),
  ];
  return parts.filter(Boolean).join(", ") || "the default";
}

/** Positions that are fed, all of one chunk of the modulation, after the one whose logits are drawn from first. */
const stretches = [
  { from: 1, steps: 31 },
  { from: 231, steps: 24 },
];

/** Least milliseconds a step of each stretch, and the tokens that were drawn. */
function measured(model, rows, tuning, rounds) {
  const { config } = model;
  const images = rows / 2;
  const kernels = stepKernels(
    ...[config, dtype, device, rows, config.tokens + 1, torch.cuda.compileKernels, tuning],
  );
  const stepper = new KernelStepper(model, rows, kernels, recordGraph(device));
  const classes = Int32Array.from({ length: images }, (_, i) => config.codebookSize + 1 + i);
  const modulations = new Modulations(model, rowConditions(config, classes, true));
  const [start, end] = [0, 1].map(() => new torch.cuda.Event({ timing: true }));
  try {
    return torch.scope(() => {
      const ids = (count) =>
        torch.tensor(
          BigInt64Array.from({ length: count }, (_, i) => BigInt(i)),
          { device },
        );
      const [where, next] = [ids(config.tokens + 1), ids(config.tokens + 1)];
      const indices = Array.from({ length: images }, (_, i) => i);
      const noise = { kind: "philox", seed: 1, indices, domain: 0 };
      const content = torch.zeros([images, 1], { device, dtype: "int64" });
      const one = (position) => ({
        content,
        where: torch.narrow(where, 0, position, 1),
        next: torch.narrow(next, 0, position, 1),
        modulations,
      });
      const tokens = [];
      const milliseconds = stretches.map(({ from, steps }) => {
        let least = Number.POSITIVE_INFINITY;
        for (let round = 0; round <= rounds; round++) {
          torch.scope(() => void stepper.run(one(from), from));
          const drawing = { place: from - 1, factors: Array(steps).fill(2), temperature: 1, noise };
          start.record();
          const drawn = stepper.draw({ ...drawing, where, next, modulations }).tokens;
          end.record();
          const elapsed = start.elapsed(end) / steps;
          if (round > 0)
            least = Math.min(least, elapsed); // the first one records
          else tokens.push(...torch.numbers(torch.narrow(drawn, 0, from - 1, steps)));
        }
        return least;
      });
      return { milliseconds, tokens };
    });
  } finally {
    stepper.dispose();
    modulations.dispose();
  }
}

const line = (...cells) => console.log(`| ${cells.join(" | ")} |`);

function compare(model, preset, rows, streaming, until) {
  console.log(`\n${preset}, ${rows} rows\n`);
  const { config } = model;
  const titles = stretches.map(({ from, steps }) => `ms at ${from + 1} to ${from + steps}`);
  line("tuning", ...titles, "share of the read's speed", "tokens that differ", "s in all");
  line(...Array(titles.length + 4).fill("---"));
  const all = tunings();
  let first;
  const middle = stretches.map(({ from, steps }) => from + (steps + 1) / 2);
  let left = 0;
  for (const [i, tuning] of [...all, all[0]].entries()) {
    const last = i === all.length;
    if (!last && secondsSince(began) > until) {
      left++;
      continue;
    }
    const start = performance.now();
    try {
      const { milliseconds, tokens } = measured(model, rows, tuning, 3);
      first ??= tokens;
      const whole = (milliseconds[0] + milliseconds[1]) / 2;
      const bytes = (stepBytes(config, rows, middle[0]) + stepBytes(config, rows, middle[1])) / 2;
      line(
        last ? `${nameOf(tuning)}, again` : nameOf(tuning),
        ...milliseconds.map((n) => n.toFixed(4)),
        `${((100 * bytes) / (whole / 1000) / streaming).toFixed(1)}%`,
        tokens.filter((token, at) => token !== first[at]).length,
        secondsSince(start).toFixed(2),
      );
    } catch (error) {
      process.exitCode = 1;
      line(nameOf(tuning), String(error.message).split("\n")[0].slice(0, 150), "", "", "", "");
    }
  }
  if (left > 0) console.log(`\n${left} of ${all.length} left out: the time was over`);
}

const presets = values.presets.split(",");
const rowCounts = values.rows.split(",").map(Number);
torch.allowTF32(false);
torch.inferenceMode(() => {
  const { bytesPerSecond } = deviceSpeed(device, dtype, 1);
  console.log(JSON.stringify(torch.cuda.properties(device)));
  console.log(`streaming read ${(bytesPerSecond / 1e12).toFixed(3)} TB/s`);
  // Half of the time for the first model and the fewest rows, the rest in equal parts.
  const rest = Number(values.seconds) / 2 / Math.max(1, presets.length * rowCounts.length - 1);
  let until = Number(values.seconds) / 2;
  for (const preset of presets) {
    const model = randomModel(presetNamed(preset).generator, device);
    for (const rows of rowCounts) {
      compare(model, preset, rows, bytesPerSecond, until);
      until += rest;
    }
    model.dispose();
  }
  const after = deviceSpeed(device, dtype, 1).bytesPerSecond;
  console.log(
    `\nstreaming read afterwards ${(after / 1e12).toFixed(3)} TB/s, ${secondsSince(began).toFixed(0)} s`,
  );
});
