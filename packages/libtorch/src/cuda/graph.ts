/** CUDA graphs: the GPU's work of a function, recorded once and started again as a whole, without its launch costs. */
import { refusePromise, scope } from "../scope.js";
import type { NativeGraph } from "./addon.js";
import { cudaNative } from "./available.js";
import { emptyCache } from "./device.js";
import { Event, Stream } from "./stream.js";

const captureModes = ["global", "thread_local", "relaxed"] as const;
/** Whose unsafe CUDA calls break a capture: any thread's, only this thread's, nobody's. libtorch 1.13 and 2.0: "global". */
export type CaptureMode = (typeof captureModes)[number];

export interface GraphOptions {
  /** Default: the current device. */
  readonly device?: string | undefined;
  /** Times that `fn` runs before it is recorded. Default 3; 0 when it was run on a side stream already. */
  readonly warmUp?: number | undefined;
  /** A captured graph whose memory this one shares: replay them in the order of their capture, never at once. */
  readonly pool?: Graph | undefined;
  readonly mode?: CaptureMode | undefined;
}

/**
 * One recorded function. Its tensors are at fixed addresses: write the next input into the same tensors
 * (`copy_(input, next)`), `replay()`, read the same outputs.
 *
 * The graph does not hold the tensors that `fn` reads: keep them until the graph is disposed. Random numbers come from
 * the device's default generator, and differ with every replay.
 */
export class Graph implements Disposable {
  readonly #handle: NativeGraph;
  readonly #options: GraphOptions;
  #state: "new" | "captured" | "failed" | "disposed" = "new";
  /** Behind the last replay. */
  #replayed: Event | undefined;

  /** @throws {RangeError} when an option is out of range */
  constructor(options: GraphOptions = {}) {
    const { warmUp = 3, mode = "global" } = options;
    if (!Number.isSafeInteger(warmUp) || warmUp < 0)
      throw new RangeError(`warmUp must be a whole number of at least 0, it is ${warmUp}.`);
    if (!captureModes.includes(mode))
      throw new RangeError(`"${mode}" is no capture mode: it must be one of ${captureModes.join(", ")}.`);
    this.#options = options;
    this.#handle = cudaNative().graph();
  }

  /**
   * Runs `fn` as a warm-up on a side stream, where libraries choose and prepare their kernels, then records it there.
   * While it is recorded nothing is computed: what it returns holds numbers after the first {@link replay}. What `fn`
   * changes in place is changed by the warm-up.
   *
   * Recorded are the GPU's kernels and sizes, not JavaScript: no `if` on a tensor's value, no number read back, no copy
   * from or to the CPU, no size that changes.
   *
   * @throws {Error} PyTorch's own where `fn` does what cannot be recorded. The graph is of no use then
   * @returns what `fn` returns; keep the tensors among it as any other
   */
  capture<R>(fn: () => R): R {
    this.#expect("new");
    const { device = "cuda", warmUp = 3, pool, mode = "global" } = this.#options;
    if (pool) pool.#expect("captured");
    const outer = Stream.current(device);
    const side = sideStream(device);
    side.waitFor(outer);
    const result = side.run(() => {
      for (let i = 0; i < warmUp; i++) scope(() => refusePromise(fn(), "Graph.capture"));
      // Not the whole device: that must not be waited for while another thread records.
      side.synchronize();
      freeWarmUp();
      this.#state = "failed"; // until all went well
      cudaNative().captureBegin(this.#handle, pool ? pool.#handle : undefined, captureModes.indexOf(mode));
      return this.#record(fn);
    });
    this.#state = "captured";
    outer.waitFor(side);
    return result;
  }

  #record<R>(fn: () => R): R {
    let result: R;
    try {
      result = scope(fn);
    } catch (error) {
      try {
        cudaNative().captureEnd(this.#handle);
      } catch {
        // Ending a capture that is broken already is an error of its own; `error` tells what broke it.
      }
      throw explained(error);
    }
    try {
      cudaNative().captureEnd(this.#handle);
    } catch (error) {
      throw explained(error);
    }
    return result;
  }

  /** Queues the recorded work on the current stream. */
  replay(): void {
    this.#expect("captured");
    cudaNative().replay(this.#handle);
    this.#replayed ??= new Event();
    this.#replayed.record(Stream.current(this.#options.device));
  }

  /** Frees the graph and its memory when the GPU has finished. Twice is allowed. */
  dispose(): void {
    if (this.#state === "disposed") return;
    this.#replayed?.synchronize();
    cudaNative().resetGraph(this.#handle);
    this.#state = "disposed";
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  #expect(wanted: "new" | "captured"): void {
    if (this.#state === wanted) return;
    const sentences = {
      new: "This graph holds nothing yet: capture() comes first.",
      captured: "This graph was captured already: make a new one for another function.",
      failed: "The capture of this graph failed: make a new one.",
      disposed: "This graph was disposed.",
    };
    throw new Error(sentences[this.#state]);
  }
}

const sideStreams = new Map<string, Stream>();

/** One for all graphs of a device: on every stream that they use, libraries keep some tens of megabytes for ever. */
function sideStream(device: string): Stream {
  const side = sideStreams.get(device) ?? new Stream({ device });
  sideStreams.set(device, side);
  return side;
}

/** The warm-up's memory is the side stream's, and the graph gets its own. */
function freeWarmUp(): void {
  try {
    emptyCache();
  } catch {
    // Refused while another thread records a graph. The memory waits for the next time.
  }
}

function explained(error: unknown): unknown {
  if (!(error instanceof Error) || !/captur|CUDA error/i.test(error.message)) return error;
  return new Error(
    `${error.message}\nThis happened while a graph was recorded: there nothing may be read back (item, numbers, ` +
      "data, operators that look at values), nothing copied between the CPU and the GPU, and nothing waited for.",
    { cause: error },
  );
}
