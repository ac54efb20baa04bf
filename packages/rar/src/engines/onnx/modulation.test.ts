import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunkSize, ModulationTables } from "./modulation.js";

const NONE = 99;
const WIDTH = 3;

/** Tables over a computation that writes condition * 1000 + position, and notes each call. */
function tables(positions: number, width = WIDTH, together = 1) {
  const calls: { condition: number; positions: number[] }[] = [];
  const made = new ModulationTables({
    positions,
    pinned: NONE,
    together,
    compute: async (conditions, at) => {
      const distinct = new Set(conditions);
      expect(distinct.size).toBeLessThanOrEqual(together); // else an image would depend on the classes beside it
      if (distinct.has(NONE)) expect(distinct.size).toBe(1); // else what stays would hold another's memory
      calls.push({ condition: conditions[0]!, positions: [...at] });
      const out = new Float32Array(conditions.length * width);
      if (width === WIDTH)
        out.forEach((_, i) => {
          const row = Math.floor(i / width);
          out[i] = conditions[row]! * 1000 + at[row]!;
        });
      return out;
    },
  });
  return { made, calls };
}

describe("chunkSize", () => {
  it("cuts any count into chunks near 32 of which the last is no needless rest", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1030 }), (positions) => {
        const chunk = chunkSize(positions);
        const count = Math.ceil(positions / chunk);
        expect(chunk).toBeLessThanOrEqual(48);
        if (positions >= 32) expect(chunk).toBeGreaterThanOrEqual(22);
        expect(count * chunk - positions).toBeLessThan(count);
      }),
    );
    expect(chunkSize(257)).toBe(33);
    expect(chunkSize(65)).toBe(33);
  });
});

describe("ModulationTables", () => {
  it("gives every position of every chunk of every condition", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 300 }),
        fc.array(fc.nat(20), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 3 }),
        async (positions, conditions, together) => {
          const { made, calls } = tables(positions, WIDTH, together);
          for (let chunk = 0; chunk * made.chunk < positions; chunk++) {
            const found = await made.get([...conditions, NONE], chunk);
            const length = Math.min(made.chunk, positions - chunk * made.chunk);
            expect([...found.keys()].sort()).toEqual([...new Set([...conditions, NONE])].sort());
            for (const [condition, table] of found) {
              const wanted = Array.from({ length: length * WIDTH }, (_, i) =>
                Math.fround(condition * 1000 + chunk * made.chunk + Math.floor(i / WIDTH)),
              );
              expect([...table]).toEqual(wanted);
            }
          }
          const classes = new Set(conditions).size;
          const each = Math.ceil(classes / together) + 1;
          expect(calls).toHaveLength(each * Math.ceil(positions / made.chunk)); // each made once
        },
      ),
      { numRuns: 20 },
    );
  });

  it("computes nothing twice, and hands out the same array", async () => {
    const { made, calls } = tables(40);
    const first = await made.get([1, 2, NONE], 0);
    const second = await made.get([2, NONE, 3], 0);
    expect(calls.map(({ condition }) => condition)).toEqual([1, 2, NONE, 3]);
    expect(second.get(2)).toBe(first.get(2));
  });

  // 16 MiB a chunk, never written to, so no memory is really taken: eight of them are kept.
  const wide = 2 ** 19;
  const conditions = (calls: { condition: number }[]): number[] => calls.map(({ condition }) => condition);

  it("keeps as many as fit, drops the one not used for longest, and never the pinned one", async () => {
    const { made, calls } = tables(8, wide);
    await made.get([NONE], 0);
    for (let c = 0; c < 8; c++) await made.get([c], 0);
    await made.get([0], 0); // used again: now 1 is the oldest
    expect(calls).toHaveLength(9);
    await made.get([8], 0);
    calls.length = 0;
    await made.get([0, 2, 3, 4, 5, 6, 7, 8, NONE], 0);
    expect(conditions(calls)).toEqual([]);
    await made.get([1], 0);
    expect(conditions(calls)).toEqual([1]);
    calls.length = 0;
    await made.get([NONE], 0);
    expect(calls).toEqual([]);
  });

  it("counts what two share as long as one of them is kept", async () => {
    const { made, calls } = tables(8, wide, 2);
    await made.get([0, 1, 2, 3, 4, 5, 6, 7], 0); // four pairs: all there is room for
    await made.get([0, 2, 4, 6], 0); // of each pair one is used again
    await made.get([8], 0); // goes: 1, 3, 5, 7, which free nothing, and 0
    calls.length = 0;
    for (const kept of [2, 4, 6, 8]) await made.get([kept], 0);
    expect(conditions(calls)).toEqual([]);
    await made.get([0], 0);
    expect(conditions(calls)).toEqual([0]);
  });

  it("gives all conditions of a batch that is larger than what is kept", async () => {
    const { made, calls } = tables(8, wide);
    const batch = Array.from({ length: 12 }, (_, c) => c);
    const found = await made.get(batch, 0);
    expect([...found.keys()]).toEqual(batch);
    expect([...found.values()].every((table) => table.length === 8 * wide)).toBe(true);
    expect(calls).toHaveLength(12);
    await made.get([11], 0);
    expect(calls).toHaveLength(12);
    await made.get([0], 0);
    expect(calls).toHaveLength(13);
  });

  it("is not spoilt by a computation that fails", async () => {
    let fail = true;
    const made = new ModulationTables({
      positions: 4,
      pinned: NONE,
      compute: async (_, at) => {
        if (fail) throw new Error("out of memory");
        return new Float32Array(at.length);
      },
    });
    await expect(made.get([1], 0)).rejects.toThrow("out of memory");
    fail = false;
    expect((await made.get([1], 0)).get(1)).toHaveLength(4);
  });
});
