/** Data-parallel training: gradients averaged over the ranks while backward still computes others. */
import { refusePromise } from "../scope.js";
import { slotsOf, type Tensor } from "../tensor.js";
import { DistributedError, explained } from "./failure.js";
import { currentGroup, type Group } from "./group.js";
import { c10d, type Handle } from "./native.js";

export interface DistributedGradientsOptions {
  /** Gradients are reduced together in buckets of about this many bytes. Default: 25 MiB. */
  readonly bucketBytes?: number | undefined;
  /** The same for the first bucket, so that the first reduction starts early. Default: 1 MiB. */
  readonly firstBucketBytes?: number | undefined;
}

let made = 0;

/**
 * Keeps parameters equal on all ranks. Each rank computes gradients of its own part of the batch:
 *
 * ```ts
 * const gradients = new DistributedGradients(parameters); // now equal to rank 0's
 * for (const part of parts) {
 *   scope(() => backward(loss(part))); // reductions start while it runs
 *   gradients.average(); // from here on every rank has the same gradients
 *   optimizer.step();
 * }
 * ```
 *
 * `average()` belongs after every backward and before clipping and the optimizer. A step may call backward several
 * times as long as each parameter gets its gradient in one of them, which is how checkpointed blocks work; for
 * gradients that add up over several calls, put all but the last into {@link noSync}.
 *
 * A parameter that got no gradient on one rank counts there as zero; if it got none on any rank it keeps none.
 * Without a process group all of this does nothing.
 */
export class DistributedGradients {
  readonly #group: Group | undefined;
  #averaging: Handle | undefined;
  #inNoSync = false;

  /**
   * All ranks must give the same parameters in the same order, best the order in which the model uses them.
   * @throws {TypeError} for tensors that require no gradient, or were computed from others
   * @throws {DistributedError} when ranks are gone, or their parameters differ
   */
  constructor(parameters: readonly Tensor[], options: DistributedGradientsOptions = {}) {
    const { bucketBytes = 25 * 2 ** 20, firstBucketBytes = 2 ** 20 } = options;
    for (const [key, value] of Object.entries({ bucketBytes, firstBucketBytes }))
      if (!Number.isSafeInteger(value) || value < 1)
        throw new RangeError(`${key} must be a whole number of at least 1, it is ${value}.`);
    const slots = slotsOf(parameters);
    parameters.forEach((x, i) => {
      if (!x.requiresGrad || !x.isLeaf)
        throw new TypeError(
          `Parameter ${i}, ${x}, must be a leaf that requires a gradient: leave out frozen and computed tensors.`,
        );
    });
    if (slots.length === 0) throw new RangeError("DistributedGradients needs at least one parameter.");
    this.#group = currentGroup();
    if (!this.#group) return;
    const group = this.#group;
    compare(group, parameters);
    this.#averaging = c10d().openAveraging(group.handle, slots, firstBucketBytes, bucketBytes);
    const averaging = this.#averaging;
    explained(group, "broadcasting parameters", () => c10d().broadcastParameters(averaging));
  }

  /** How many buckets are being reduced, or wait for {@link average}. */
  get underWay(): number {
    return this.#group ? c10d().bucketsUnderWay(this.#open()) : 0;
  }

  /**
   * Waits until the gradients of all ranks are averaged and stand in each parameter's `grad`.
   * @throws {DistributedError} when ranks are gone
   */
  average(): void {
    if (!this.#group) return;
    const averaging = this.#open();
    explained(this.#group, "averaging gradients", () => c10d().averageGradients(averaging));
  }

  /** Runs `fn`, in which backward only adds to this rank's gradients: for all but the last of several calls a step. */
  noSync<R>(fn: () => R): R {
    if (!this.#group || this.#inNoSync) return fn();
    const averaging = this.#open();
    this.#inNoSync = true;
    c10d().watchGradients(averaging, false);
    try {
      const result = fn();
      refusePromise(result, "noSync");
      return result;
    } finally {
      this.#inNoSync = false;
      c10d().watchGradients(averaging, true);
    }
  }

  /** Parameters are no longer watched. Twice is allowed. */
  dispose(): void {
    if (this.#averaging) c10d().closeAveraging(this.#averaging);
    this.#averaging = undefined;
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  #open(): Handle {
    if (!this.#averaging)
      throw new Error("These DistributedGradients were disposed and cannot be used any more.");
    return this.#averaging;
  }
}

/** Rank 0 writes down its parameters, the others compare: reductions of different sizes would end in confusion. */
function compare(group: Group, parameters: readonly Tensor[]): void {
  const { store, place, timeout } = group;
  const key = `parameters/${made++}`;
  const own = parameters.map((x) => `${x.dtype} [${x.shape}]`);
  const theirs = explained(group, "comparing parameters", () => {
    if (place.rank === 0) c10d().storeSet(store, key, JSON.stringify(own));
    else c10d().storeWait(store, [key], timeout);
    return JSON.parse(c10d().storeLook(store, [key])[0] as string) as string[];
  });
  const differs = (sentence: string): never => {
    throw new DistributedError(group, "comparing parameters", sentence, []);
  };
  if (own.length !== theirs.length)
    differs(`There are ${own.length} parameters here and ${theirs.length} on rank 0.`);
  own.forEach((text, i) => {
    if (text !== theirs[i]) differs(`Parameter ${i} is ${text} here and ${theirs[i]} on rank 0.`);
  });
}
