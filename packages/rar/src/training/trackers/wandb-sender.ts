/** The thread that sends a run to wandb, as the tracker sees it. */
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { FromWandb, ToWandb, WandbOrder } from "./wandb-worker.js";

/** How long the end of a training waits for wandb. */
const patience = 30_000; // ms

export class WandbSender {
  readonly #worker: Worker;
  readonly #over: Promise<void>;
  readonly #fail: (why: string) => void;
  #ended = false;

  /**
   * @param ready - told where the run is seen
   * @param failed - told once why nothing more is sent
   */
  constructor(
    order: WandbOrder,
    env: NodeJS.ProcessEnv,
    ready: (url: string | undefined) => void,
    failed: (why: string) => void,
  ) {
    // Streams of its own: the SDK finds no terminal to ask for a key, and prints to nobody.
    const streams = { stdin: true, stdout: true, stderr: true };
    this.#worker = new Worker(workerFile(), { workerData: order, execArgv: [], env, ...streams });
    this.#worker.stdout.resume();
    this.#worker.stderr.resume();
    this.#worker.unref();
    let over: () => void;
    this.#over = new Promise((resolve) => {
      over = resolve;
    });
    const end = (why?: string): void => {
      if (!this.#ended && why !== undefined) failed(why);
      this.#ended = true;
      over();
    };
    this.#fail = end;
    this.#worker.on("message", (message: FromWandb) => {
      if (message.type === "ready") ready(message.url);
      else if (message.type === "finished") end();
      else end(message.why);
    });
    this.#worker.on("error", (error) => end(error.message));
    this.#worker.on("exit", () => end("its thread ended"));
  }

  log(step: number, values: Readonly<Record<string, number>>): void {
    if (!this.#ended) this.#tell({ type: "log", step, values });
  }

  async close(): Promise<void> {
    this.#tell({ type: "finish" });
    const late = new AbortController();
    const timer = pause(patience, "late", { signal: late.signal }).catch(() => {}); // over before
    if ((await Promise.race([this.#over, timer])) === "late") this.#fail("it did not answer in time");
    late.abort();
    await this.#worker.terminate();
  }

  #tell(message: ToWandb): void {
    this.#worker.postMessage(message);
  }
}

const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../../dist/training/trackers/wandb-worker.js", import.meta.url)
    : new URL("./wandb-worker.js", import.meta.url);
