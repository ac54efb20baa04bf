/** What to say when an operation between processes fails: which rank is gone, where that can be found out. */
import { readFileSync } from "node:fs";
import type { Group } from "./group.js";
import { c10d } from "./native.js";

/** An operation between ranks failed. The group cannot be used any more: end the process, and start all ranks again. */
export class DistributedError extends Error {
  override readonly name = "DistributedError";
  /** This process's rank. */
  readonly rank: number;
  readonly operation: string;
  /** Ranks that are known to be gone. */
  readonly gone: readonly number[];
  /** Why, in sentences. */
  readonly reason: string;

  constructor(group: Group, operation: string, reason: string, gone: readonly number[], cause?: unknown) {
    const { rank, worldSize } = group.place;
    super(`Rank ${rank} of ${worldSize}: ${operation} failed. ${reason}`, { cause });
    this.rank = rank;
    this.operation = operation;
    this.gone = gone;
    this.reason = reason;
  }
}

/** Runs an operation between ranks and turns its failure into a sentence. */
export function explained<R>(group: Group, operation: string, run: () => R): R {
  if (group.closed) throw new Error(`${operation} failed: the process group was closed.`);
  try {
    return run();
  } catch (error) {
    if (error instanceof DistributedError) throw error;
    const reason = (error instanceof Error ? error.message : String(error))
      .split("\n")[0]!
      .replace(/^\[[^\]]*\] /, "") // the place in gloo's source
      .replace(/ This is typically .*$/, "")
      .replace(/\.$/, "");
    const { sentences, gone } = whoIsGone(group, reason);
    throw new DistributedError(group, operation, `${sentences} (libtorch: ${reason})`, gone, error);
  }
}

const consequence = "ended in consequence";

/** What a rank leaves in the store when an error ends it. */
export const farewell = (error: unknown): string =>
  (error instanceof DistributedError && error.cause !== undefined // else the mistake was this rank's own
    ? `${consequence}. ${error.reason}`
    : `ended with the error: ${error instanceof Error ? error.message : String(error)}`
  )
    .slice(0, 2000)
    .replace(/\.$/, "");

/** "rank 1", "ranks 1, 2 and 5" */
export function list(word: string, numbers: readonly number[]): string {
  if (numbers.length === 1) return `${word} ${numbers[0]}`;
  return `${word}s ${numbers.slice(0, -1).join(", ")} and ${numbers.at(-1)}`;
}

function whoIsGone(group: Group, reason: string): { sentences: string; gone: number[] } {
  const { place, peers, timeout } = group;
  const others = peers.map((_, r) => r).filter((r) => r !== place.rank);
  const timedOut = /tim(ed|e) ?-?out/i.test(reason);
  const broken = timedOut || /peer|reset|closed|broken|refused|connect|socket/i.test(reason);
  // A process that ends closes its connections a moment before the system forgets it.
  const wait = broken && !timedOut ? 1000 : 0;
  for (const deadline = Date.now() + wait; ; ) {
    if (wait > 0) pause(50);
    const known = new Map<number, string>();
    for (const r of others) if (isGone(group, r)) known.set(r, "is gone: it was killed, crashed or ended");
    if (!place.launched && known.has(0)) group.storeIsGone = true;
    readReasons(group, others, known);
    const causes = [...known].filter(([, how]) => !how.startsWith(consequence));
    const told = causes.length > 0 ? causes : [...known];
    if (told.length > 0)
      return {
        sentences: told.map(([r, how]) => `${name(group, r)} ${how}.`).join(" "),
        gone: told.map(([r]) => r),
      };
    if (Date.now() >= deadline) break;
  }
  const suspect = others.length === 1 ? name(group, others[0]!) : "One of the other ranks";
  return {
    sentences: timedOut
      ? `${suspect} did not answer within ${timeout / 1000} s: it hangs, computes longer than that, or its machine is gone.`
      : broken
        ? `The connection broke. ${suspect} may be gone: look at its output.`
        : /scalar type/i.test(reason)
          ? "This libtorch cannot exchange numbers of this type between ranks: convert them to float32."
          : "No rank is known to be gone.",
    gone: [],
  };
}

/** Adds what ranks wrote into the store when they left. */
function readReasons(group: Group, others: readonly number[], known: Map<number, string>): void {
  if (group.storeIsGone) return;
  try {
    const texts = c10d().storeLook(
      group.store,
      others.map((r) => `left/${r}`),
    );
    texts.forEach((text, i) => {
      if (text !== null) known.set(others[i]!, text);
    });
  } catch {
    group.storeIsGone = true;
    if (!group.place.launched) known.set(0, "does not answer: it, its machine or the network is gone");
  }
}

const name = ({ peers }: Group, r: number): string =>
  `Rank ${r} (process ${peers[r]!.pid} on ${peers[r]!.host})`;

/** Whether the process has ended, where it is on this machine. */
export function isGone({ peers, place }: Group, r: number): boolean {
  const peer = peers[r]!;
  if (peer.space !== peers[place.rank]!.space) return false;
  try {
    process.kill(peer.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
  try {
    // Its parent may not have taken notice yet: then the system still knows its number.
    return /\) [ZX] /.test(readFileSync(`/proc/${peer.pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

/** Blocks this thread. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
