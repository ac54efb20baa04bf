import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { checkSampling, drawToken, type SamplingSettings, topK, topP } from "./draw.js";
import { GumbelNoise, type Noise } from "./noise.js";

const row = (...logits: number[]): Float32Array => Float32Array.from(logits);
/** Noise of these numbers, whose bounds say nothing but the truth. */
const given = (...numbers: number[]): Noise => ({
  codes: numbers.length,
  of: (code) => numbers[code]!,
  atMost: (code) => numbers[code]!,
});
const none = given(...new Array<number>(8).fill(0));

const noise = (codes: number, position: number, seed = 11): Noise =>
  new GumbelNoise(codes).at(seed, 0, position);

const backwards = (noise: Noise): Noise => ({
  codes: noise.codes,
  of: (code) => noise.of(noise.codes - 1 - code),
  atMost: (code) => noise.atMost(noise.codes - 1 - code),
});

/** Codes that were not masked. */
const kept = (masked: Float32Array): number[] =>
  [...masked.keys()].filter((code) => masked[code] !== Number.NEGATIVE_INFINITY);

/** Logits with many ties, and of the sizes guidance makes. */
const logitRows = fc
  .array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -120, max: 120, noNaN: true })), {
    minLength: 1,
    maxLength: 40,
  })
  .map((values) => Float32Array.from(values));

/** The n likeliest codes, lowest code first on ties: the order topK and topP promise. */
const byLikelihood = (logits: Float32Array): number[] =>
  [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);

describe("drawToken", () => {
  it("takes the first of the likeliest at temperature 0, and reads no noise", () => {
    expect(drawToken(row(0, 3, 3, 1), { temperature: 0 }, undefined)).toBe(1);
    expect(drawToken(row(-5, -9), { temperature: 0 }, given(0, 99))).toBe(0);
  });

  it("takes the argmax of logits / temperature + noise, the first on ties", () => {
    const logits = row(1, 2, 4);
    expect(drawToken(logits, { temperature: 1 }, given(2.5, 0, 0))).toBe(2);
    expect(drawToken(logits, { temperature: 2 }, given(2.5, 0, 0))).toBe(0);
    expect(drawToken(logits, { temperature: 1 }, given(3, 2, 0))).toBe(0);
  });

  it.each([
    ["temperature 1", { temperature: 1 }, undefined],
    ["temperature 0.7", { temperature: 0.7 }, undefined],
    ["temperature 1.6", { temperature: 1.6 }, undefined],
    ["top-k 3", { temperature: 1.2, topK: 3 }, [1, 4, 5]],
    ["top-p 0.7", { temperature: 1, topP: 0.7 }, [1, 4]],
    ["top-k 3, then top-p 0.9", { temperature: 1.5, topK: 3, topP: 0.9 }, [1, 4, 5]],
  ])("draws with the frequencies of softmax: %s", (_, settings, support) => {
    const logits = row(0.1, 2, -1, 0.6, 2.3, 0.9, -2, 0.3);
    const weights = [...logits].map((x, code) =>
      support === undefined || support.includes(code) ? Math.exp(x / settings.temperature) : 0,
    );
    const total = weights.reduce((a, b) => a + b, 0);
    const draws = 20_000;
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < draws; i++) counts[drawToken(logits, settings, noise(8, i))]!++;
    let chiSquare = 0;
    weights.forEach((weight, code) => {
      const expected = (draws * weight) / total;
      if (expected === 0) expect(counts[code]).toBe(0);
      else chiSquare += (counts[code]! - expected) ** 2 / expected;
    });
    expect(chiSquare).toBeLessThan(24.3); // 7 degrees of freedom, 0.1 %
  });

  it("draws what greedy takes with top-k 1, with a tiny top-p, and at a tiny temperature", () => {
    fc.assert(
      fc.property(logitRows, fc.nat(), (logits, position) => {
        const greedy = drawToken(logits, { temperature: 0 }, undefined);
        const gumbel = noise(logits.length, position);
        expect(drawToken(logits, { temperature: 1.3, topK: 1 }, gumbel)).toBe(greedy);
        expect(drawToken(logits, { temperature: 1.3, topP: 1e-9 }, gumbel)).toBe(greedy);
        // equal logits stay equal at any temperature
        const cold = drawToken(logits, { temperature: Number.MIN_VALUE }, gumbel);
        expect(logits[cold] === logits[greedy]).toBe(true); // 0 and -0 are equal
      }),
    );
  });

  it("is not moved by a constant added to all logits, nor by limits that keep everything", () => {
    const whole = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(whole, fc.integer({ min: -50, max: 50 }), fc.nat(), (values, shift, position) => {
        const gumbel = noise(values.length, position);
        const token = drawToken(row(...values), { temperature: 0.9 }, gumbel);
        expect(drawToken(row(...values.map((x) => x + shift)), { temperature: 0.9 }, gumbel)).toBe(token);
        const loose = { temperature: 0.9, topK: values.length, topP: 1 };
        expect(drawToken(row(...values), loose, gumbel)).toBe(token);
      }),
    );
  });

  it("leaves out no code that would win, however many it does not look at", () => {
    const temperatures = fc.constantFrom(0.3, 1, 1.05, 3);
    fc.assert(
      fc.property(logitRows, fc.nat(1e6), temperatures, (logits, position, temperature) => {
        const found = noise(logits.length, position);
        const largest = Math.max(...logits);
        const scores = Array.from(logits, (x, code) => (x - largest) / temperature + found.of(code));
        expect(drawToken(logits, { temperature }, found)).toBe(scores.indexOf(Math.max(...scores)));
      }),
      { numRuns: 500 },
    );
  });

  it("moves with the codes when logits and noise are permuted", () => {
    fc.assert(
      fc.property(logitRows, fc.nat(), (logits, position) => {
        const gumbel = noise(logits.length, position);
        const token = drawToken(logits, { temperature: 1 }, gumbel);
        const mirrored = drawToken(logits.slice().reverse(), { temperature: 1 }, backwards(gumbel));
        expect(mirrored).toBe(logits.length - 1 - token);
      }),
    );
  });

  it("draws a kept code always, and the unrestricted token wherever that one is kept", () => {
    const limits = fc.record({
      topK: fc.integer({ min: 1, max: 50 }),
      topP: fc.double({ min: 0.01, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(logitRows, limits, fc.nat(), (logits, limit, position) => {
        const gumbel = noise(logits.length, position);
        const allowed = kept(topP(topK(logits, limit.topK), limit.topP, 1.1));
        const token = drawToken(logits, { temperature: 1.1, ...limit }, gumbel);
        const free = drawToken(logits, { temperature: 1.1 }, gumbel);
        expect(allowed).toContain(token);
        if (allowed.includes(free)) expect(token).toBe(free);
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "says that the weights are broken where a logit is %d, at any temperature",
    (bad) => {
      for (const temperature of [0, 1])
        for (const logits of [row(bad, 1, 2, 0, 0, 0, 0, 0), row(0, 1, 2, 0, 0, 0, 0, bad)]) {
          const call = () => drawToken(logits, { temperature }, none);
          expect(call).toThrow(RarityError);
          expect(call).toThrow(/weights are broken/);
          expect(call).toThrow(expect.objectContaining({ code: "engine" }));
        }
    },
  );

  it("refuses to draw without noise for every code", () => {
    expect(() => drawToken(row(1, 2), { temperature: 1 }, undefined)).toThrow(RangeError);
    expect(() => drawToken(row(1, 2), { temperature: 1 }, none)).toThrow("2 codes with 8 noise");
  });
});

describe("topK", () => {
  it("keeps exactly the k likeliest, the lowest codes on ties", () => {
    expect([...topK(row(1, 3, 2, 3), 2)]).toEqual([-Infinity, 3, -Infinity, 3]);
    expect(kept(topK(row(5, 5, 5, 5), 2))).toEqual([0, 1]);
    fc.assert(
      fc.property(logitRows, fc.integer({ min: 1, max: 50 }), (logits, k) => {
        const before = logits.slice();
        const wanted = byLikelihood(logits).slice(0, k);
        expect(kept(topK(logits, k))).toEqual(wanted.sort((a, b) => a - b));
        expect(logits).toEqual(before);
      }),
    );
  });
});

describe("topP", () => {
  it("keeps the fewest likeliest codes whose probability reaches p", () => {
    const quarters = row(0, 0, 0, 0);
    expect(kept(topP(quarters, 0.25))).toEqual([0]);
    expect(kept(topP(quarters, 0.26))).toEqual([0, 1]);
    expect(kept(topP(quarters, 0.75))).toEqual([0, 1, 2]);
    expect(topP(quarters, 1)).toBe(quarters);
  });

  it("agrees with the definition on any row, temperature and p", () => {
    const ps = fc.double({ min: 1e-6, max: 0.999999, noNaN: true });
    const temperatures = fc.double({ min: 0.05, max: 5, noNaN: true });
    fc.assert(
      fc.property(logitRows, ps, temperatures, (logits, p, temperature) => {
        const order = byLikelihood(logits);
        const weights = order.map((code) => Math.exp((logits[code]! - logits[order[0]!]!) / temperature));
        const total = weights.reduce((a, b) => a + b, 0);
        const stays = kept(topP(logits, p, temperature));
        expect(stays).toEqual(order.slice(0, stays.length).sort((a, b) => a - b));
        const share = (n: number) => weights.slice(0, n).reduce((a, b) => a + b, 0) / total;
        expect(share(stays.length)).toBeGreaterThanOrEqual(p - 1e-12);
        expect(share(stays.length - 1)).toBeLessThan(p + 1e-12);
      }),
    );
  });

  it("gives masked codes no probability", () => {
    expect(kept(topP(row(-Infinity, 1, 1, -Infinity), 0.99))).toEqual([1, 2]);
  });
});

describe("checkSampling", () => {
  it("lets through what can be meant", () => {
    checkSampling({});
    checkSampling({ temperature: 0, topK: 1, topP: 1, guidanceScale: 0, guidanceScalePow: 0, seed: 0 });
    checkSampling({ temperature: 1.02, topK: undefined, topP: 1e-9, seed: 2 ** 53 - 1, batchSize: 1 });
  });

  const bad: Record<keyof SamplingSettings, readonly number[]> = {
    temperature: [-1, -1e-9, Number.NaN, Infinity],
    topK: [0, -1, 1.5, Number.NaN, Infinity],
    topP: [0, -0.1, 1.0001, Number.NaN, Infinity],
    guidanceScale: [-0.5, Number.NaN, Infinity],
    guidanceScalePow: [-1, Number.NaN, Infinity],
    seed: [-1, 0.5, 2 ** 53, Number.NaN],
    firstIndex: [-1, 0.5, 2 ** 53, Number.NaN],
    batchSize: [0, -1, 2.5, Number.NaN],
  };
  it.each(Object.entries(bad).flatMap(([key, values]) => values.map((value) => [key, value] as const)))(
    "refuses %s %d, quoting it",
    (key, value) => {
      const call = () => checkSampling({ [key]: value });
      expect(call).toThrow(RangeError);
      expect(call).toThrow(
        new RegExp(`Cannot sample with [a-z- ]+ ${String(value).replace("+", "\\+")}: it must be`),
      );
    },
  );

  it("refuses text where a number is meant", () => {
    for (const key of Object.keys(bad))
      expect(() => checkSampling({ [key]: "1" } as SamplingSettings)).toThrow(RangeError);
  });
});
