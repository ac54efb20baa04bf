// npm run bench:inception [-- --python PATH --device cpu --batch 16 --batches 4 --rounds 2 --threads 2 --side 256]
// Images a second of Inception's features (bytes in, resize, network, features back) by rarity and, where --python names a
// Python with torch, by the same network in plain PyTorch (bench/inception/peer.py): as the field's evaluators have it
// ("plain"), and with folded batch norms and channels last ("tuned"). Each in a process of its own, taking turns. The
// features of all must agree. Prints Markdown.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { inceptionShapes } from "../packages/rar/dist/evaluation/inception-shapes.js";
import { table } from "./study-lib/scores.mjs";

const { values } = parseArgs({
  options: {
    python: { type: "string" },
    device: { type: "string", default: "cpu" },
    batch: { type: "string", default: "16" },
    batches: { type: "string", default: "4" },
    rounds: { type: "string", default: "2" },
    side: { type: "string", default: "256" },
    threads: { type: "string", default: String(availableParallelism()) },
  },
});
const [batch, batches, rounds, side, threads] = ["batch", "batches", "rounds", "side", "threads"].map((key) =>
  Number(values[key]),
);

/** The same for all: threads that wait by spinning are slow where anything else runs, so rarity sets passive by itself. */
const policy = process.env.OMP_WAIT_POLICY ?? "passive";

function run(form) {
  const [program, file] =
    form === "rarity" ? [process.execPath, "inception/own.mjs"] : [values.python, "inception/peer.py"];
  const settings = {
    shapes: [...inceptionShapes],
    batch,
    batches,
    side,
    threads,
    device: values.device,
    form,
  };
  const done = spawnSync(program, [fileURLToPath(new URL(file, import.meta.url))], {
    input: JSON.stringify(settings),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    env: { ...process.env, OMP_WAIT_POLICY: policy },
  });
  if (done.status !== 0)
    throw new Error(`${form}: ${done.error?.message ?? done.stderr.trim().split("\n").at(-1)}`);
  return JSON.parse(done.stdout);
}

const forms = ["rarity", ...(values.python ? ["plain", "tuned"] : [])];
const found = Object.fromEntries(forms.map((form) => [form, []]));
for (let round = 0; round < rounds; round++) for (const form of forms) found[form].push(run(form));

const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
const timesOf = (form) => found[form].flatMap(({ times }) => times);
const cpuOf = (form) => median(found[form].map(({ cpu }) => cpu));
const perSecond = (seconds) => (batch / seconds).toPrecision(3);
/** Largest difference to rarity's features, over 1 + |x|. */
const apart = (form) =>
  Math.max(
    ...found[form][0].check.flatMap((part, i) =>
      part.map((x, k) => {
        const own = found.rarity[0].check[i][k];
        return Math.abs(x - own) / (1 + Math.abs(own));
      }),
    ),
  );
console.log(
  `Inception's features, ${values.device}, ${threads} threads, batches of ${batch} images of ${side} x ${side}, float32 without TF32, OMP_WAIT_POLICY=${policy}; median of ${rounds} x ${batches} (slowest to fastest).\n`,
);
const rows = forms.map((form) => {
  const times = timesOf(form);
  return [
    form === "rarity" ? "rarity" : `PyTorch, ${form}`,
    found[form][0].version,
    `${perSecond(median(times))} (${perSecond(Math.max(...times))}-${perSecond(Math.min(...times))})`,
    form === "rarity" ? "" : (median(times) / median(timesOf("rarity"))).toFixed(2),
    (cpuOf(form) / batch).toFixed(2),
    form === "rarity" ? "" : apart(form).toExponential(1),
  ];
});
console.log(
  table(
    [
      "program",
      "libtorch",
      "images/s",
      "rarity is so many times as fast",
      "CPU s an image",
      "features differ by",
    ],
    rows,
  ),
);
if (forms.some((form) => form !== "rarity" && apart(form) > 1e-4)) {
  console.error("The features differ: these are not the same network.");
  process.exitCode = 1;
}
