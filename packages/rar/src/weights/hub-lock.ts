/**
 * One process at a time downloads a blob. Python's huggingface_hub holds an flock on `<etag>.lock` for that (and
 * leaves that file lying): where the system lists its locks (Linux), this waits for Python too.
 */
import { readFileSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { takeLock } from "./file-lock.js";
import { type HubTiming, pause } from "./hub-timing.js";

/**
 * Runs `work` while holding the lock at `path` + `.rarity.lock`. A lock of a dead process of this machine is taken
 * over at once, one of another machine when it has not been touched for `timing.lockStale`.
 *
 * @throws the signal's reason when it is aborted while waiting
 */
export async function withLock<T>(
  path: string,
  timing: HubTiming,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const lock = `${path}.rarity.lock`;
  await mkdir(dirname(lock), { recursive: true });
  let release = await takeLock(lock, timing.lockStale);
  while (!release) {
    await pause(timing.lockPoll, signal);
    release = await takeLock(lock, timing.lockStale);
  }
  try {
    while (heldByPython(`${path}.lock`)) await pause(timing.lockPoll, signal);
    return await work();
  } finally {
    await release();
  }
}

/** Whether any process holds an flock on the file, as Linux tells. Elsewhere: not known, false. */
function heldByPython(path: string): boolean {
  try {
    const { dev, ino } = statSync(path);
    const major = ((dev >> 8) & 0xfff).toString(16).padStart(2, "0");
    const minor = ((dev & 0xff) | ((dev >> 12) & 0xfff00)).toString(16).padStart(2, "0");
    const locks = readFileSync("/proc/locks", "utf8").split("\n");
    return locks.some((line) => line.includes("FLOCK") && line.includes(` ${major}:${minor}:${ino} `));
  } catch {
    return false;
  }
}
