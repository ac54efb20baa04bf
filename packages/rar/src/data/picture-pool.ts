/** Threads that decode and crop pictures: a GPU encodes them faster than one thread prepares them. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Client } from "../engines/rpc.js";
import type { RgbImage } from "../images/rgb.js";
import { Gate } from "../sampling/gate.js";
import type { ImageSet, Stored } from "./image-set.js";
import type { SquaresPlan } from "./pretokenize-plan.js";

/** As many as there are processors for this process, less the one that feeds the tokenizer. */
export function defaultPictureThreads(env: NodeJS.ProcessEnv = process.env): number {
  const processes = Math.max(1, Number(env.LOCAL_WORLD_SIZE) || 1);
  return Math.min(16, Math.max(1, Math.floor(availableParallelism() / processes) - 1));
}

export class PicturePool implements AsyncDisposable {
  readonly #gate: Gate;
  readonly #idle: { readonly worker: Worker; readonly client: Client }[] = [];
  readonly #workers: Worker[] = [];

  /** @param threads - started as they are needed */
  constructor(threads: number) {
    this.#gate = new Gate(threads);
  }

  /**
   * The squares of picture `i`, as `squaresOf` gives them. May be called many times at once.
   * @throws {RarityError} what `decodeImage` throws; "engine" where a thread ended
   */
  async squares(images: ImageSet, i: number, { size, crop, augment }: SquaresPlan): Promise<RgbImage[]> {
    using _place = await this.#gate.enter();
    const stored = await images.stored(i);
    const own = this.#idle.pop() ?? this.#start();
    try {
      const bytes = stored.source instanceof Uint8Array ? [stored.source.buffer as ArrayBuffer] : [];
      return await own.client.call<RgbImage[]>("squares", [stored, { size, crop, augment }], bytes);
    } finally {
      if (!own.client.gone) this.#idle.push(own);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(): { readonly worker: Worker; readonly client: Client } {
    const worker = new Worker(workerFile(), { execArgv: [] });
    this.#workers.push(worker);
    return { worker, client: new Client(worker, { subject: "A thread for pictures", cure: "start again" }) };
  }
}

/** What a thread is asked. */
export type SquaresArguments = readonly [stored: Stored, plan: SquaresPlan];

const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/data/picture-worker.js", import.meta.url)
    : new URL("./picture-worker.js", import.meta.url);
