import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../testing/temporary.js";
import { holdFolder, LOCK_FILE } from "./run-lock.js";

const temporary = temporaryFolder();
const fresh = (): string => mkdtempSync(join(temporary, "run-"));

function hold(folder: string, stale = 200) {
  const lines: string[] = [];
  const held = holdFolder(folder, { say: (line) => lines.push(line), stale });
  return { held, lines };
}

describe("holdFolder", () => {
  it("lets one run in, refuses the second, and leaves nothing behind", async () => {
    const folder = join(fresh(), "made", "anew");
    const release = await hold(folder).held;
    await expect(hold(folder).held).rejects.toThrow(
      new RegExp(
        `Another run is at work in ".*anew": process ${process.pid} of this machine. Stop it, or give`,
      ),
    );
    await release();
    expect(readdirSync(folder)).toEqual([]);
    await (await hold(folder).held)();
  });

  it("takes over at once from a killed run of this machine", async () => {
    const folder = fresh();
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ pid, host: hostname(), key: "x" }));
    const { held, lines } = hold(folder, 1e9);
    await (await held)();
    expect(lines).toEqual([]);
  });

  it("keeps the folder through a step that takes longer than a lock lasts", async () => {
    const folder = fresh();
    const release = await hold(folder).held;
    await new Promise((resolve) => setTimeout(resolve, 150)); // the thread that touches it has begun
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 600); // nothing else runs in this one
    expect(Date.now() - statSync(join(folder, LOCK_FILE)).mtimeMs).toBeLessThan(200);
    await expect(hold(folder).held).rejects.toThrow(/Another run is at work/);
    await release();
  });

  it("takes over, after a while, from a killed run whose number another process has by now", async () => {
    const folder = fresh();
    writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ pid: process.pid, host: hostname(), key: "x" }));
    await (await hold(folder).held)();
  });

  it("waits for another machine's sign of life: none, and it takes over; one, and it refuses", async () => {
    const owner = JSON.stringify({ pid: 7, host: "elsewhere", key: "x" });
    const gone = fresh();
    writeFileSync(join(gone, LOCK_FILE), owner);
    const first = hold(gone);
    await (await first.held)();
    expect(first.lines).toEqual([
      expect.stringMatching(/in use by process 7 on elsewhere less than 1 s ago\. Waiting/),
    ]);

    const alive = fresh();
    const lock = join(alive, LOCK_FILE);
    writeFileSync(lock, owner);
    const touch = setInterval(() => utimesSync(lock, new Date(), new Date()), 30);
    try {
      await expect(hold(alive).held).rejects.toThrow(/process 7 on elsewhere/);
    } finally {
      clearInterval(touch);
    }
  });

  it("stops waiting when told to", async () => {
    const folder = fresh();
    writeFileSync(join(folder, LOCK_FILE), JSON.stringify({ pid: 7, host: "elsewhere", key: "x" }));
    const signal = AbortSignal.timeout(50);
    await expect(holdFolder(folder, { say: () => {}, signal, stale: 60_000 })).rejects.toThrow(/timeout/);
  });
});
