import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomArray } from "../../testing/random-model.js";
import { BLOCK, cacheBytes, KeyValueCache } from "./kv-cache.js";

const shapes = fc.record({
  layers: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 2 }),
  heads: fc.integer({ min: 1, max: 3 }),
  headWidth: fc.integer({ min: 1, max: 4 }).map((half) => 2 * half),
  positions: fc.integer({ min: 1, max: 110 }),
});

describe("KeyValueCache", () => {
  it("holds what a plain list would, through every growth, however many positions come at once and hold", () => {
    const steps = fc.array(fc.record({ positions: fc.integer({ min: 1, max: 9 }), kept: fc.nat(8) }), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(shapes, fc.nat(1e6), steps, (shape, seed, cycle) => {
        const { layers, rows, heads, headWidth: d, positions } = shape;
        const cache = new KeyValueCache(shape);
        const stored: { packed: Float32Array; positions: number; at: number }[] = [];
        for (let step = 0; cache.length < positions; step++) {
          const wanted = cycle[step % cycle.length]!;
          const room = Math.min(BLOCK - (cache.length % BLOCK), positions - cache.length);
          const count = Math.min(wanted.positions, 1 + wanted.kept, room);
          const packed = randomArray(seed + step, 2 * layers * rows * wanted.positions * heads * d);
          const length = cache.length + count;
          const whole = length - (length % BLOCK || (length === positions ? BLOCK : 0)); // the last block joins no other
          const grows = whole > cache.whole;
          expect(cache.append(packed, wanted.positions, count)).toBe(grows);
          for (let at = 0; at < count; at++) stored.push({ packed, positions: wanted.positions, at });
          expect([cache.length, cache.whole]).toEqual([stored.length, whole]);
          if (cache.length < positions && step % 13 !== 0) continue;
          for (let i = 0; i < 2 * layers; i++) {
            expect(cache.past(i)).toHaveLength(rows * heads * whole * d);
            for (let r = 0; r < rows; r++)
              for (let h = 0; h < heads; h++)
                for (const [p, { packed, positions: T, at }] of stored.entries()) {
                  const [view, length, index] =
                    p < whole ? [cache.past(i), whole, p] : [cache.recent(i), BLOCK, p - whole];
                  const there = ((r * heads + h) * length + index) * d;
                  const given = (((i * rows + r) * heads + h) * T + at) * d;
                  for (let j = 0; j < d; j++)
                    if (view[there + j] !== packed[given + j])
                      expect.fail(`buffer ${i}, row ${r}, head ${h}, position ${p}`);
                }
            // Masked places are multiplied with weight 0: they must be numbers, or 0 times them is none.
            expect(cache.recent(i).every(Number.isFinite)).toBe(true);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it("keeps the bits of numbers that no arithmetic would keep", () => {
    const cache = new KeyValueCache({ layers: 1, rows: 1, heads: 1, headWidth: 4, positions: 2 });
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
    expect(bits(cache.recent(0).subarray(0, 4))).toEqual(bits(values.subarray(0, 4)));
    expect(bits(cache.recent(1).subarray(0, 4))).toEqual(bits(values.subarray(4)));
  });

  it("takes a part of a larger array", () => {
    const cache = new KeyValueCache({ layers: 1, rows: 1, heads: 2, headWidth: 2, positions: 1 });
    const large = Float32Array.from({ length: 20 }, (_, i) => i);
    cache.append(large.subarray(4, 12));
    expect([...cache.recent(0).subarray(0, 2), ...cache.recent(1).subarray(0, 2)]).toEqual([4, 5, 8, 9]);
  });

  it("is given its memory at once: views stay in the same buffer, as large as was said", () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const cache = new KeyValueCache(shape);
        const buffers = () =>
          Array.from({ length: 2 * shape.layers }, (_, i) => [cache.past(i), cache.recent(i)]).flatMap(
            (views) => views.map(({ buffer }) => buffer),
          );
        const before = buffers();
        expect(before.reduce((sum, buffer) => sum + buffer.byteLength, 0)).toBe(cacheBytes(shape));
        const packed = new Float32Array(2 * shape.layers * shape.rows * shape.heads * shape.headWidth);
        for (let i = 0; i < shape.positions; i++) cache.append(packed);
        for (const [i, buffer] of buffers().entries()) expect(buffer).toBe(before[i]);
      }),
      { numRuns: 20 },
    );
  });

  it("refuses what it cannot hold: an odd head width, and positions beyond the block", () => {
    const shape = { layers: 1, rows: 1, heads: 1, headWidth: 2, positions: 64 };
    expect(() => new KeyValueCache({ ...shape, headWidth: 3 })).toThrow(/even, it is 3/);
    const cache = new KeyValueCache(shape);
    for (let i = 0; i < 30; i++) cache.append(new Float32Array(4));
    expect(() => cache.append(new Float32Array(12), 3, 3)).toThrow(/3 positions do not fit a block with 30/);
  });
});
