import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomArray, sourceOf } from "../../testing/random-model.js";
import { temporaryFolder } from "../../testing/temporary.js";
import { Graph } from "./graph.js";
import { onnxOps } from "./ops.js";
import {
  blockScales,
  blockSize,
  grouped,
  packBlocks,
  storedBytes,
  transposed,
  WEIGHTS_FILE,
  writeGraph,
} from "./weights.js";

const temporary = temporaryFolder();
const sizes = fc.record({
  rows: fc.integer({ min: 1, max: 70 }),
  columns: fc.integer({ min: 1, max: 140 }),
  seed: fc.nat(1e6),
});

describe("transposed", () => {
  it("moves [row, column] to [column, row], whatever the tiles", () => {
    fc.assert(
      fc.property(sizes, ({ rows, columns, seed }) => {
        const values = randomArray(seed, rows * columns);
        const out = transposed(values, rows, columns);
        for (let r = 0; r < rows; r++)
          for (let c = 0; c < columns; c++)
            if (out[c * rows + r] !== values[r * columns + c]) expect.fail(`[${r}, ${c}]`);
        expect(transposed(out, columns, rows)).toEqual(values);
      }),
      { numRuns: 30 },
    );
  });
});

describe("grouped", () => {
  it("moves [row, column] to its groups of rows and columns", () => {
    const [rows, columns, size] = [16, 24, 8];
    const values = randomArray(3, rows * columns);
    const out = grouped(values, rows, columns, size);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) {
        const group = Math.floor(r / size) * (columns / size) + Math.floor(c / size);
        expect(out[(group * size + (c % size)) * size + (r % size)]).toBe(values[r * columns + c]);
      }
  });
});

describe("blockSize", () => {
  it("is the largest of 128, 64, 32, 16 that fits evenly, else 32", () => {
    expect([128, 768, 64, 192, 96, 48, 16, 20, 50, 1].map(blockSize)).toEqual([
      128, 128, 64, 64, 32, 16, 16, 32, 32, 32,
    ]);
  });
});

/** The number at [row, column] as the operator reads it: (unsigned - zero) * scale. */
function stored(packed: Uint8Array, bits: 4 | 8, index: number): number {
  if (bits === 8) return packed[index]! - 128;
  const byte = packed[index >> 1]!;
  return (index % 2 === 0 ? byte & 15 : byte >> 4) - 8;
}

describe.each([8, 4] as const)("blocks of %i bits", (bits) => {
  const top = bits === 8 ? 127 : 7;

  it("are within half a scale of the numbers, with the largest of each block exact", () => {
    fc.assert(
      fc.property(sizes, fc.constantFrom(16, 32, 128), ({ rows, columns, seed }, block) => {
        const values = randomArray(seed, rows * columns, 3);
        const blocks = Math.ceil(columns / block);
        const scales = blockScales(values, rows, columns, block, bits);
        const packed = packBlocks(values, rows, columns, block, bits);
        expect(scales).toHaveLength(rows * blocks);
        expect(packed).toHaveLength((rows * blocks * block * bits) / 8);
        for (let r = 0; r < rows; r++) {
          for (let b = 0; b < blocks; b++) {
            const own = [
              ...values.subarray(r * columns + b * block, r * columns + Math.min((b + 1) * block, columns)),
            ];
            const largest = Math.max(...own.map(Math.abs));
            const scale = scales[r * blocks + b]!;
            expect(scale).toBe(Math.fround(largest / top));
            for (let i = 0; i < block; i++) {
              const whole = stored(packed, bits, (r * blocks + b) * block + i);
              const value = own[i] ?? 0; // past the row's end: zero
              if (Math.abs(whole) > top || Math.abs(whole * scale - value) > scale * 0.5001)
                expect.fail(`[${r}, ${b * block + i}]: ${value} is stored as ${whole} * ${scale}`);
              if (Math.abs(value) === largest) expect(Math.abs(whole)).toBe(largest === 0 ? 0 : top);
            }
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it("of zeros, of numbers near the smallest and of infinite ones give no NaN where there was none", () => {
    const zeros = new Float32Array(32);
    expect(blockScales(zeros, 1, 32, 32, bits)).toEqual(Float32Array.of(0));
    expect([...packBlocks(zeros, 1, 32, 32, bits)].every((byte) => byte === (bits === 8 ? 128 : 0x88))).toBe(
      true,
    );
    const tiny = zeros.slice().fill(1e-45, 3, 4);
    expect(stored(packBlocks(tiny, 1, 32, 32, bits), bits, 4)).toBe(0);
  });
});

describe("4-bit packing", () => {
  it("puts the first number of a pair in the low half", () => {
    const values = Float32Array.from([7, -7, 1, 0, ...new Array<number>(28).fill(0)]);
    const packed = packBlocks(values, 1, 32, 32, 4);
    expect([...packed.subarray(0, 3)]).toEqual([0x1f, 0x89, 0x88]);
  });
});

describe("writeGraph", () => {
  const given = {
    a: { data: randomArray(1, 6), shape: [2, 3] },
    b: { data: randomArray(2, 3), shape: [1, 3] },
  };
  const traced = (): Graph => {
    const graph = new Graph();
    const ops = onnxOps(graph, "float32");
    const parameter = (name: "a" | "b") => ({
      type: "float32" as const,
      shape: given[name].shape,
      parameter: { pieces: [name] },
    });
    const table = ops.concat([parameter("a"), parameter("b")], 0);
    const x = graph.input("x", "float32", [1, 3]);
    graph.output("y", ops.add(ops.linear(x, parameter("a")), ops.constant([1], [1])));
    graph.output("z", ops.add(table, x));
    graph.output("w", ops.sub(table, x));
    return graph;
  };

  it("writes each stored tensor once, on its own page, and reports the bytes", async () => {
    const folder = await mkdtemp(join(temporary, "graph-"));
    const graph = traced();
    const seen: [number, number][] = [];
    await writeGraph(graph, sourceOf(given), folder, { onBytes: (done, total) => seen.push([done, total]) });
    expect(storedBytes(graph)).toBe(4 * (6 + 1 + 9)); // a transposed, the constant, both tensors as one table
    expect(seen.at(-1)).toEqual([64, 64]);
    expect(seen.map(([done]) => done)).toEqual([...seen.map(([done]) => done)].sort((x, y) => x - y));
    const bytes = await readFile(join(folder, WEIGHTS_FILE));
    const floats = (offset: number, length: number): number[] =>
      Array.from({ length }, (_, i) => bytes.readFloatLE(offset + 4 * i));
    expect(floats(0, 6)).toEqual([...transposed(given.a.data, 2, 3)]);
    expect(floats(4096, 1)).toEqual([1]);
    expect(floats(8192, 9)).toEqual([...given.a.data, ...given.b.data]);
  });

  it("stops at the next tensor once aborted", async () => {
    const folder = await mkdtemp(join(temporary, "graph-"));
    const stop = new AbortController();
    const write = writeGraph(traced(), sourceOf(given), folder, {
      signal: stop.signal,
      onBytes: () => stop.abort(new Error("enough")),
    });
    await expect(write).rejects.toThrow("enough");
  });
});
