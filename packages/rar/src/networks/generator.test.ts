import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { conditionId, type GeneratorConfig, noneId } from "../config/architecture.js";
import { deviation } from "../testing/against-plain.js";
import { fixture, missing } from "../testing/fixtures.js";
import { type Plain, plain, plainOps } from "../testing/plain-ops.js";
import { randomGenerator, randomIds, randomOrder, tinyGenerator } from "../testing/random-model.js";
import { openTensorFile } from "../weights/open.js";
import type { TensorSource } from "../weights/tensor-file.js";
import {
  clsId,
  forward,
  type GeneratorWeights,
  generatorWeights,
  inputTables,
  modulationTable,
  noPlaceRow,
  placeRow,
  step,
  unpackModulation,
} from "./generator.js";
import type { Past } from "./ops.js";

async function plainWeights(config: GeneratorConfig, source: TensorSource): Promise<GeneratorWeights<Plain>> {
  const loaded = new Map<string, Plain>();
  for (const { name, shape } of source.tensors.values())
    loaded.set(name, plain(shape, await source.readFloat32(name)));
  return generatorWeights(config, (name) => loaded.get(name)!);
}

/** Logits [L + 1][K] of one row. */
function rowsOf(
  config: GeneratorConfig,
  weights: GeneratorWeights<Plain>,
  tokens: ArrayLike<number>,
  condition: number,
  order: ArrayLike<number> = Array.from({ length: config.tokens }, (_, i) => i),
  withoutLast = false,
): number[][] {
  const { tokens: L, codebookSize: K } = config;
  const inputs = {
    tokens: plain([1, L], tokens, true),
    condition: plain([1, 1], [condition], true),
    order: plain([1, L], order, true),
  };
  const logits = forward(plainOps, config, weights, inputs, { withoutLast });
  const length = withoutLast ? L : L + 1;
  expect(logits.shape).toEqual([1, length, K]);
  return Array.from({ length }, (_, j) => [...logits.data.subarray(j * K, (j + 1) * K)]);
}

describe.skipIf(missing("rar_tiny"))("forward against the reference, in float64", () => {
  const config: GeneratorConfig = {
    width: 64,
    depth: 3,
    heads: 4,
    mlpWidth: 160,
    codebookSize: 128,
    tokens: 16,
    classes: 10,
  };

  it.each(["raster", "random"])("%s order: logits of two rows within 2e-5", async (kind) => {
    await using file = await openTensorFile(fixture("rar_tiny/generator.safetensors")!);
    await using recorded = await openTensorFile(fixture("rar_tiny/forward.safetensors")!);
    const weights = await plainWeights(config, file);
    const [tokens, orders, conditions, logits] = (await Promise.all(
      ["tokens", "orders", "condition", `${kind}.logits`].map((name) => recorded.readFloat32(name)),
    )) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const { tokens: L, codebookSize: K } = config;
    for (const row of [0, 3]) {
      const raster = Array.from({ length: L }, (_, i) => i);
      const order = kind === "random" ? [...orders.subarray(row * L, (row + 1) * L)] : raster;
      const ordered = order.map((index) => tokens[row * L + index]!);
      const found = rowsOf(config, weights, ordered, conditions[row]!, order).flat();
      const size = (L + 1) * K;
      expect(deviation(found, logits.subarray(row * size, (row + 1) * size))).toBeLessThan(2e-5);
    }
  });
});

describe("a small random generator", () => {
  const config = tinyGenerator;
  const { tokens: L, codebookSize: K } = config;
  let weights: GeneratorWeights<Plain>;
  beforeAll(async () => {
    weights = await plainWeights(config, randomGenerator(config).weights);
  });
  const runs = { numRuns: 5 };
  const cases = fc.record({ seed: fc.nat(1e6), place: fc.nat(L - 1) });

  it("leaves the position out that predicts nothing, and nothing else changes", () => {
    const tokens = randomIds(3, config.tokens, config.codebookSize);
    const order = randomOrder(4, config.tokens);
    const all = rowsOf(config, weights, tokens, conditionId(config, 1), order);
    expect(rowsOf(config, weights, tokens, conditionId(config, 1), order, true)).toEqual(all.slice(0, -1));
  });

  it("a prediction does not see the token it predicts, nor any later one", () => {
    fc.assert(
      fc.property(cases, ({ seed, place }) => {
        const tokens = randomIds(seed, L, K);
        const changed = tokens.slice();
        changed[place] = (changed[place]! + 1) % K;
        const c = conditionId(config, seed % config.classes);
        const [before, after] = [rowsOf(config, weights, tokens, c), rowsOf(config, weights, changed, c)];
        expect(after.slice(0, place + 1)).toEqual(before.slice(0, place + 1));
        for (let j = place + 1; j < L; j++) expect(after[j]).not.toEqual(before[j]);
      }),
      runs,
    );
  });

  it("a prediction knows which place it is for, and no place after that", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 0, max: L - 2 }), (seed, place) => {
        const order = randomOrder(seed, L);
        const changed = order.slice();
        [changed[place], changed[place + 1]] = [changed[place + 1]!, changed[place]!];
        const tokens = randomIds(seed + 1, L, K);
        const c = noneId(config);
        const before = rowsOf(config, weights, tokens, c, order);
        const after = rowsOf(config, weights, tokens, c, changed);
        expect(after.slice(0, place)).toEqual(before.slice(0, place));
        expect(after[place]).not.toEqual(before[place]);
      }),
      runs,
    );
  });

  it("every prediction depends on the condition", () => {
    const tokens = randomIds(1, L, K);
    const [a, b] = [0, 1].map((label) => rowsOf(config, weights, tokens, conditionId(config, label)));
    for (let j = 0; j < L; j++) expect(a![j]).not.toEqual(b![j]);
  });

  it("steps of any number of positions give the training form's logits", () => {
    fc.assert(
      fc.property(
        fc.nat(1e6),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: L + 1, maxLength: L + 1 }),
        (seed, widths) => {
          const tokens = randomIds(seed, L, K);
          const order = randomOrder(seed + 1, L);
          const condition = conditionId(config, seed % config.classes);
          const expected = rowsOf(config, weights, tokens, condition, order);
          // What stands at each position 0 .. L, its place, and the place that comes next.
          const content = [clsId(config), condition, ...tokens];
          const where = [0, 1, ...[...order].map(placeRow)];
          const next = [noPlaceRow(config), ...[...order].map(placeRow), noPlaceRow(config)];
          let past: Past<Plain>[] = [];
          for (let start = 0, i = 0; start <= L; start += widths[i++]!) {
            const at = Array.from({ length: Math.min(widths[i]!, L + 1 - start) }, (_, j) => start + j);
            const pick = (values: ArrayLike<number>): number[] => at.map((p) => values[p]!);
            const table = modulationTable(
              plainOps,
              config,
              weights,
              plain(
                [at.length],
                at.map(() => condition),
                true,
              ),
              plain([at.length], at, true),
            ); // [T, 1, parts * D]
            const modulation = plainOps.transpose(table, [1, 0, 2]); // [1, T, parts * D]
            const { logits, cache } = step(plainOps, config, weights, {
              tables: inputTables(plainOps, config, weights),
              content: plain([1, at.length], pick(content), true),
              where: plain([at.length], pick(where), true),
              next: plain([at.length], pick(next), true),
              modulation: unpackModulation(plainOps, modulation, config.depth, -1),
              past,
            });
            past = cache.map(({ k, v }, layer) => {
              const join = (old: Plain | undefined, fresh: Plain): Plain =>
                old ? plainOps.concat([old, fresh], 2) : fresh;
              const length = start + at.length;
              const mask = plain([1, 1, 1, length], new Float64Array(length));
              return { k: join(past[layer]?.k, k), v: join(past[layer]?.v, v), mask };
            });
            for (const [j, position] of at.entries()) {
              if (position === 0) continue; // the class token predicts nothing
              const found = logits.data.subarray(j * K, (j + 1) * K);
              expect(deviation(found, expected[position - 1]!), `position ${position}`).toBeLessThan(1e-10);
            }
          }
        },
      ),
      runs,
    );
  });
});
