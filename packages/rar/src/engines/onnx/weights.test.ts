import { mkdtemp, readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomArray, sourceOf } from "../../testing/random-model.js";
import { temporaryFolder } from "../../testing/temporary.js";
import { Graph } from "./graph.js";
import { onnxOps } from "./ops.js";
import {
  blockSize,
  byteSums,
  grouped,
  kernelPhase,
  packBlocks,
  scalesOf,
  storedBytes,
  transposed,
  transposedBytes,
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

describe("kernelPhase", () => {
  it("adds up the weights that meet the same pixel", () => {
    const kernel = Float32Array.of(1, 2, 4, 8, 16, 32, 64, 128, 256);
    expect([...kernelPhase(kernel, 0, 0)]).toEqual([1, 2 + 4, 8 + 64, 16 + 32 + 128 + 256]);
    expect([...kernelPhase(kernel, 0, 1)]).toEqual([1 + 2, 4, 8 + 16 + 64 + 128, 32 + 256]);
    expect([...kernelPhase(kernel, 1, 0)]).toEqual([1 + 8, 2 + 4 + 16 + 32, 64, 128 + 256]);
    expect([...kernelPhase(kernel, 1, 1)]).toEqual([1 + 2 + 8 + 16, 4 + 32, 64 + 128, 256]);
    expect(kernelPhase(Float32Array.of(...kernel, ...kernel.map((v) => -v)), 1, 1).slice(4)).toEqual(
      kernelPhase(kernel, 1, 1).map((v) => -v),
    );
  });
});

describe("blockSize", () => {
  it("is the largest of 128, 64, 32, 16 that fits evenly, else 32", () => {
    expect([128, 768, 64, 192, 96, 48, 16, 20, 50, 1].map(blockSize)).toEqual([
      128, 128, 64, 64, 32, 16, 16, 32, 32, 32,
    ]);
  });
});

/** How far [row, column] may be from what `whole` steps of its scale say. */
function check(value: number, whole: number, scale: number, largest: number, top: number): void {
  if (Math.abs(whole) > top || Math.abs(whole * scale - value) > scale * 0.5001)
    expect.fail(`${value} is stored as ${whole} * ${scale}`);
  if (Math.abs(value) === largest) expect(Math.abs(whole)).toBe(largest === 0 ? 0 : top);
}
const largestOf = (values: Float32Array): number =>
  values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe("bytes", () => {
  it("are within half a scale of the numbers, with the largest of each row exact", () => {
    fc.assert(
      fc.property(sizes, ({ rows, columns, seed }) => {
        const values = randomArray(seed, rows * columns, 3);
        const scales = scalesOf(values, rows, columns, columns, 127);
        const bytes = transposedBytes(values, rows, columns);
        expect(scales).toHaveLength(rows);
        expect(bytes).toHaveLength(rows * columns);
        const sums = byteSums(values, rows, columns);
        for (let r = 0; r < rows; r++) {
          const own = values.subarray(r * columns, (r + 1) * columns);
          const largest = largestOf(own);
          expect(scales[r]).toBe(Math.fround(largest / 127));
          let sum = 0;
          for (const [c, value] of own.entries()) {
            check(value, bytes[c * rows + r]!, scales[r]!, largest, 127);
            sum += bytes[c * rows + r]!;
          }
          expect(sums[r]).toBe(Math.fround(sum * scales[r]!));
        }
      }),
      { numRuns: 25 },
    );
  });

  it("of zeros and of numbers near the smallest are zeros", () => {
    const tiny = new Float32Array(32).fill(1e-45, 3, 4);
    expect(scalesOf(tiny, 1, 32, 32, 127)).toEqual(Float32Array.of(0));
    expect(transposedBytes(tiny, 1, 32)).toEqual(new Int8Array(32));
  });
});

describe("blocks of 4 bits", () => {
  const stored = (packed: Uint8Array, index: number): number => {
    const byte = packed[index >> 1]!;
    return (index % 2 === 0 ? byte & 15 : byte >> 4) - 8;
  };

  it("are within half a scale of the numbers, with the largest of each block exact", () => {
    fc.assert(
      fc.property(sizes, fc.constantFrom(16, 32, 128), ({ rows, columns, seed }, block) => {
        const values = randomArray(seed, rows * columns, 3);
        const blocks = Math.ceil(columns / block);
        const scales = scalesOf(values, rows, columns, block, 7);
        const packed = packBlocks(values, rows, columns, block);
        expect(scales).toHaveLength(rows * blocks);
        expect(packed).toHaveLength((rows * blocks * block) / 2);
        for (let r = 0; r < rows; r++) {
          for (let b = 0; b < blocks; b++) {
            const end = Math.min((b + 1) * block, columns);
            const own = values.subarray(r * columns + b * block, r * columns + end);
            const largest = largestOf(own);
            const scale = scales[r * blocks + b]!;
            expect(scale).toBe(Math.fround(largest / 7));
            for (let i = 0; i < block; i++)
              check(own[i] ?? 0, stored(packed, (r * blocks + b) * block + i), scale, largest, 7); // past the row's end: zero
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it("of zeros and of numbers near the smallest are zeros", () => {
    const tiny = new Float32Array(32).fill(1e-45, 3, 4);
    expect(scalesOf(tiny, 1, 32, 32, 7)).toEqual(Float32Array.of(0));
    expect(packBlocks(tiny, 1, 32, 32)).toEqual(new Uint8Array(16).fill(0x88));
  });

  it("put the first number of a pair in the low half", () => {
    const values = Float32Array.from([7, -7, 1, 0, ...new Array<number>(28).fill(0)]);
    const packed = packBlocks(values, 1, 32, 32);
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
