/** One run at a time in a folder: two would write over each other's checkpoints. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RarityError } from "../config/errors.js";
import { fileSystemError } from "../weights/bad-file.js";
import { type LockOwner, lockOwner, type Release, takeLock } from "../weights/file-lock.js";
import { onRankZero, type Ranks } from "./ranks.js";

export const LOCK_FILE = "run.lock";

export interface RunLockOptions {
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** A lock of another machine that was not touched for so long, in ms, is of a run that is gone. */
  readonly stale?: number | undefined;
}

/**
 * Takes a run's folder until the result is called. What a killed run of this machine left is taken over at once; of another
 * machine's it is first seen whether anyone still touches it.
 *
 * @throws {RarityError} "bad-usage" where another run is at work there
 */
export async function holdFolder(outputDir: string, options: RunLockOptions): Promise<Release> {
  const { say, signal, stale = 60_000 } = options;
  const lock = join(outputDir, LOCK_FILE);
  let seen: number | undefined;
  try {
    await mkdir(outputDir, { recursive: true });
    for (;;) {
      const release = await takeLock(lock, stale);
      if (release) return release;
      const owner = await lockOwner(lock);
      if (owner?.here || (owner && seen !== undefined && owner.touched !== seen))
        throw inUse(outputDir, owner);
      if (owner && seen === undefined) {
        seen = owner.touched;
        say(
          `"${outputDir}" was in use on ${owner.host ?? "another machine"} less than ${Math.ceil(stale / 1000)} s ago. Waiting to see whether that run still lives.`,
        );
      }
      await sleep(stale / 20, undefined, { signal });
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw fileSystemError("write", lock, error);
  }
}

function inUse(outputDir: string, { pid, host, here }: LockOwner): Error {
  const who = here
    ? `process ${pid} of this machine`
    : `process ${pid ?? "?"} on ${host ?? "another machine"}`;
  return new RarityError(
    "bad-usage",
    `Another run is at work in "${outputDir}": ${who}. Stop it, or give this one a folder of its own with experiment.output_dir.`,
  );
}

/** What `prepare` makes, with the run's folder held until it is closed; a plan alone holds nothing. */
export async function holding<P extends { close(): Promise<void> }>(
  ranks: Ranks,
  { outputDir }: { readonly outputDir: string },
  { dryRun, ...options }: RunLockOptions & { readonly dryRun?: boolean | undefined },
  prepare: () => Promise<P>,
): Promise<P> {
  if (dryRun) return prepare();
  const release = await onRankZero(ranks, () => holdFolder(outputDir, options));
  try {
    const prepared = await prepare();
    const close = async (): Promise<void> => {
      await prepared.close();
      await release?.();
    };
    return { ...prepared, close };
  } catch (error) {
    await release?.();
    throw error;
  }
}
