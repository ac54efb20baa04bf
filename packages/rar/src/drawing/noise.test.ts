import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GumbelNoise } from "./noise.js";

function noise(seed: number, imageIndex: number, position: number, codes: number): Float64Array {
  const found = new GumbelNoise(codes).at(seed, imageIndex, position);
  return Float64Array.from({ length: codes }, (_, code) => found.of(code));
}

/** Another number with the same low 32 bits. */
const highWordMoved = (x: number): number => (x >= 2 ** 32 ? x - 2 ** 32 : x + 2 ** 32);

const seeds = fc.maxSafeNat();
const indices = fc.oneof(fc.nat({ max: 100 }), fc.maxSafeNat());
const positions = fc.integer({ min: 0, max: 0xffffffff });

describe("GumbelNoise", () => {
  // An image is decided by these numbers: if one of them moves, every seed gives other images. Computed in Python
  // from the definition, with exact integers.
  it.each([
    [0, 0, 0, 0, 0.5649543818877604],
    [0, 0, 0, 1, -0.5974965666784472],
    [42, 3, 255, 1023, 1.5825774392765608],
    [2 ** 32 + 5, 2 ** 33 + 1, 17, 6, -0.7429275288149801],
    [2 ** 53 - 1, 2 ** 53 - 1, 2 ** 32 - 1, 2, 0.14358192157886224],
  ])(
    "is what it has always been: seed %d, image %d, position %d, code %d",
    (seed, image, position, code, value) => {
      expect(noise(seed, image, position, code + 1)[code]).toBeCloseTo(value, 13);
    },
  );

  it("gives a code the same number however many codes there are", () => {
    fc.assert(
      fc.property(seeds, indices, positions, fc.nat({ max: 40 }), (seed, image, position, codes) => {
        const all = noise(seed, image, position, 48);
        expect(noise(seed, image, position, codes)).toEqual(all.slice(0, codes));
      }),
    );
  });

  it("gives finite numbers, and others for another seed, image or position", () => {
    fc.assert(
      fc.property(seeds, indices, positions, (seed, image, position) => {
        const here = noise(seed, image, position, 8);
        expect(here.every(Number.isFinite)).toBe(true);
        const elsewhere = [
          noise(seed === 0 ? 1 : seed - 1, image, position, 8),
          noise(highWordMoved(seed), image, position, 8),
          noise(seed, image === 0 ? 1 : image - 1, position, 8),
          noise(seed, highWordMoved(image), position, 8),
          noise(seed, image, position === 0 ? 1 : position - 1, 8),
        ];
        for (const other of elsewhere) for (let i = 0; i < 8; i++) expect(other[i]).not.toBe(here[i]);
      }),
    );
  });

  it("is never more than its bound, and seldom much less", () => {
    fc.assert(
      fc.property(seeds, indices, positions, (seed, image, position) => {
        const found = new GumbelNoise(33).at(seed, image, position);
        for (let code = 0; code < 33; code++) {
          expect(found.of(code)).toBeLessThan(found.atMost(code));
          // half of all words begin with a zero and are up to 3.5 below the noise of 0.5; from there on a bit is log 2, or a little more
          if (found.of(code) > 0.37) expect(found.of(code)).toBeGreaterThan(found.atMost(code) - 0.9);
        }
      }),
    );
  });

  it("does not confuse image and position", () => {
    expect(noise(5, 1, 2, 4)).not.toEqual(noise(5, 2, 1, 4));
  });

  it("is Gumbel: mean, variance and the largest distance between distribution functions", () => {
    const samples: number[] = [];
    for (let image = 0; image < 4; image++)
      for (let position = 0; position < 16; position++) samples.push(...noise(2024, image, position, 1024));
    const n = samples.length; // 65,536
    samples.sort((a, b) => a - b);
    const mean = samples.reduce((sum, x) => sum + x, 0) / n;
    const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / n;
    expect(Math.abs(mean - 0.5772156649)).toBeLessThan(0.015); // Euler's constant; standard error 0.005
    expect(Math.abs(variance - Math.PI ** 2 / 6)).toBeLessThan(0.06);
    let distance = 0;
    samples.forEach((x, i) => {
      const expected = Math.exp(-Math.exp(-x));
      distance = Math.max(distance, Math.abs(expected - i / n), Math.abs(expected - (i + 1) / n));
    });
    expect(distance).toBeLessThan(1.63 / Math.sqrt(n)); // Kolmogorov-Smirnov, 1 %
  });

  it("has neighbours that are not correlated, along codes, positions, images and seeds", () => {
    const correlation = (a: Float64Array, b: Float64Array): number => {
      const centre = (x: Float64Array) => x.map((v) => v - 0.5772156649);
      const [x, y] = [centre(a), centre(b)];
      return x.reduce((sum, v, i) => sum + v * y[i]!, 0) / x.length / (Math.PI ** 2 / 6);
    };
    const codes = 16_384; // standard error 0.008
    const here = noise(7, 3, 20, codes);
    for (const other of [noise(8, 3, 20, codes), noise(7, 4, 20, codes), noise(7, 3, 21, codes)])
      expect(Math.abs(correlation(here, other))).toBeLessThan(0.03);
    expect(Math.abs(correlation(here.subarray(1), here.subarray(0, -1)))).toBeLessThan(0.03);
  });

  it.each([
    ["seed", -1, 0, 0],
    ["seed", 0.5, 0, 0],
    ["seed", Number.NaN, 0, 0],
    ["seed", 2 ** 53, 0, 0],
    ["image index", 0, -1, 0],
    ["image index", 0, 2 ** 53, 0],
    ["position", 0, 0, 2 ** 32],
    ["position", 0, 0, 1.5],
  ])("refuses a %s that is not one: %d, %d, %d", (what, seed, image, position) => {
    const value = [seed, image, position].find((x) => x !== 0);
    expect(() => noise(seed, image, position, 4)).toThrow(RangeError);
    expect(() => noise(seed, image, position, 4)).toThrow(`${what} ${value}`);
  });
});
