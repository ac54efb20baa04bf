/** Random ratio, learning rate and EMA decay against the reference's recorded values. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture } from "../testing/fixtures.js";
import { emaDecayAt } from "./ema.js";
import { learningRateAt, randomRatioAt } from "./schedule.js";

const recorded = JSON.parse(readFileSync(fixture("schedule.json")!, "utf8")) as {
  random_ratio: { anneal_start: number; anneal_end: number; steps: number[]; values: number[] };
  learning_rate: { optimizer_steps_done: number[]; processes: Record<string, number[]> };
  ema: { update_number: number[]; values: number[] };
};

describe("schedules as recorded", () => {
  it("share of random orders", () => {
    const { anneal_start: start, anneal_end: end, steps, values } = recorded.random_ratio;
    for (const [i, step] of steps.entries())
      expect(randomRatioAt(step, { start, end })).toBeCloseTo(values[i]!, 12);
  });

  it("share of random orders, with a floor and without a slope", () => {
    expect(randomRatioAt(200, { start: 0, end: 100 }, 0.2)).toBe(0.2);
    expect(randomRatioAt(50, { start: 0, end: 100 }, 0.2)).toBe(0.5);
    expect([9, 10, 11].map((step) => randomRatioAt(step, { start: 10, end: 10 }))).toEqual([1, 1, 0]);
  });

  it.each(["1", "32"])("learning rate, %s processes", (processes) => {
    const cosine = {
      learningRate: 4e-4,
      schedule: "cosine" as const,
      warmupSteps: 62_500,
      maxSteps: 250_000,
      endLearningRate: 1e-5,
    };
    const { optimizer_steps_done: steps, processes: values } = recorded.learning_rate;
    for (const [i, step] of steps.entries())
      expect(learningRateAt(step, cosine) / 4e-4).toBeCloseTo(values[processes]![i]! / 4e-4, 10);
    expect(learningRateAt(31_250, { ...cosine, schedule: "constant" })).toBeCloseTo(2e-4, 12);
    expect(learningRateAt(200_000, { ...cosine, schedule: "constant" })).toBe(4e-4);
  });

  it("decay of the moving average", () => {
    const { update_number: updates, values } = recorded.ema;
    for (const [i, update] of updates.entries()) expect(emaDecayAt(update)).toBeCloseTo(values[i]!, 12);
  });
});
