import fc from "fast-check";
import * as torch from "libtorch";
import { describe, expect, it } from "vitest";
import { drawToken } from "../../drawing/draw.js";
import { combine } from "../../drawing/guidance.js";
import { GumbelNoise, tokenDomain } from "../../drawing/noise.js";
import { haveLibtorch } from "../../testing/libtorch.js";
import { randomArray } from "../../testing/random-model.js";
import * as device from "./draw.js";
import * as noise from "./noise.js";

const optional = <V>(value: fc.Arbitrary<V>): fc.Arbitrary<V | undefined> =>
  fc.option(value, { nil: undefined });

describe.skipIf(!haveLibtorch)("drawing on libtorch's tensors as in JavaScript", () => {
  it("the noise is the same pure function of seed, image, place and code", () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 3 }),
        fc.nat(5000),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 41 }),
        (seed, indices, first, places, codes) => {
          const key = { kind: "philox", seed, indices, domain: tokenDomain } as const;
          const found = torch.scope(() => torch.numbers(noise.gumbelNoise(key, first, places, codes, "cpu")));
          const row = new GumbelNoise(codes);
          const expected: number[] = [];
          for (let place = first; place < first + places; place++)
            for (const index of indices) {
              row.at(seed, index, place);
              for (let code = 0; code < codes; code++) expected.push(row.of(code));
            }
          // two logarithms, each right to about a last bit; near u = 1/e the outer one is near 0 and small itself
          found.forEach((value, i) => {
            expect(Math.abs(value - expected[i]!)).toBeLessThanOrEqual(
              1e-14 * Math.max(1, Math.abs(expected[i]!)),
            );
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("the same tokens for any guidance, temperature, top-k and top-p, ties included", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.nat(1e6),
          images: fc.integer({ min: 1, max: 4 }),
          codes: fc.integer({ min: 2, max: 30 }),
          guided: fc.boolean(),
          // few levels, so that logits tie and boundaries fall between equal ones
          levels: fc.constantFrom(2, 5, 1000),
          factor: fc.double({ min: 0, max: 20, noNaN: true }),
          temperature: fc.constantFrom(0, 0.01, 0.7, 1, 1.02, 3),
          topK: optional(fc.integer({ min: 1, max: 31 })),
          topP: optional(fc.double({ min: 0.01, max: 1, noNaN: true })),
        }),
        ({ seed, images, codes, guided, levels, factor, ...draw }) => {
          const rows = guided ? 2 * images : images;
          const logits = randomArray(seed, rows * codes, 4).map((v) => Math.round(v * levels) / levels);
          const key = {
            kind: "philox",
            seed,
            indices: Array.from({ length: images }, (_, i) => i),
            domain: tokenDomain,
          } as const;
          const found = torch.scope(() => {
            const combined = device.combine(torch.tensor(logits, { shape: [rows, codes] }), images, factor);
            const gumbel = torch.select(noise.gumbelNoise(key, 3, 1, codes, "cpu"), 0, 0);
            return torch.numbers(device.drawTokens(combined, { ...draw, factor }, gumbel));
          });
          const combined = combine(logits, images, codes, factor);
          const row = new GumbelNoise(codes);
          const expected = key.indices.map((image) =>
            drawToken(combined.subarray(image * codes, (image + 1) * codes), draw, row.at(seed, image, 3)),
          );
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 300 },
    );
  });
});
