/** Threads that decode and crop pictures: a GPU encodes them faster than one thread prepares them. */
import { availableParallelism } from "node:os";
import type { RgbImage } from "../images/rgb.js";
import type { ImageSet, Stored } from "./image-set.js";
import type { SquaresPlan } from "./pretokenize-plan.js";
import { ThreadPool } from "./thread-pool.js";

/** As many as there are processors for this process, less the one that feeds the tokenizer. */
export function defaultPictureThreads(env: NodeJS.ProcessEnv = process.env): number {
  const processes = Math.max(1, Number(env.LOCAL_WORLD_SIZE) || 1);
  return Math.min(16, Math.max(1, Math.floor(availableParallelism() / processes) - 1));
}

export class PicturePool implements AsyncDisposable {
  readonly #threads: ThreadPool;

  /** @param threads - started as they are needed */
  constructor(threads: number) {
    const words = { subject: "A thread for pictures", cure: "start again" };
    this.#threads = new ThreadPool(threads, workerFile(), words);
  }

  /**
   * The squares of picture `i`, as `squaresOf` gives them. May be called many times at once.
   * @throws {RarityError} what `decodeImage` throws; "engine" where a thread ended
   */
  squares(
    images: Pick<ImageSet, "stored">,
    i: number,
    { size, crop, augment }: SquaresPlan,
  ): Promise<RgbImage[]> {
    return this.#threads.use(async (thread) => {
      const stored = await images.stored(i);
      const bytes = stored.source instanceof Uint8Array ? [stored.source.buffer as ArrayBuffer] : [];
      return await thread.call<RgbImage[]>("squares", [stored, { size, crop, augment }], bytes);
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#threads[Symbol.asyncDispose]();
  }
}

/** What a thread is asked. */
export type SquaresArguments = readonly [stored: Stored, plan: SquaresPlan];

const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/data/picture-worker.js", import.meta.url)
    : new URL("./picture-worker.js", import.meta.url);
