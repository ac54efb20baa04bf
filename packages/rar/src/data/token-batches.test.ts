/** What a step holds is the same for any number of ranks, and reading ahead changes nothing but the time. */
import { describe, expect, it } from "vitest";
import { sampleAt } from "./order.js";
import { type BatchPlan, positionsOf, stepSize, TokenBatches } from "./token-batches.js";
import { emptyBatch } from "./token-file-reader.js";
import type { TokenBatch } from "./token-rows.js";

/** Rows whose class is their index, with a record of what was read. */
function fakeRows(rows: number, fail?: (index: number) => boolean) {
  const reads: number[][] = [];
  return {
    rows,
    reads,
    async read(indices: ArrayLike<number>): Promise<TokenBatch> {
      reads.push(Array.from(indices));
      const bad = Array.from(indices).find((index) => fail?.(index));
      if (bad !== undefined) throw new Error(`row ${bad} is damaged`);
      const batch = emptyBatch(indices.length, 1);
      batch.classes.set(Array.from(indices));
      return batch;
    },
  };
}

const plan: BatchPlan = { seed: 5, rank: 0, ranks: 1, batch: 3, microBatches: 4 };
const classesOf = async (batches: TokenBatches, step: number): Promise<number[]> =>
  (await batches.step(step)).flatMap(({ batch }) => [...batch.classes]);

describe("positionsOf", () => {
  it.each([
    [1, 4],
    [2, 2],
    [4, 1],
  ])("deals a step of twelve whole to %i ranks", (ranks, microBatches) => {
    for (const step of [0, 7]) {
      const dealt: number[] = [];
      for (let g = 0; g < microBatches; g++)
        for (let rank = 0; rank < ranks; rank++)
          dealt.push(...positionsOf({ ...plan, ranks, rank, microBatches }, step, g));
      // In this order, so that sums over micro-batches are the same sums too.
      expect(dealt).toEqual(Array.from({ length: 12 }, (_, i) => step * 12 + i));
    }
  });
});

describe("TokenBatches", () => {
  it("gives the rows of the seeded order, across epochs", async () => {
    const rows = fakeRows(10);
    await using batches = new TokenBatches(rows, plan);
    const seen: number[] = [];
    for (let step = 0; step < 5; step++) seen.push(...(await classesOf(batches, step)));
    expect(seen).toEqual(Array.from({ length: 60 }, (_, position) => sampleAt(5, 10, position)));
    expect(stepSize(plan)).toBe(12);
  });

  it("reads one step ahead, and each step once", async () => {
    const rows = fakeRows(10);
    await using batches = new TokenBatches(rows, plan);
    await batches.step(0);
    await batches.step(1);
    await batches[Symbol.asyncDispose]();
    expect(rows.reads.length).toBe(3 * plan.microBatches);
  });

  it("begins at any step, as a run does that is gone on with", async () => {
    await using fromStart = new TokenBatches(fakeRows(10), plan);
    for (let step = 0; step < 7; step++) await fromStart.step(step);
    await using later = new TokenBatches(fakeRows(10), plan);
    expect(await classesOf(later, 7)).toEqual(await classesOf(fromStart, 7));
  });

  it("says what is wrong with a step when that step is asked for, not before", async () => {
    const bad = sampleAt(plan.seed, 100, stepSize(plan)); // the first row of step 1
    await using batches = new TokenBatches(
      fakeRows(100, (index) => index === bad),
      plan,
    );
    await batches.step(0);
    await new Promise((resolve) => setTimeout(resolve, 5)); // an unhandled rejection would end the process here
    await expect(batches.step(1)).rejects.toThrow(`row ${bad} is damaged`);
  });

  it("stops when told to", async () => {
    const controller = new AbortController();
    await using batches = new TokenBatches(fakeRows(10), plan, controller.signal);
    await batches.step(0);
    controller.abort(new Error("stopped"));
    await expect(batches.step(1)).rejects.toThrow("stopped");
  });

  it.each([
    ["rank", { ...plan, rank: 1 }],
    ["batch", { ...plan, batch: 0 }],
    ["ranks", { ...plan, ranks: 0 }],
    ["microBatches", { ...plan, microBatches: 1.5 }],
  ])("refuses a plan with a wrong %s", (key, wrong) => {
    expect(() => new TokenBatches(fakeRows(10), wrong)).toThrow(new RegExp(`^${key} is `));
  });
});
