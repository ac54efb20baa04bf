/** Factors of dropout: as many as asked for are 0, the mean stays, and they follow from the generator alone. */
import { expect, it } from "vitest";
import {
  type DType,
  dropoutFactors,
  generatorState,
  getThreads,
  manualSeed,
  numbers,
  scope,
  setGeneratorState,
  setThreads,
  zeros,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

const drawn = (count: number, share: number, dtype: DType = "float32"): number[] =>
  scope(() => numbers(dropoutFactors(zeros([count], { dtype }), share)));

describeWithLibtorch("dropoutFactors", () => {
  it.each([0.1, 0.5, 0.93])("are 0 with probability %d, independent of their neighbours", (share) => {
    manualSeed(1);
    const count = 200_000;
    const factors = drawn(count, share);
    const kept = 1 / (1 - Math.round(share * 65536) / 65536);
    expect(new Set(factors)).toEqual(new Set([0, Math.fround(kept)]));
    const of = (distance: number): number => {
      let both = 0;
      for (let i = distance; i < count; i++) if (factors[i] === 0 && factors[i - distance] === 0) both++;
      return both / (count - distance);
    };
    const deviation = (p: number): number => Math.sqrt((p * (1 - p)) / count);
    expect(Math.abs(of(0) - share)).toBeLessThan(5 * deviation(share));
    for (const distance of [1, 2, 3, 4, 1024])
      expect(Math.abs(of(distance) - share ** 2), `${distance}`).toBeLessThan(6 * deviation(share ** 2));
  });

  it("come in x's type and shape, and drop nothing or all at the ends", () => {
    scope(() => {
      const x = zeros([3, 5, 7], { dtype: "bfloat16" });
      const factors = dropoutFactors(x, 0.1);
      expect([factors.shape, factors.dtype]).toEqual([[3, 5, 7], "bfloat16"]);
      expect(new Set(numbers(factors))).toEqual(new Set([0, 1.109375])); // 1 / 0.9 as a bfloat16
    });
    expect(new Set(drawn(5000, 0))).toEqual(new Set([1]));
    expect(new Set(drawn(5000, 1))).toEqual(new Set([0]));
    expect(drawn(0, 0.5)).toEqual([]);
  });

  it("follow from the default generator, whatever the number of threads", () => {
    manualSeed(5);
    const state = generatorState();
    const first = drawn(50_000, 0.3);
    expect(drawn(50_000, 0.3)).not.toEqual(first);
    setGeneratorState(state);
    const before = getThreads();
    setThreads(3);
    try {
      expect(drawn(50_000, 0.3)).toEqual(first);
    } finally {
      setThreads(before);
    }
    state.dispose();
  });

  it("are refused for other shares and types", () => {
    expect(() => drawn(3, 1.5)).toThrow(/share from 0 to 1, not 1.5/);
    expect(() => drawn(3, 0.5, "float64")).toThrow(/must be float32 or bfloat16/);
  });
});
