/** Freed memory goes back to the system, or stays with the process where that was asked for. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { isAvailable } from "../src/index.js";

const MiB = 2 ** 20;

/** How much of 96 MiB of freed tensors the process holds on to. */
function held(keep: boolean): number {
  const program = `
    import { keepFreedMemory, ones, scope } from "libtorch";
    const kept = ${keep} ? keepFreedMemory() : true;
    scope(() => ones([1]));
    const before = process.memoryUsage.rss();
    scope(() => { [1, 2, 3].map(() => ones([${(32 * MiB) / 4 + 1}])); });
    console.log(kept ? process.memoryUsage.rss() - before : -1);`;
  const cwd = new URL("..", import.meta.url);
  return Number(
    execFileSync(process.execPath, ["--input-type=module", "-e", program], { cwd, encoding: "utf8" }),
  );
}

describe.skipIf(!isAvailable())("freed memory", () => {
  it("is given back by default, and kept where the program says so", () => {
    const kept = held(true);
    if (kept < 0) return; // not glibc's allocator
    expect(kept).toBeGreaterThan(90 * MiB);
    expect(held(false)).toBeLessThan(16 * MiB);
  });
});
