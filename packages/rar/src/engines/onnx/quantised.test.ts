import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionId, type GeneratorConfig } from "../../config/architecture.js";
import { asPlain } from "../../testing/against-plain.js";
import { plainOps, volume } from "../../testing/plain-ops.js";
import {
  randomArray,
  randomGenerator,
  randomIds,
  sourceOf,
  tinyGenerator,
} from "../../testing/random-model.js";
import { useTemporaryCache } from "../../testing/temporary.js";
import { OnnxEngine } from "./engine.js";
import { askMachine } from "./machine.js";
import { blockSize, packBlocks, scalesOf, transposedBytes } from "./weights.js";

useTemporaryCache();
const { levels } = await askMachine();

/** Root mean square of the difference as a share of what is expected. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [error, whole] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i]! - expected[i]!) ** 2;
    whole += expected[i]! ** 2;
  }
  return Math.sqrt(error / whole);
}

/** The numbers that the stored ones stand for. */
const rounded = {
  int8: (values: Float32Array, rows: number, columns: number): Float32Array => {
    const bytes = transposedBytes(values, rows, columns);
    const scales = scalesOf(values, rows, columns, columns, 127);
    return values.map((_, i) => {
      const [r, c] = [Math.floor(i / columns), i % columns];
      return bytes[c * rows + r]! * scales[r]!;
    });
  },
  int4: (values: Float32Array, rows: number, columns: number): Float32Array => {
    const block = blockSize(columns);
    const blocks = Math.ceil(columns / block);
    const packed = packBlocks(values, rows, columns, block);
    const scales = scalesOf(values, rows, columns, block, 7);
    return values.map((_, i) => {
      const [r, c] = [Math.floor(i / columns), i % columns];
      const at = r * blocks * block + c;
      const unsigned = (packed[at >> 1]! >> (4 * (at % 2))) & 15;
      return (unsigned - 8) * scales[r * blocks + Math.floor(c / block)]!;
    });
  },
};

describe.each([
  // Of the numbers' own rounding on the way in, and of the whole network's logits.
  { precision: "int8", network: 0.03 },
  { precision: "int4", network: 0.4 },
] as const)("$precision", ({ precision, network }) => {
  let engine: OnnxEngine;
  beforeAll(() => {
    engine = new OnnxEngine({ precision, threads: 2 });
  });
  afterAll(() => engine.dispose());

  it("linear multiplies with the rounded weights, in blocks that fit and in blocks that do not", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(16, 20, 32, 50, 96, 130, 256),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        fc.nat(1e6),
        async (columns, rows, lead, biased, seed) => {
          const shape = [...lead, columns];
          const x = { data: randomArray(seed, volume(shape)), shape };
          const w = { data: randomArray(seed + 1, rows * columns), shape: [rows, columns] };
          const b = { data: randomArray(seed + 2, rows), shape: [rows] };
          const { y } = await engine.evaluate(
            (ops, get, inputs) => ({ y: ops.linear(inputs.x!, get("w"), biased ? get("b") : undefined) }),
            sourceOf({ w, b }),
            { x },
          );
          const expected = plainOps.linear(
            asPlain(x),
            asPlain({ ...w, data: rounded[precision](w.data, rows, columns) }),
            biased ? asPlain(b) : undefined,
          );
          // What is left is the rounding of x to 8 bits, or 7, whatever the weights' precision; a misplaced number is off by 1.
          const scale = Math.sqrt(columns / 9) * (precision === "int8" && levels === 63 ? 1.5 : 1);
          for (const [i, value] of expected.data.entries())
            expect(Math.abs(y!.data[i]! - value)).toBeLessThan(0.02 * scale + 1e-6);
        },
      ),
      { numRuns: 12, endOnFailure: true },
    );
  });

  it("leaves everything but linear layers exact", async () => {
    const table = { data: randomArray(1, 24), shape: [6, 4] };
    const x = { data: randomArray(2, 8), shape: [1, 2, 4] };
    const ids = { data: Int32Array.of(5, 0), shape: [1, 2] };
    const exact = new OnnxEngine({ threads: 2 });
    const run = (one: OnnxEngine) =>
      one.evaluate(
        (ops, get, inputs) => {
          const e = ops.embedding(get("table"), inputs.ids!);
          return { e, n: ops.gelu(ops.matmul(e, ops.transpose(inputs.x!, [0, 2, 1]))) };
        },
        sourceOf({ table }),
        { x, ids },
      );
    expect(await run(engine)).toEqual(await run(exact));
    await exact.dispose();
  });

  it("a network's logits stay near those of float32", async () => {
    const config: GeneratorConfig = { ...tinyGenerator, width: 128, mlpWidth: 256, heads: 4 };
    const model = randomGenerator(config, 6);
    const exact = new OnnxEngine({ threads: 2 });
    const rows = async (one: OnnxEngine): Promise<number[]> => {
      const generator = await one.loadGenerator(model);
      const conditions = Int32Array.of(conditionId(config, 0), conditionId(config, 3));
      await using session = await generator.open({ conditions, guided: true });
      const out = [...(await session.prefill())];
      for (let i = 1; i < config.tokens; i++)
        out.push(...(await session.step(randomIds(i, 2, config.codebookSize))));
      return out;
    };
    const [near, float] = [await rows(engine), await rows(exact)];
    await exact.dispose();
    const error = relativeError(near, float);
    expect(error).toBeGreaterThan(1e-4); // it is not float32 under another name
    expect(error).toBeLessThan(network);
  });
});

describe("int8", () => {
  it("gives a row the same bits beside rows of zeros, of large numbers and of any count, and zeros the bias", async () => {
    await using engine = new OnnxEngine({ precision: "int8", threads: 2 });
    const [rows, columns] = [40, 96];
    const w = { data: randomArray(1, rows * columns), shape: [rows, columns] };
    const b = { data: randomArray(2, rows), shape: [rows] };
    const linear = async (x: Float32Array): Promise<Float32Array> => {
      const { y } = await engine.evaluate(
        (ops, get, inputs) => ({ y: ops.linear(inputs.x!, get("w"), get("b")) }),
        sourceOf({ w, b }),
        { x: { data: x, shape: [x.length / columns, columns] } },
      );
      return y!.data as Float32Array;
    };
    const x = randomArray(3, 13 * columns);
    x.fill(0, columns, 2 * columns);
    for (let i = 2 * columns; i < 3 * columns; i++) x[i] = 1e6 * x[i]!;
    const together = await linear(x);
    expect(together.subarray(rows, 2 * rows)).toEqual(b.data);
    for (const [first, count] of [
      [0, 1],
      [2, 1],
      [3, 2],
      [3, 7],
    ] as const) {
      const alone = await linear(x.slice(first * columns, (first + count) * columns));
      expect(alone).toEqual(together.subarray(first * rows, (first + count) * rows));
    }
  });

  it("gives what comes out of GELU, hardly ever below zero, all the bytes there are", async () => {
    await using engine = new OnnxEngine({ precision: "int8", threads: 2 });
    const [rows, columns, count] = [32, 96, 50];
    const w = { data: randomArray(1, rows * columns), shape: [rows, columns] };
    const b = { data: randomArray(2, rows), shape: [rows] };
    const x = { data: randomArray(3, count * columns, 3), shape: [count, columns] };
    const { y, plain } = await engine.evaluate(
      (ops, get, inputs) => {
        const heard = ops.gelu(inputs.x!);
        const same = ops.mul(heard, ops.constant([1], [1])); // which the engine knows nothing of
        return {
          y: ops.linear(heard, get("w"), get("b")),
          plain: ops.linear(same, get("w"), get("b")),
        };
      },
      sourceOf({ w, b }),
      { x },
    );
    const weights = asPlain({ ...w, data: rounded.int8(w.data, rows, columns) });
    const { data } = plainOps.linear(plainOps.gelu(asPlain(x)), weights, asPlain(b));
    expect(relativeError(plain!.data, data)).toBeLessThan(0.02);
    expect(relativeError(y!.data, data)).toBeLessThan(0.6 * relativeError(plain!.data, data));
  });
});
