/** Every epoch of the order is a permutation, epochs and seeds differ, and nothing about it looks regular. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sampleAt } from "./order.js";

const epochOf = (seed: number, rows: number, epoch: number): number[] =>
  Array.from({ length: rows }, (_, i) => sampleAt(seed, rows, epoch * rows + i));
const seeds = fc.maxSafeNat();

describe("sampleAt", () => {
  it("visits every row once an epoch, for any seed, number of rows and epoch", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 700 }), fc.nat(2 ** 40), (seed, rows, epoch) => {
        expect(epochOf(seed, rows, epoch).toSorted((a, b) => a - b)).toEqual([...Array(rows).keys()]);
      }),
      { numRuns: 60 },
    );
  });

  it("stays inside files of any size", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 2 ** 47 }), fc.maxSafeNat(), (seed, rows, position) => {
        const row = sampleAt(seed, rows, position);
        return Number.isInteger(row) && row >= 0 && row < rows;
      }),
      { numRuns: 500 },
    );
  });

  it("is another order in every epoch and for every seed", () => {
    const orders = [
      epochOf(1, 50, 0),
      epochOf(1, 50, 1),
      epochOf(1, 50, 2 ** 33), // the epoch's upper word counts
      epochOf(2, 50, 0),
      epochOf(1 + 2 ** 32, 50, 0), // the seed's too
    ].map(String);
    expect(new Set(orders).size).toBe(orders.length);
  });

  it("gives each of the 120 orders of five rows about as often", () => {
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 120 * 100; epoch++) {
      const order = String(epochOf(7, 5, epoch));
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(120);
    // 119 degrees of freedom: 173 is passed by one fair shuffle in a thousand.
    expect(chiSquared([...counts.values()], 100)).toBeLessThan(173);
  });

  it("spreads a batch over the whole file, and has no memory of where the last one was", () => {
    const rows = 12_800_000;
    const bins = 20;
    const draws = 8000;
    const places = new Array<number>(bins).fill(0);
    const steps = new Array<number>(bins).fill(0);
    let before = sampleAt(11, rows, 0);
    for (let i = 1; i <= draws; i++) {
      const row = sampleAt(11, rows, i);
      places[Math.floor((row / rows) * bins)]!++;
      steps[Math.floor((((row - before + rows) % rows) / rows) * bins)]!++;
      before = row;
    }
    // 19 degrees of freedom: one in a thousand above 43.8.
    expect(chiSquared(places, draws / bins)).toBeLessThan(43.8);
    expect(chiSquared(steps, draws / bins)).toBeLessThan(43.8);
  });

  it("stays as it is: a run that is gone on with must see the same data", () => {
    expect(epochOf(42, 10, 3)).toEqual([7, 6, 4, 3, 8, 5, 0, 9, 1, 2]);
  });

  it.each([
    ["seed", -1, 10, 0],
    ["rows", 1, 0, 0],
    ["position", 1, 10, 0.5],
  ])("refuses a %s that is none", (what, seed, rows, position) => {
    expect(() => sampleAt(seed, rows, position)).toThrow(new RegExp(`with ${what} `));
  });
});

const chiSquared = (counts: readonly number[], expected: number): number =>
  counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
