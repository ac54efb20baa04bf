// npm run bench:libtorch [-- --rounds 5 --threads 1]
// What TypeScript costs over Python's front end of the same PyTorch: small calls, and one RAR-B block (forward and
// backward, batch 8, 258 tokens). Both in processes of their own, taking turns; prints Markdown. The Python is $PYTHON, that
// of the libtorch in use, setup's own, or python3; without torch there it says so and shows this side alone.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildRecord, hasOperator, runtimeInfo } from "libtorch";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, threads: { type: "string", default: "1" } },
});
const rounds = Number(values.rounds);
const file = (name) => fileURLToPath(new URL(`libtorch-overhead/${name}`, import.meta.url));

/** One core for a program of one thread: moved between cores, a call of a microsecond is timed badly. */
const pin =
  values.threads === "1" && spawnSync("taskset", ["-c", "0", "true"]).status === 0
    ? ["taskset", "-c", "0"]
    : [];

function run(words, env = {}) {
  const [command, ...rest] = [...pin, ...words];
  const done = spawnSync(command, rest, { encoding: "utf8", env: { ...process.env, ...env } });
  if (done.status !== 0) throw new Error(`${words.join(" ")} ended with ${done.status}:\n${done.stderr}`);
  return JSON.parse(done.stdout);
}

const version = runtimeInfo().version;
const print = "import torch, json; print(json.dumps(torch.__version__))";

const minor = (v) => v.split(".").slice(0, 2).join("."); // Debian's 1.13.1 calls itself 1.13.0

/** A Python whose torch has the version of the libtorch in use. */
function findPython() {
  const venv = buildRecord()?.library.replace(
    /\/lib\/python[^/]*\/site-packages\/torch\/lib$/,
    "/bin/python",
  );
  const build = fileURLToPath(new URL("../packages/libtorch/build/python/bin/python", import.meta.url));
  for (const python of [process.env.PYTHON, venv, build, "python3", "/usr/bin/python3"]) {
    if (!python || (python.includes("/") && !existsSync(python))) continue;
    const asked = spawnSync(python, ["-c", print], { encoding: "utf8" });
    if (asked.status === 0 && minor(JSON.parse(asked.stdout)) === minor(version)) return python;
  }
  return undefined;
}

const python = findPython();
console.log(`libtorch ${version}, Node ${process.version}, ${values.threads} thread(s), ${rounds} rounds\n`);
if (!python) console.log(`No Python with torch ${version} was found (PYTHON names one): this side alone.\n`);

const least = (list) => Math.min(...list);
const ratio = (a, b) => (b ? (a / b).toFixed(2) : "");
const table = (head, rows) => {
  const lines = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |\n`);
  console.log(lines.join(""));
};

/** Both programs in turn, `rounds` times. */
function inTurn(name, args, env) {
  const results = { node: [], python: [] };
  for (let round = 0; round < rounds; round++) {
    results.node.push(run([process.execPath, file(`${name}.mjs`), ...args], env));
    if (python) results.python.push(run([python, file(`${name}.py`), ...args], env));
  }
  return results;
}

const calls = inTurn("calls", []);
const ratios = [];
const callRows = Object.keys(calls.node[0]).map((name) => {
  const [here, there] = [calls.node, calls.python].map((list) => list.map((found) => found[name]));
  if (python) ratios.push(least(here) / least(there));
  return [
    `\`${name}\``,
    least(here).toFixed(0),
    python ? least(there).toFixed(0) : "",
    ratio(least(here), python && least(there)),
  ];
});
table(["call, least of all rounds", "TypeScript ns", "Python ns", "ratio"], callRows);
if (python) {
  const mean = Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);
  console.log(
    `Geometric mean of the ratios: ${mean.toFixed(2)}, largest ${Math.max(...ratios).toFixed(2)}\n`,
  );
}

// With glibc's defaults a part of what Python frees stays with its process, more or less by chance. The second way gives it
// back at once: the peak is then what is alive. Both start from what is loaded; Python can use what importing left free.
const ways = { "glibc's defaults": {}, "freed memory given back": { MALLOC_TRIM_THRESHOLD_: "1000000" } };
const blockRows = [];
for (const attention of hasOperator("scaled_dot_product_attention") ? ["fused", "softmax"] : ["softmax"])
  for (const [way, env] of Object.entries(ways)) {
    const { node, python: peer } = inTurn("block", [attention, "4", values.threads], env);
    if (python && Math.abs(node[0].checksum / peer[0].checksum - 1) > 1e-5)
      throw new Error("the two blocks differ");
    const ms = (list) => least(list.flatMap((found) => found.times.slice(1)));
    const spread = (list, of) =>
      [least(list.map(of)), Math.max(...list.map(of))].map((n) => n.toFixed(0)).join("-");
    const above = (found) => found.peak;
    const whole = (found) => found.start + found.peak;
    const middle = (list, of) => list.map(of).toSorted((a, b) => a - b)[list.length >> 1];
    blockRows.push([
      attention,
      way,
      ms(node).toFixed(0),
      python ? ms(peer).toFixed(0) : "",
      ratio(ms(node), python && ms(peer)),
      spread(node, above),
      python ? spread(peer, above) : "",
      ratio(middle(node, above), python && middle(peer, above)),
      spread(node, whole),
      python ? spread(peer, whole) : "",
      ratio(middle(node, whole), python && middle(peer, whole)),
    ]);
  }
table(
  [
    "attention",
    "memory",
    "TypeScript ms",
    "Python ms",
    "ratio",
    "peak above start, MB",
    "Python",
    "ratio of medians",
    "peak of the process, MB",
    "Python",
    "ratio of medians",
  ],
  blockRows,
);
