/** The lock of a download: one holder at a time, dead holders replaced, Python's lock respected. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { withLock } from "./hub-lock.js";
import { hubTiming } from "./hub-timing.js";

const timing = hubTiming({}, { lockPoll: 5, lockStale: 400 });
let folder: string;
let path: string;
let lock: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rarity-lock-"));
  path = join(folder, "locks", "etag");
  lock = `${path}.rarity.lock`;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A lock somebody else left, touched `age` ms ago. */
async function leave(owner: string, age = 0): Promise<void> {
  await withLock(path, timing, undefined, async () => undefined); // makes the folder
  writeFileSync(lock, owner);
  const then = new Date(Date.now() - age);
  utimesSync(lock, then, then);
}

const quick = (): Promise<string> =>
  withLock(path, timing, AbortSignal.timeout(150), async () => "mine").catch(() => "waiting");

it("lets one in at a time and leaves nothing behind, also after an error", async () => {
  let inside = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 3));
    inside--;
    throw new Error("work failed");
  };
  const all = await Promise.allSettled(
    Array.from({ length: 8 }, () => withLock(path, timing, undefined, work)),
  );
  expect(most).toBe(1);
  expect(all.every((one) => one.status === "rejected" && one.reason.message === "work failed")).toBe(true);
  expect(readdirSync(join(folder, "locks"))).toEqual([]);
});

it("takes over at once from a dead process of this machine, one by one", async () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  await leave(JSON.stringify({ pid, host: hostname(), key: "x" }));
  let inside = 0;
  const work = async () => {
    expect(++inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside--;
  };
  await Promise.all(Array.from({ length: 6 }, () => withLock(path, timing, undefined, work)));
});

it.each([
  ["a living process", JSON.stringify({ pid: process.ppid, host: hostname(), key: "x" })],
  ["another machine", JSON.stringify({ pid: 1, host: "elsewhere", key: "x" })],
  ["a lock just being written", ""],
])("waits for %s, until it has long given no sign of life", async (_, owner) => {
  await leave(owner);
  expect(await quick()).toBe("waiting");
  expect(existsSync(lock)).toBe(true);
  await leave(owner, 500);
  expect(await quick()).toBe("mine");
});

it("gives signs of life while it works", async () => {
  const work = () => new Promise((resolve) => setTimeout(resolve, 700));
  const first = withLock(path, timing, undefined, work);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await quick()).toBe("waiting");
  await first;
});

const flock = process.platform === "linux" && spawnSync("flock", ["--version"]).status === 0;
it.skipIf(!flock)("waits for huggingface_hub, which holds an flock on <etag>.lock", async () => {
  await leave(JSON.stringify({ pid: 1, host: "elsewhere", key: "x" }), 500);
  const python = spawn("flock", [`${path}.lock`, "sh", "-c", "echo held; cat"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await once(python.stdout, "data");
  expect(await quick()).toBe("waiting");
  python.stdin.end();
  await once(python, "exit");
  expect(existsSync(`${path}.lock`)).toBe(true); // left lying, as Python does
  expect(await quick()).toBe("mine");
});
