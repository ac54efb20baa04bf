// scripts/gpu-check's report: Markdown from the outputs that its steps left in a folder.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

const [folder, device] = process.argv.slice(2);
const read = (name) =>
  existsSync(join(folder, name))
    ? stripVTControlCharacters(readFileSync(join(folder, name), "utf8")).trim()
    : "";
const lines = (text) => text.split("\n");
const cell = (text) => text.replaceAll("|", "\\|");

/** In the order they were run. */
const steps = readdirSync(folder)
  .filter((name) => name.endsWith(".status"))
  .sort((a, b) => statSync(join(folder, a)).mtimeMs - statSync(join(folder, b)).mtimeMs)
  .map((name) => {
    const step = name.slice(0, -".status".length);
    const [status, seconds, limit] = read(name).split(" ").map(Number);
    return { step, status, seconds, limit, log: read(`${step}.log`) };
  });

function commit() {
  try {
    return execFileSync("git", ["log", "-1", "--format=%h, %cs"], { stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "unknown";
  }
}

async function library() {
  try {
    const torch = await import("libtorch");
    const { version, origin, blas, simd } = torch.runtimeInfo();
    const properties =
      torch.cuda.isAvailable() && device !== "cpu" ? torch.cuda.properties(device) : undefined;
    return [
      ["libtorch", `${version}, from ${origin}; on the CPU ${blas}, ${simd}`],
      [
        "GPU",
        properties === undefined
          ? "not used"
          : `${properties.name}, compute capability ${properties.computeCapability}, ${properties.multiprocessors} multiprocessors, ` +
            `${(properties.totalMemory / 2 ** 30).toFixed(0)} GiB, ${((properties.memoryBandwidth ?? Number.NaN) / 1e9).toFixed(0)} GB/s by clock and bus`,
      ],
    ];
  } catch (error) {
    return [["libtorch", `does not load: ${error instanceof Error ? error.message : error}`]];
  }
}

/** What a step came to, in a few words. */
function summary({ step, status, limit, log }) {
  const said = lines(log);
  if (status === 124 || status === 137) return `**not done within ${limit} s**`;
  const counts = step.endsWith("-tests")
    ? said.find((line) => /^\s*Tests /.test(line))?.replace(/^\s*Tests\s+/, "")
    : step.startsWith("verify-")
      ? said.find((line) => /^\d+ checks with the engine/.test(line))?.replace(/^.*?: /, "")
      : undefined;
  const words = counts ?? (status === 0 ? "done" : `exit code ${status}`);
  return status === 0 ? words : `**failed**: ${words}`;
}

/** A check's line: "ok   name   deviation of tolerance". */
function worst(log) {
  const checks = lines(log).flatMap((line) => {
    const [, verdict, name, deviation, tolerance] =
      /^(ok|WRONG)\s+(.+?)\s+([\d.e+-]+|Infinity|NaN) of ([\d.e+-]+)/.exec(line) ?? [];
    return name === undefined
      ? []
      : [{ verdict, name, share: Number(deviation) / Number(tolerance), deviation, tolerance }];
  });
  const most = checks.filter(({ tolerance }) => tolerance !== "0").sort((a, b) => b.share - a.share)[0];
  return most ? `${most.name}: ${most.deviation} of ${most.tolerance}` : "";
}

const table = (header, rows) => [
  `| ${header.join(" | ")} |`,
  `|${" --- |".repeat(header.length)}`,
  ...rows.map((row) => `| ${row.map((entry) => cell(String(entry))).join(" | ")} |`),
  "",
];

const out = ["# GPU check", ""];
out.push(
  ...table(
    ["", ""],
    [
      ["date", new Date().toISOString().slice(0, 16).replace("T", " ")],
      ["repository", String(commit()).trim()],
      [
        "machine",
        `${cpus()[0]?.model ?? "?"}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
      ],
      ["nvidia-smi", lines(read("nvidia-smi.txt")).join("; ") || "not there"],
      ...(await library()),
      ["Node", process.version],
      ["device asked for", device],
    ],
  ),
);
out.push("## Steps", "");
out.push(
  ...table(
    ["step", "result", "seconds", "nearest to its tolerance"],
    steps.map((step) => [
      step.step,
      summary(step),
      step.seconds,
      step.step.startsWith("verify-") ? worst(step.log) : "",
    ]),
  ),
);

/** The rows that several programs printed, under one header. */
function* merged(programs) {
  const rows = programs.flatMap(({ log }) => lines(log).filter((line) => line.startsWith("| ")));
  const header = rows[0];
  if (!header) return;
  yield header;
  yield `|${" --- |".repeat(header.split("|").length - 2)}`;
  yield* rows.filter((line) => line !== header && !/^\| ---/.test(line));
  yield "";
}

const benches = steps.filter(({ step }) => step.startsWith("bench-"));
if (benches.length > 0) {
  out.push("## Sampling", "", ...merged(benches));
  for (const { step, log } of benches)
    for (const line of lines(log).filter((line) => line.startsWith("B "))) out.push(`${step}: ${line}`, "");
  out.push(
    "Random weights made in memory, guidance in every step (two rows an image), decoding included, after one uncounted run. " +
      "The floor is DESIGN 8's: the larger of bytes / B and operations / F, summed over the steps, and the decoder's operations / F.",
    "",
  );
}

const trainings = steps.filter(({ step }) => step.startsWith("train-"));
if (trainings.length > 0)
  out.push(
    "## Training",
    "",
    ...merged(trainings),
    "Whole optimizer steps after an uncounted one: orders, dropout 0.1, clipping and AdamW included. Memory is the most that was " +
      "allocated on the device at once; on a CPU, the process's most. A ratio of speed above 1 is rarity's advantage.",
    "",
  );

for (const { step, log } of steps.filter(({ step }) => step.startsWith("step-")))
  out.push(`## Pieces of a decode step: ${step.slice(5)}`, "", log.trim(), "");

const failed = steps.filter(({ status }) => status !== 0);
if (failed.length > 0) out.push("## Failures", "");
for (const { step, status, log } of failed) {
  const last = lines(log).slice(-12);
  const telling = step.endsWith("-tests") ? /^\s*(FAIL|×|\w*Error:)/ : /^WRONG/;
  const wrong = lines(log.slice(0, -last.join("\n").length)).filter((line) => telling.test(line));
  const first = wrong.length > 20 ? [...wrong.slice(0, 20), `... and ${wrong.length - 20} more`] : wrong;
  out.push(`### ${step}, exit code ${status}`, "", "```", ...first, ...last, "```", "");
}
console.log(out.join("\n"));
