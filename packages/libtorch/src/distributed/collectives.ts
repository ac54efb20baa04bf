/**
 * Operations in which every rank of the process group takes part. All ranks must call the same ones in the same order,
 * with tensors of the same shape, dtype and kind of device. Without a group they do what a group of one would do.
 */
import { clone } from "../operators.js";
import { adopt, slotOf, type Tensor } from "../tensor.js";
import { explained } from "./failure.js";
import { currentGroup, type Group } from "./group.js";
import { c10d, type Handle } from "./native.js";

const operations = ["sum", "avg", "max", "min"] as const;
export type ReduceOperation = (typeof operations)[number];

/** An operation under way. It holds its tensor's memory, also beyond the end of a scope; do not change the numbers. */
export interface Work<R> {
  /** Whether wait() would return at once. */
  readonly done: boolean;
  /**
   * Blocks until the operation has ended, at most for the group's time-out.
   * @throws {DistributedError} when it failed, saying which rank is gone where that is known
   */
  wait(): R;
}

function start<R>(
  operation: string,
  begin: (group: Group) => Handle,
  finish: (slots: Int32Array) => R,
  alone: () => R,
): Work<R> {
  const group = currentGroup();
  if (!group) {
    const result = alone();
    return { done: true, wait: () => result };
  }
  const handle = explained(group, operation, () => begin(group));
  let ended: { readonly result: R } | undefined;
  return {
    get done() {
      return ended !== undefined || c10d().isDone(handle);
    },
    wait() {
      ended ??= { result: finish(explained(group, operation, () => c10d().waitFor(handle))) };
      return ended.result;
    },
  };
}

/**
 * Replaces the tensor's numbers, on every rank, by their sum, average, maximum or minimum over the ranks.
 *
 * @returns x
 * @throws {TypeError} for an average of integers, or an unknown operation
 * @throws {DistributedError} as {@link Work.wait}
 */
export const allReduce = (x: Tensor, operation: ReduceOperation = "sum"): Tensor =>
  allReduceAsync(x, operation).wait();

/** As {@link allReduce}, without waiting: x is valid after wait(). */
export function allReduceAsync(x: Tensor, operation: ReduceOperation = "sum"): Work<Tensor> {
  if (!operations.includes(operation))
    throw new TypeError(`allReduce knows ${operations.join(", ")}, not "${String(operation)}".`);
  if (operation === "avg" && !/float/.test(x.dtype))
    throw new TypeError(`An average of ${x.dtype} would not be exact: take the sum, or convert to float32.`);
  return start(
    `allReduce of ${x}`,
    (group) => c10d().allReduce(group.handle, slotOf(x), operation),
    () => x,
    () => x,
  );
}

/**
 * Replaces the tensor's numbers by those of rank `from`.
 * @returns x
 */
export const broadcast = (x: Tensor, from = 0): Tensor => broadcastAsync(x, from).wait();

/** As {@link broadcast}, without waiting: x is valid after wait(). */
export function broadcastAsync(x: Tensor, from = 0): Work<Tensor> {
  const size = currentGroup()?.place.worldSize ?? 1;
  if (!Number.isSafeInteger(from) || from < 0 || from >= size)
    throw new RangeError(`broadcast takes a rank from 0 to ${size - 1}, not ${from}.`);
  return start(
    `broadcast of ${x}`,
    (group) => c10d().broadcast(group.handle, slotOf(x), from),
    () => x,
    () => x,
  );
}

/**
 * The tensors of all ranks, in the order of ranks.
 * @returns one new tensor a rank, shaped like x
 */
export const allGather = (x: Tensor): Tensor[] => allGatherAsync(x).wait();

/** As {@link allGather}, without waiting. The tensors belong to the scope in which wait() is called. */
export const allGatherAsync = (x: Tensor): Work<Tensor[]> =>
  start(
    `allGather of ${x}`,
    (group) => c10d().allGather(group.handle, slotOf(x)),
    (slots) => Array.from(slots, adopt),
    () => [clone(x)],
  );

/** Returns when every rank has called it. */
export const barrier = (): void => barrierAsync().wait();

/** As {@link barrier}, without waiting. */
export const barrierAsync = (): Work<void> =>
  start(
    "barrier",
    (group) => c10d().barrier(group.handle),
    () => {},
    () => {},
  );
