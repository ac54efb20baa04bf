/**
 * What a training step computes on the device, recorded once. A small network's step is a thousand small kernels, which the
 * host launches more slowly than a GPU runs them; recorded they are one launch.
 */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { type Recorded, type Recorder, type Result, recordGraph } from "../engines/torch/record.js";

/** A graph's memory is its own, beside what sample grids and held-out scores take: large networks, which do not need it, go without. */
const mostOfDevice = 0.2;

/** Where it is of use: on a GPU, and without other ranks, whose gradients come in during backward. */
export function recordedStep<R extends Result>(
  { graphs = true }: { readonly graphs?: boolean | undefined },
  device: string,
  record?: Recorder,
): RecordedStep<R> | undefined {
  if (record) return new RecordedStep(record, device);
  const useful = graphs && device !== "cpu" && torch.distributed.worldSize() === 1;
  return useful ? new RecordedStep(recordGraph(device), device) : undefined;
}

type Named<I> = { readonly [Name in keyof I]: Tensor };

export class RecordedStep<R extends Result> {
  readonly #record: Recorder;
  readonly #device: string;
  #key: string | undefined;
  #inputs: Readonly<Record<string, Tensor>> = {};
  #recorded: Recorded<R> | undefined;
  /** For good, after a capture that failed. */
  #refused = false;

  constructor(record: Recorder, device: string) {
    this.#record = record;
    this.#device = device;
  }

  /**
   * `compute` of the inputs. The first time with a key and shapes it runs as it is, which also prepares what it uses; then it is
   * recorded, and from there on started. The result is valid until the next call.
   *
   * @param key - names which way `compute` goes; another one, or other shapes, begin anew
   * @param given - tensors by name
   * @param compute - from tensors to tensors, without a look at a number; gradients that it leaves are overwritten by each start
   * @param seed - sets the generators, before anything that counts
   */
  run<I extends object>(key: string, given: I & Named<I>, compute: (inputs: I) => R, seed: () => void): R {
    const inputs: Readonly<Record<string, Tensor>> = given;
    const found = `${key} ${Object.values(inputs).map((x) => `${x.dtype} [${x.shape}]`)}`;
    if (found !== this.#key) {
      this.dispose();
      this.#key = found;
    } else if (this.#recorded || this.#prepare(inputs, compute as (inputs: unknown) => R)) {
      for (const [name, x] of Object.entries(inputs)) torch.copy_(this.#inputs[name]!, x);
      seed();
      this.#recorded!.start();
      return this.#recorded!.result;
    }
    seed();
    return compute(given);
  }

  #prepare(inputs: Readonly<Record<string, Tensor>>, compute: (inputs: unknown) => R): boolean {
    if (this.#refused || !this.#fits()) return false;
    const copies = Object.entries(inputs).map(([name, x]) => [name, torch.keep(torch.clone(x))] as const);
    this.#inputs = Object.fromEntries(copies);
    try {
      this.#recorded = this.#record(() => compute(this.#inputs));
      return true;
    } catch (error) {
      this.#refused = true;
      process.emitWarning(
        `Training steps are not recorded as a CUDA graph, and small networks train slower: ${(error as Error).message.split("\n")[0]}`,
      );
      return false;
    }
  }

  #fits(): boolean {
    if (this.#device === "cpu") return true;
    const { allocatedPeak, total } = torch.cuda.memory(this.#device);
    return allocatedPeak < mostOfDevice * total;
  }

  /** Forgets what was recorded. */
  dispose(): void {
    this.#recorded?.dispose();
    this.#recorded = undefined;
    for (const x of Object.values(this.#inputs)) x.dispose();
    this.#inputs = {};
    this.#key = undefined;
  }
}
