/** One run at a time in a folder: two would write over each other's checkpoints. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { RarityError } from "../config/errors.js";
import { fileSystemError } from "../weights/bad-file.js";
import { type LockOwner, lockOwner, type Release, takeLock } from "../weights/file-lock.js";
import { onRankZero, type Ranks } from "./ranks.js";

export const LOCK_FILE = "run.lock";

export interface RunLockOptions {
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** A lock that was not touched for so long, in ms, is of a run that is gone. */
  readonly stale?: number | undefined;
}

/** Touches the lock from a thread of its own: one step of a training may keep the program's thread for minutes. */
const HEARTBEAT = `
const { utimesSync } = require("node:fs");
const { lock, every } = require("node:worker_threads").workerData;
setInterval(() => { try { utimesSync(lock, new Date(), new Date()); } catch {} }, every);`;

/**
 * Takes a run's folder until the result is called. What a killed run of this machine left is taken over at once; where that is
 * not plain (another machine, or a process that has the same number by now) it is first seen whether anyone still touches it.
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
      if (release) return beating(lock, stale / 30, release);
      const owner = await lockOwner(lock);
      if (owner && seen !== undefined && owner.touched !== seen) throw inUse(outputDir, owner);
      if (owner && seen === undefined) {
        seen = owner.touched;
        say(
          `"${outputDir}" was in use by ${named(owner)} less than ${Math.ceil(stale / 1000)} s ago. Waiting to see whether that run still lives.`,
        );
      }
      await sleep(stale / 60, undefined, { signal });
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw fileSystemError("write", lock, error);
  }
}

function beating(lock: string, every: number, release: Release): Release {
  const heart = new Worker(HEARTBEAT, { eval: true, workerData: { lock, every }, execArgv: [] });
  heart.unref();
  return async () => {
    await heart.terminate();
    await release();
  };
}

const named = ({ pid, host, here }: LockOwner): string =>
  `process ${pid ?? "?"} ${here ? "of this machine" : `on ${host ?? "another machine"}`}`;

function inUse(outputDir: string, owner: LockOwner): Error {
  return new RarityError(
    "bad-usage",
    `Another run is at work in "${outputDir}": ${named(owner)}. Stop it, or give this one a folder of its own with experiment.output_dir.`,
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
