/**
 * `npm run fuzz -- [--runs N] [--seed S] [--parser NAME]`: forged inputs for every parser of tensor files, in a
 * thread that is watched for hangs. Prints a line a parser; exits with 1 where anything but a clean refusal was seen.
 */
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { fuzzParsers } from "./fuzz-parsers.js";
import { type FuzzCounts, type FuzzRange, findParser, fuzz } from "./fuzz-run.js";

/** No progress for this long is a hang. */
const hangMilliseconds = 20_000;
/** Memory of the thread: an input that needs more ends it, and counts as a crash. */
const heapMegabytes = 512;

interface Task extends FuzzRange {
  /** Index of the input in hand, shared with the watcher. */
  readonly shared: SharedArrayBuffer;
}

type Ending = { readonly counts: FuzzCounts } | { readonly stopped: string };

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: "string" }, seed: { type: "string" }, parser: { type: "string" } },
  });
  const runs = Number(values.runs ?? 100_000);
  const seed = Number(values.seed ?? 1);
  if (!Number.isSafeInteger(runs) || runs < 1 || !Number.isSafeInteger(seed))
    throw new RangeError(`--runs ${values.runs} and --seed ${values.seed} must be whole numbers.`);
  const parsers = values.parser === undefined ? fuzzParsers : [findParser(values.parser)];
  console.log("parser         inputs    accepted  refused   crashes  hangs  outsized  seconds");
  let failed = false;
  for (const { name } of parsers) {
    const start = performance.now();
    const { accepted, refused, crashes, slow, outsized, findings } = await campaign(name, seed, runs);
    const cells: [string | number, number][] = [
      [name, 15],
      [runs, 10],
      [accepted, 10],
      [refused, 10],
      [crashes, 9],
      [slow, 7],
      [outsized, 10],
      [((performance.now() - start) / 1000).toFixed(0), 0],
    ];
    console.log(cells.map(([cell, width]) => String(cell).padEnd(width)).join(""));
    for (const finding of findings) console.log(`  ${finding}`);
    failed ||= crashes + slow + outsized > 0;
  }
  process.exitCode = failed ? 1 : 0;
}

/** All inputs of one parser; goes on behind an input that hangs or ends the thread. */
async function campaign(parser: string, seed: number, runs: number): Promise<FuzzCounts> {
  const part = 50_000; // a fresh thread now and then, so that little is lost with one
  const totals = { accepted: 0, refused: 0, crashes: 0, slow: 0, outsized: 0 };
  const findings: string[] = [];
  for (let from = 0; from < runs; ) {
    const to = Math.min(runs, from + part);
    const shared = new SharedArrayBuffer(8);
    const ending = await watched({ parser, seed, from, to, shared });
    if ("counts" in ending) {
      for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += ending.counts[key];
      findings.push(...ending.counts.findings);
      from = to;
    } else {
      const index = new Float64Array(shared)[0]!;
      if (ending.stopped === "hang") totals.slow++;
      else totals.crashes++;
      findings.push(`${parser} seed ${seed} input ${index}: ${ending.stopped}`);
      if (findings.length > 20)
        throw new Error(`${parser}: too many inputs end the thread.\n${findings.join("\n")}`);
      from = index + 1; // the counts of this part up to here are lost; they were harmless
    }
  }
  return { ...totals, findings };
}

function watched(task: Task): Promise<Ending> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: task,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    });
    const index = new Float64Array(task.shared);
    let last = -1;
    const watch = setInterval(() => {
      if (index[0] === last) finish({ stopped: "hang" });
      last = index[0]!;
    }, hangMilliseconds);
    const finish = (ending: Ending): void => {
      clearInterval(watch);
      worker.removeAllListeners("exit");
      void worker.terminate();
      resolve(ending);
    };
    worker.once("message", (counts: FuzzCounts) => finish({ counts }));
    worker.once("error", (error) => finish({ stopped: String(error) }));
    worker.once("exit", (code) => finish({ stopped: `the thread ended with ${code}` }));
  });
}

if (isMainThread) await main();
else {
  const task = workerData as Task;
  const index = new Float64Array(task.shared);
  parentPort?.postMessage(
    await fuzz(task, (i) => {
      index[0] = i;
    }),
  );
}
