// Workers beside each other and beside this thread. Prints what each saw.
import { Worker } from "node:worker_threads";
import {
  isGradEnabled,
  liveTensors,
  manualSeed,
  noGrad,
  numbers,
  ones,
  randn,
  scope,
  setThreads,
} from "../../dist/index.js";

setThreads(1);
const own = ones([3]); // lives here through all of this

function start(task, flags = new SharedArrayBuffer(4), first = true) {
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { workerData: { task, flags, first } });
  const answer = new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  const exit = new Promise((resolve) => worker.once("exit", resolve));
  return { worker, answer, exit };
}
function both(task) {
  const flags = new SharedArrayBuffer(4);
  return Promise.all([true, false].map((first) => start(task, flags, first).answer));
}

async function terminated(task) {
  const { worker, answer } = start(task);
  await answer;
  await new Promise((resolve) => setTimeout(resolve, 100)); // well inside of its loop, optimised by then
  const from = performance.now();
  await worker.terminate();
  return performance.now() - from;
}

const seen = { modes: await both("modes"), compute: await both("compute") };
// a mode of this thread while a worker starts is not the worker's
const alone = new SharedArrayBuffer(4);
new Int32Array(alone)[0] = 3; // nobody to meet
seen.startedInNoGrad = await noGrad(() => start("modes", alone, false)).answer;
seen.gradHere = isGradEnabled();
seen.threads = await start("threads").answer;

manualSeed(11);
const here = scope(() => [numbers(randn([4])), numbers(randn([4]))]);
manualSeed(11);
const firstHere = scope(() => numbers(randn([4])));
const thenThere = await start("draw").answer;
seen.oneStream = JSON.stringify([firstHere, thenThere]) === JSON.stringify(here);
const seededThere = await start("seed").answer;
manualSeed(5);
seen.sameSeed = JSON.stringify(scope(() => numbers(randn([4])))) === JSON.stringify(seededThere);

seen.terminated = [await terminated("busy"), await terminated("bare")];
// what a worker held is freed with it, whether it ended or was ended
await start("hold").answer;
const before = process.memoryUsage.rss();
for (let i = 0; i < 8; i++) {
  const { worker, answer, exit } = start("hold");
  await answer;
  if (i % 2) worker.terminate();
  await exit;
}
seen.grownMB = Math.round((process.memoryUsage.rss() - before) / 2 ** 20);
seen.own = numbers(own);
seen.live = liveTensors().count;
console.log(JSON.stringify(seen));
