import { describe, expect, it } from "vitest";
import { warmupConstant, warmupCosine } from "./schedule.js";

/** Rates of the reference's published training: 4e-4, warm-up 62,500, end 1e-5 at 250,000. */
const recorded = [
  [0, 0],
  [1, 6.4e-9],
  [100, 6.4e-7],
  [31250, 0.0002],
  [62499, 0.0003999936],
  [62500, 0.0004],
  [62501, 0.0003999999999726283],
  [100000, 0.0003627583139031148],
  [125000, 0.00030250000000000003],
  [156250, 0.000205],
  [187500, 0.00010750000000000005],
  [218750, 3.612504626203445e-5],
  [249998, 1.000000010948682e-5],
  [249999, 1.0000000027371706e-5],
  [250000, 1e-5],
] as const;

describe("warmupCosine", () => {
  const options = { lr: 4e-4, warmupSteps: 62_500, maxSteps: 250_000, endLr: 1e-5 };

  it.each(recorded)("after %i steps is %d", (step, rate) => {
    expect(Math.abs(warmupCosine(step, options) - rate)).toBeLessThanOrEqual(rate * 1e-15);
  });

  it("starts at the full rate without a warm-up", () => {
    expect(warmupCosine(0, { ...options, warmupSteps: 0 })).toBe(4e-4);
  });
});

describe("warmupConstant", () => {
  it("stays at the rate after the warm-up", () => {
    const rates = [0, 1, 2, 4, 5, 1000].map((step) => warmupConstant(step, { lr: 0.5, warmupSteps: 4 }));
    expect(rates).toEqual([0, 0.125, 0.25, 0.5, 0.5, 0.5]);
  });
});
