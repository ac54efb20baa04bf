import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomArray } from "../../testing/random-model.js";
import { BUCKET, cacheBytes, KeyValueCache } from "./kv-cache.js";

const shapes = fc.record({
  layers: fc.integer({ min: 1, max: 3 }),
  sequences: fc.integer({ min: 1, max: 6 }),
  headWidth: fc.integer({ min: 1, max: 4 }).map((half) => 2 * half),
  positions: fc.integer({ min: 1, max: 110 }),
});

describe("KeyValueCache", () => {
  it("holds what a plain list would, through every growth", () => {
    fc.assert(
      fc.property(shapes, fc.nat(1e6), (shape, seed) => {
        const { layers, sequences, headWidth: d, positions } = shape;
        const cache = new KeyValueCache(shape);
        const stored: Float32Array[] = [];
        for (let position = 0; position < positions; position++) {
          const packed = randomArray(seed + position, 2 * layers * sequences * d);
          const grew = cache.append(packed);
          stored.push(packed);
          expect(grew).toBe(position > 0 && position % BUCKET === 0);
          expect(cache.length).toBe(position + 1);
          expect(cache.bucket).toBe(BUCKET * Math.ceil((position + 1) / BUCKET));
          if (position + 1 < positions && position % 13 !== 0) continue;
          for (let i = 0; i < 2 * layers; i++) {
            const view = cache.view(i);
            expect(view).toHaveLength(sequences * cache.bucket * d);
            for (let s = 0; s < sequences; s++) {
              for (const [p, numbers] of stored.entries()) {
                const [there, given] = [(s * cache.bucket + p) * d, (i * sequences + s) * d];
                for (let j = 0; j < d; j++)
                  if (view[there + j] !== numbers[given + j])
                    expect.fail(`buffer ${i}, sequence ${s}, position ${p}`);
              }
            }
            // Masked places are multiplied with weight 0: they must be numbers, or 0 times them is none.
            expect(view.every(Number.isFinite)).toBe(true);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it("keeps the bits of numbers that no arithmetic would keep", () => {
    const cache = new KeyValueCache({ layers: 1, sequences: 1, headWidth: 4, positions: 2 });
    const values = Float32Array.from([
      -0,
      1e-45,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      3e38,
      -1e-45,
      0,
      -3e38,
    ]);
    cache.append(values);
    const bits = (array: Float32Array): Uint32Array => new Uint32Array(array.slice().buffer);
    expect(bits(cache.view(0).subarray(0, 4))).toEqual(bits(values.subarray(0, 4)));
    expect(bits(cache.view(1).subarray(0, 4))).toEqual(bits(values.subarray(4)));
  });

  it("takes a part of a larger array", () => {
    const cache = new KeyValueCache({ layers: 1, sequences: 2, headWidth: 2, positions: 1 });
    const large = Float32Array.from({ length: 20 }, (_, i) => i);
    cache.append(large.subarray(4, 12));
    expect([...cache.view(0).subarray(0, 2), ...cache.view(1).subarray(0, 2)]).toEqual([4, 5, 8, 9]);
  });

  it("is given its memory at once: views stay in the same buffer, as large as was said", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const cache = new KeyValueCache(shape);
        const buffers = Array.from({ length: 2 * shape.layers }, (_, i) => cache.view(i).buffer);
        expect(buffers.reduce((sum, buffer) => sum + buffer.byteLength, 0)).toBe(cacheBytes(shape));
        const packed = new Float32Array(2 * shape.layers * shape.sequences * shape.headWidth);
        for (let i = 0; i < shape.positions; i++) cache.append(packed);
        for (const [i, buffer] of buffers.entries()) expect(cache.view(i).buffer).toBe(buffer);
      }),
      { numRuns: 20 },
    );
  });

  it("refuses an odd head width, which it cannot copy in pairs", () => {
    const shape = { layers: 1, sequences: 1, headWidth: 3, positions: 4 };
    expect(() => new KeyValueCache(shape)).toThrow(/even, it is 3/);
  });
});
