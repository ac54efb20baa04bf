import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomArray } from "../../testing/random-model.js";
import { BARRIER_AT } from "./barrier.js";
import { compileKernels, DOT_IS_RIGHT, instantiate, PAGE } from "./kernels.js";
import { BLOCK_TAIL, TILE } from "./products.js";
import { Space } from "./space.js";
import { blockCount, packTiles, type TiledShape, tileBytes, tileCount, tiledBytes } from "./tiles.js";
import { WebAssembly } from "./webassembly.js";

const module = compileKernels();
const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536, shared: true });
const kernels = instantiate(module, memory);
const withEitherDot = (DOT_IS_RIGHT ? [false, true] : [false]).map((inOne) =>
  instantiate(compileKernels(inOne), memory),
);

/** Numbers laid one after the other into the memory, each on its own cache lines; addresses. */
function put(...arrays: readonly (Float32Array | Uint8Array)[]): number[] {
  let at = PAGE;
  return arrays.map((array) => {
    const address = at;
    new Uint8Array(memory.buffer, address, array.byteLength).set(
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    );
    at += 64 * Math.ceil(array.byteLength / 64) + 64;
    return address;
  });
}
const floats = (at: number, length: number): Float32Array =>
  new Float32Array(memory.buffer, at, length).slice();
const bytes = (at: number, length: number): Uint8Array => new Uint8Array(memory.buffer, at, length).slice();

/** [rows, columns] that packed tiles stand for. */
function unpacked(packed: Uint8Array, shape: TiledShape): Float64Array {
  const { rows, columns, block } = shape;
  const view = new DataView(packed.buffer);
  return Float64Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const [b, inBlock] = [Math.floor(column / block), column % block];
    const start = Math.floor(row / TILE) * tileBytes(shape) + b * (block * TILE + BLOCK_TAIL);
    const scale = view.getUint16(start + block * TILE + 2 * (row % TILE), true) << 16;
    const float = new Float32Array(Int32Array.of(scale).buffer)[0]!;
    return view.getInt8(start + (inBlock >> 2) * 16 + (row % TILE) * 4 + (inBlock & 3)) * float;
  });
}

const shapes = fc.record({
  rows: fc.integer({ min: 1, max: 70 }),
  columns: fc.integer({ min: 1, max: 200 }),
  block: fc.constantFrom(16, 32, 64, 128),
});

describe("tiles", () => {
  it("are within half a scale of the numbers, and their sums are the sums of what they hold", () => {
    fc.assert(
      fc.property(shapes, fc.nat(1e6), fc.constantFrom(1e-20, 1, 1e20), (shape, seed, size) => {
        const { rows, columns, block } = shape;
        const values = randomArray(seed, rows * columns, size);
        values.fill(0, 0, Math.min(block, columns)); // a block of zeros
        const packed = packTiles(values, shape);
        const near = unpacked(packed, shape);
        for (let row = 0; row < rows; row++)
          for (let b = 0; b < blockCount(shape); b++) {
            const [from, to] = [
              row * columns + b * block,
              row * columns + Math.min((b + 1) * block, columns),
            ];
            const largest = values.subarray(from, to).reduce((m, v) => Math.max(m, Math.abs(v)), 0);
            for (let i = from; i < to; i++)
              expect(Math.abs(near[i]! - values[i]!)).toBeLessThanOrEqual((largest / 127) * 0.51);
            const start = Math.floor(row / TILE) * tileBytes(shape) + b * (block * TILE + BLOCK_TAIL);
            const held = Array.from(
              { length: block },
              (_, i) => new Int8Array(packed.buffer)[start + (i >> 2) * 16 + (row % TILE) * 4 + (i & 3)]!,
            );
            expect(
              new DataView(packed.buffer).getInt16(start + block * TILE + 8 + 2 * (row % TILE), true),
            ).toBe(held.reduce((a, v) => a + v, 0));
          }
      }),
      { numRuns: 30 },
    );
  });
});

describe("quantise", () => {
  it("is within half a step everywhere, also where all numbers are equal", () => {
    const x = randomArray(1, 96, 3);
    x.fill(-2.5, 32, 64);
    const [at, q, scales] = put(x, new Uint8Array(96), new Float32Array(6)) as [number, number, number];
    kernels.quantise(at, q, scales, 3, 32);
    const [codes, pairs] = [bytes(q, 96), floats(scales, 6)];
    for (const [i, value] of x.entries()) {
      const [scale, lowest] = pairs.subarray(2 * Math.floor(i / 32)) as unknown as [number, number];
      expect(codes[i]).toBeLessThanOrEqual(127);
      expect(Math.abs(lowest + scale * codes[i]! - value)).toBeLessThanOrEqual(scale * 0.501);
    }
    expect(pairs[2]).toBe(0);
  });
});

describe("int8Product", () => {
  it("multiplies what the rows and the tiles stand for, to the same bits for any rows, streams and instruction", () => {
    fc.assert(
      fc.property(shapes, fc.nat(1e6), (shape, seed) => {
        const { rows: N, columns, block } = shape;
        const inputs = blockCount(shape) * block;
        const M = 7;
        const packed = packTiles(randomArray(seed, N * columns), shape);
        const x = new Float32Array(M * inputs);
        for (let m = 0; m < M; m++) x.set(randomArray(seed + m, columns), m * inputs);
        const scaleBytes = 8 * blockCount(shape);
        const [at, q, scales, w, y] = put(
          x,
          new Uint8Array(M * inputs),
          new Uint8Array(M * scaleBytes),
          packed,
          new Float32Array(M * 4 * tileCount(shape)),
        ) as [number, number, number, number, number];
        for (let m = 0; m < M; m++)
          kernels.quantise(
            at + 4 * m * inputs,
            q + m * inputs,
            scales + m * scaleBytes,
            blockCount(shape),
            block,
          );
        const [codes, pairs] = [bytes(q, M * inputs), floats(scales, (M * scaleBytes) / 4)];
        const weights = unpacked(packed, shape);
        const width = 4 * tileCount(shape);

        const variants = withEitherDot.flatMap(({ int8 }) => int8);
        const results = variants.flatMap((kernel) =>
          [kernel.streams, 1].map((streams) => {
            new Float32Array(memory.buffer, y, M * width).fill(Number.NaN);
            for (let m = 0; m + kernel.rows <= M; m += kernel.rows) {
              const call = (f: typeof kernel.many, from: number, tiles: number): void =>
                f(
                  q + m * inputs,
                  inputs,
                  scales + m * scaleBytes,
                  scaleBytes,
                  w + from * tileBytes(shape),
                  tiles,
                  blockCount(shape),
                  block,
                  y + 4 * (m * width + 4 * from),
                  4 * width,
                );
              const each = Math.floor(tileCount(shape) / streams);
              const done = streams === 1 ? 0 : each * streams;
              if (done > 0) call(kernel.many, 0, each);
              if (tileCount(shape) > done) call(kernel.one, done, tileCount(shape) - done);
            }
            return floats(y, Math.floor(M / kernel.rows) * kernel.rows * width);
          }),
        );
        const all = results.find(({ length }) => length === M * width)!;
        for (const one of results) expect(one).toEqual(all.subarray(0, one.length));
        for (let m = 0; m < M; m++)
          for (let n = 0; n < N; n++) {
            let sum = 0;
            for (let i = 0; i < columns; i++) {
              const b = blockCount(shape) * m + Math.floor(i / block);
              sum += weights[n * columns + i]! * (pairs[2 * b + 1]! + pairs[2 * b]! * codes[m * inputs + i]!);
            }
            expect(Math.abs(all[m * width + n]! - sum)).toBeLessThan(1e-4);
          }
      }),
      { numRuns: 20 },
    );
    expect(tiledBytes({ rows: 5, columns: 17, block: 16 })).toBe(2 * 2 * (16 * 4 + 16));
  });
});

describe("floatProduct", () => {
  it("multiplies tiles that lie apart, to the same bits for any number of streams", () => {
    const [columns, tiles, apart] = [12, 11, 12 * 16 + 48];
    const x = randomArray(5, columns);
    const w = randomArray(6, (tiles * apart) / 4);
    const [at, wAt, y] = put(x, w, new Float32Array(8 * 4 * tiles)) as [number, number, number];
    const results = kernels.float.map(({ streams, call }) => {
      const each = Math.floor(tiles / streams);
      call(at, columns, wAt, apart, each, y);
      return floats(y, 4 * streams * each);
    });
    const all = results.find(({ length }) => length === 4 * tiles)!;
    for (const one of results) expect(one).toEqual(all.subarray(0, one.length));
    for (let n = 0; n < 4 * tiles; n++) {
      let sum = 0;
      for (let k = 0; k < columns; k++) sum += x[k]! * w[(n >> 2) * (apart / 4) + 4 * k + (n & 3)]!;
      expect(all[n]).toBeCloseTo(sum, 5);
    }
  });
});

describe("rows", () => {
  it("normalise: mean 0 and variance 1, scaled and shifted", () => {
    const [x, scale, shift] = [randomArray(1, 36, 5), randomArray(2, 36), randomArray(3, 36)];
    const [at, a, b, y] = put(x, scale, shift, new Float32Array(36)) as [number, number, number, number];
    kernels.normalise(at, y, 36, a, b);
    const mean = x.reduce((s, v) => s + v, 0) / 36;
    const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / 36;
    for (const [i, value] of floats(y, 36).entries())
      expect(value).toBeCloseTo(((x[i]! - mean) / Math.sqrt(variance + 1e-6)) * scale[i]! + shift[i]!, 5);
  });

  it.each([1, 2, 3, 4, 17, 64])("softmax of %d numbers, whatever stands after them", (count) => {
    const padded = 4 * Math.ceil(count / 4);
    const x = randomArray(count, padded, 30);
    x.fill(1e9, count);
    const [at] = put(x) as [number];
    kernels.softmax(at, count, padded);
    const shown = x.subarray(0, count);
    const most = Math.max(...shown);
    const whole = shown.reduce((s, v) => s + Math.exp(v - most), 0);
    const out = floats(at, padded);
    for (let i = 0; i < count; i++)
      expect(Math.abs(out[i]! - Math.exp(shown[i]! - most) / whole)).toBeLessThan(5e-7);
    for (let i = count; i < padded; i++) expect(out[i]).toBeLessThan(1e-37);
  });

  it("biasGelu is the exact GELU, far out too", () => {
    const x = Float32Array.from({ length: 400 }, (_, i) => (i - 200) / 10);
    const bias = new Float32Array(400).fill(0.25);
    const [at, b] = put(x, bias) as [number, number];
    kernels.biasGelu(at, b, 400);
    for (const [i, value] of floats(at, 400).entries())
      expect(Math.abs(value - gelu(x[i]! + 0.25))).toBeLessThan(2e-6);
  });

  it("addBias, addGated", () => {
    const [x, y, bias, gate] = [1, 2, 3, 4].map((seed) => randomArray(seed, 8)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [xAt, yAt, biasAt, gateAt] = put(x, y, bias, gate) as [number, number, number, number];
    kernels.addGated(xAt, yAt, biasAt, gateAt, 8);
    kernels.addBias(yAt, biasAt, 4);
    for (const [i, value] of floats(xAt, 8).entries())
      expect(value).toBeCloseTo(x[i]! + gate[i]! * (y[i]! + bias[i]!), 6);
    expect([...floats(yAt, 8)]).toEqual([...y].map((v, i) => (i < 4 ? Math.fround(v + bias[i]!) : v)));
  });

  it("storeKeyValue puts a key into its lane and a value into its row", () => {
    const [key, value] = [randomArray(1, 8), randomArray(2, 8)];
    const capacity = 8;
    const [k, v, keys, values] = put(
      key,
      value,
      new Float32Array(8 * capacity),
      new Float32Array(8 * capacity),
    ) as [number, number, number, number];
    const position = 6;
    kernels.storeKeyValue(
      k,
      keys + 16 * 8 * (position >> 2) + 4 * (position & 3),
      v,
      values + 16 * position,
      16 * capacity,
      8,
    );
    const [held, heard] = [floats(keys, 8 * capacity), floats(values, 8 * capacity)];
    for (let i = 0; i < 8; i++) {
      expect(held[(8 * (position >> 2) + i) * 4 + (position & 3)]).toBe(key[i]);
      expect(heard[((i >> 2) * capacity + position) * 4 + (i & 3)]).toBe(value[i]);
    }
    expect([...held, ...heard].filter((n) => n !== 0)).toHaveLength(16);
  });
});

describe("barrier", () => {
  it("holds threads until the last one comes, long enough that they sleep, again and again", async () => {
    const counts = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
    const threads = 3;
    const program = `
      const { workerData: { module, memory, late, rounds, threads, at } } = require("node:worker_threads");
      const { barrier } = new WebAssembly.Instance(module, { env: { memory } }).exports;
      const counts = new Int32Array(memory.buffer, 1024);
      for (let round = 0; round < rounds; round++) {
        if (round === 5) Atomics.wait(counts, 1, 0, late);
        Atomics.add(counts, 0, 1);
        barrier(at, threads);
        if (Atomics.load(counts, 0) !== threads * (round + 1)) throw new Error("left too early");
        barrier(at, threads);
      }`;
    await Promise.all(
      Array.from({ length: threads }, (_, i) => {
        const worker = new Worker(program, {
          eval: true,
          workerData: { module, memory: counts, late: 50 * i, rounds: 200, threads, at: BARRIER_AT },
        });
        return new Promise<void>((resolve, reject) => {
          worker.once("error", reject);
          worker.once("exit", () => resolve());
        });
      }),
    );
    expect(new Int32Array(counts.buffer, 1024)[0]).toBe(600);
  });
});

describe("Space", () => {
  it("gives zeroed pieces that do not overlap, takes them back and uses their room again", () => {
    const own = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
    const space = new Space(own, 2 * PAGE);
    const [a, b, c] = [space.take(PAGE + 1), space.take(10), space.take(3 * PAGE)] as [
      number,
      number,
      number,
    ];
    expect([a, b, c]).toEqual([2, 4, 5].map((page) => page * PAGE));
    new Uint8Array(own.buffer, a, 8).fill(7);
    space.give(a);
    expect(space.take(2 * PAGE)).toBe(a);
    expect(new Uint8Array(own.buffer, a, 8).every((byte) => byte === 0)).toBe(true);
    space.give(b);
    expect(space.take(2 * PAGE)).toBe(8 * PAGE);
    expect(space.take(10)).toBe(b);
    expect(space.take(2 ** 32)).toBeUndefined();
    expect(space.take(10)).toBe(10 * PAGE);
  });
});

/** x * normal CDF(x), the error function by its series and its continued fraction. */
function gelu(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  let erf = 1;
  if (z < 3) {
    let term = z;
    erf = z;
    for (let n = 1; n < 80; n++) {
      term *= (-z * z) / n;
      erf += term / (2 * n + 1);
    }
    erf *= 2 / Math.sqrt(Math.PI);
  } else {
    let fraction = 0;
    for (let n = 60; n > 0; n--) fraction = n / 2 / (z + fraction);
    erf = 1 - Math.exp(-z * z) / Math.sqrt(Math.PI) / (z + fraction);
  }
  return 0.5 * x * (1 + Math.sign(x) * erf);
}
