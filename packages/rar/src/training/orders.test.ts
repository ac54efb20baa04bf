/** Orders, dropped classes and dropout seeds: functions of seed and position, and as random as they are said to be. */
import { describe, expect, it } from "vitest";
import { dropoutSeed, dropsClass, isRandom, randomOrder, sampleOrder } from "./orders.js";

const orderOf = (seed: number, position: number, length = 16): number[] => {
  const order = new Int32Array(length);
  randomOrder(seed, position, order);
  return [...order];
};
const raster = Int32Array.from({ length: 16 }, (_, i) => i);
const many = Array.from({ length: 20_000 }, (_, i) => i);

describe("a sample's order", () => {
  it("is a permutation, the same for the same seed and position, another for others", () => {
    expect([...orderOf(1, 5)].sort((a, b) => a - b)).toEqual([...raster]);
    expect(orderOf(1, 5)).toEqual(orderOf(1, 5));
    const others = [orderOf(1, 6), orderOf(2, 5), orderOf(1, 5 + 2 ** 32), orderOf(1 + 2 ** 32, 5)];
    expect(new Set([orderOf(1, 5), ...others].map(String)).size).toBe(5);
  });

  it("has every permutation as often as any other", () => {
    const counts = new Map<string, number>();
    for (const position of many) {
      const key = String(orderOf(3, position, 4));
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const expected = many.length / 24;
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(50); // 23 degrees of freedom: 1 in 1000 exceeds 49.7
  });

  it.each([0, 0.25, 1])("is random with probability %d", (ratio) => {
    const share = many.filter((position) => isRandom(4, position, ratio)).length / many.length;
    expect(Math.abs(share - ratio)).toBeLessThan(ratio % 1 === 0 ? 1e-12 : 0.015); // five deviations
  });

  it("is the other one where it is not random", () => {
    const otherwise = Int32Array.from(raster).reverse();
    const order = new Int32Array(16);
    expect(sampleOrder(1, 5, 0, otherwise, order)).toBe(false);
    expect(order).toEqual(otherwise);
    expect(sampleOrder(1, 5, 1, otherwise, order)).toBe(true);
    expect([...order]).toEqual(orderOf(1, 5));
  });

  it("says nothing of the class that is dropped", () => {
    const dropped = many.filter((position) => dropsClass(5, position, 0.1));
    expect(Math.abs(dropped.length / many.length - 0.1)).toBeLessThan(0.011);
    const both = dropped.filter((position) => isRandom(5, position, 0.5)).length / dropped.length;
    expect(Math.abs(both - 0.5)).toBeLessThan(0.06);
  });

  it("needs a seed and a position that are whole numbers", () => {
    expect(() => orderOf(-1, 0)).toThrow(/seed of a training sample is -1/);
    expect(() => orderOf(0, 0.5)).toThrow(/position of a training sample is 0.5/);
    expect(() => dropsClass(0, Number.NaN, 1)).toThrow(/position/);
  });

  it("dropout has a seed of its own in every step, micro-batch and rank", () => {
    const seeds = [0, 1, 2].flatMap((step) =>
      [0, 1].flatMap((micro) => [0, 1].map((rank) => dropoutSeed(7, step, micro, rank))),
    );
    expect(new Set(seeds).size).toBe(12);
    expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
  });
});
