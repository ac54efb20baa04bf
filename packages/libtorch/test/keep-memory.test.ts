/** Freed memory goes back to the system, or stays with the process where that was asked for. */
import { execFileSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { isAvailable } from "../src/index.js";

const MiB = 2 ** 20;

/** How much more memory the process has after tensors of so many MiB were made and freed, and `after` was run. */
function held(keep: boolean, sizes: readonly number[] = [32, 32, 32], after = ""): number {
  const program = `
    import { keepFreedMemory, ones, scope } from "libtorch";
    const kept = ${keep} ? keepFreedMemory() : true;
    scope(() => ones([1]));
    const before = process.memoryUsage.rss();
    const make = (...sizes) => scope(() => { for (const size of sizes) ones([size * ${MiB / 4} + 1]); });
    make(${sizes});
    ${after}
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

  it("of medium tensors is kept for the next ones, but never more than was in use at once", () => {
    if (process.platform !== "linux") return;
    const six = [16, 16, 16, 16, 16, 16];
    expect(held(false, six)).toBeGreaterThan(90 * MiB);
    expect(held(false, six, "make(24, 24); make(10, 10, 10, 30); make(3, 5, 7, 9, 20);")).toBeLessThan(
      112 * MiB,
    );
  });
});
