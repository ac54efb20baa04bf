/**
 * Locks between processes. Node has no flock, so a lock is a file made exclusively, which names its owner and is touched
 * while the owner lives.
 */
import { type FileHandle, open, readFile, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";

/** Gives a lock back. */
export type Release = () => Promise<void>;

/**
 * Takes the lock file `lock`, also one whose owner is a dead process of this machine or has not touched it for `staleMs`, and
 * touches it from then on; undefined where another has it.
 */
export async function takeLock(lock: string, staleMs: number): Promise<Release | undefined> {
  const owner = JSON.stringify({
    pid: process.pid,
    host: hostname(),
    key: Math.random().toString(36).slice(2),
  });
  while (!(await create(lock, owner))) if (!(await takeOver(lock, staleMs))) return undefined;
  const alive = () => utimes(lock, new Date(), new Date()).catch(() => undefined);
  const heartbeat = setInterval(alive, staleMs / 6).unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await read(lock)) === owner) await rm(lock, { force: true });
  };
}

export interface LockOwner {
  readonly pid?: number | undefined;
  readonly host?: string | undefined;
  /** Of this machine. */
  readonly here: boolean;
  /** When it last gave a sign of life, ms since 1970. */
  readonly touched: number;
}

/** Who has the lock file; undefined where nobody has. */
export async function lockOwner(lock: string): Promise<LockOwner | undefined> {
  try {
    const [content, { mtimeMs }] = [await readFile(lock, "utf8"), await stat(lock)];
    const { pid, host } = JSON.parse(content) as { pid?: number; host?: string };
    return { pid, host, here: host === hostname(), touched: mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    return { here: false, touched: Date.now() - (await age(lock)) }; // being written just now, or by something else
  }
}

async function create(path: string, content: string): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    await handle.writeFile(content);
    return true;
  } catch (error) {
    await rm(path, { force: true }); // a full disk: no lock that nobody holds
    throw error;
  } finally {
    await handle.close();
  }
}

const read = (path: string): Promise<string | undefined> => readFile(path, "utf8").catch(() => undefined);

/**
 * Removes a lock whose owner is gone; says whether to try at once. Of several that find it stale one at a time may
 * remove it (the guard), and only while it is still the lock that was looked at: never a newer one.
 */
async function takeOver(lock: string, staleMs: number): Promise<boolean> {
  const seen = await read(lock);
  if (seen === undefined) return false;
  if (!isDead(seen) && (await age(lock)) < staleMs) return false;
  const guard = `${lock}.takeover`;
  if (!(await create(guard, ""))) {
    if ((await age(guard)) > staleMs) await rm(guard, { force: true }); // its owner died in between
    return false;
  }
  try {
    if ((await read(lock)) === seen) await rm(lock, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
  return true;
}

/** Milliseconds since the file was touched; 0 where it is gone. */
async function age(path: string): Promise<number> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => 0,
  );
}

function isDead(content: string): boolean {
  try {
    const { pid, host } = JSON.parse(content) as { pid: unknown; host: unknown };
    if (host !== hostname() || typeof pid !== "number") return false;
    process.kill(pid, 0); // asks only whether it is there
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH"; // not JSON: being written just now
  }
}
