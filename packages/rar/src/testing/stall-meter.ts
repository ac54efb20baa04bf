/**
 * How long this thread's event loop was blocked by its own work. On a shared machine most of what perf_hooks sees is
 * not: the thread waits for a processor, or the whole machine stands still, which an idle thread beside it feels too.
 */
import { readFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Worker } from "node:worker_threads";

const PERIOD = 10;

/** The idle thread: notes when its timer came late, [from, to] in milliseconds of the machine's clock. */
const IDLE = `
const { parentPort } = require("node:worker_threads");
const late = [];
let last = Date.now();
setInterval(() => {
  const now = Date.now();
  if (now - last > ${PERIOD + 5}) late.push([last, now]);
  last = now;
}, ${PERIOD});
parentPort.on("message", () => parentPort.postMessage(late));
`;

/** Milliseconds this thread was ready to run but another had the processor; 0 where the system does not say. */
function waited(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "utf8").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

export interface Stalls {
  /** Longest stall of the loop, milliseconds, as perf_hooks sees it. */
  readonly seen: number;
  /** Longest stall less what was not this thread's doing. */
  readonly own: number;
}

/** Starts watching; the function returned stops and says what was seen. */
export async function watchStalls(): Promise<() => Promise<Stalls>> {
  const idle = new Worker(IDLE, { eval: true });
  await new Promise((resolve) => idle.once("online", resolve));
  const histogram = monitorEventLoopDelay({ resolution: 5 });
  histogram.enable();
  const stalls: { from: number; to: number; waited: number }[] = [];
  let [last, lastWaited] = [Date.now(), waited()];
  const look = (): void => {
    const [now, nowWaited] = [Date.now(), waited()];
    if (now - last > PERIOD + 5) stalls.push({ from: last, to: now, waited: nowWaited - lastWaited });
    [last, lastWaited] = [now, nowWaited];
  };
  const timer = setInterval(look, PERIOD);
  return async () => {
    look();
    clearInterval(timer);
    histogram.disable();
    const late = await new Promise<[number, number][]>((resolve) => {
      idle.once("message", resolve);
      idle.postMessage("how was it?");
    });
    await idle.terminate();
    const own = stalls.map(({ from, to, waited }) => {
      const felt = late.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, to) - Math.max(a, from)), 0);
      return to - from - PERIOD - Math.max(waited, felt);
    });
    return { seen: histogram.max / 1e6, own: Math.max(0, ...own) };
  };
}
