import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { conditionId, noneId } from "../config/architecture.js";
import { forward, generatorWeights } from "../networks/generator.js";
import { fixture, missing } from "../testing/fixtures.js";
import { haveLibtorch } from "../testing/libtorch.js";
import { plain, plainOps } from "../testing/plain-ops.js";
import { randomGenerator, randomIds, randomOrder, tinyGenerator } from "../testing/random-model.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { type HeldOutRows, heldOutLoss } from "./held-out.js";
import { trainable } from "./parameters.js";

const rowsOf = (tokens: number[][], classes: number[]): HeldOutRows => ({
  path: "rows.jsonl",
  rows: tokens.length,
  length: tokens[0]!.length,
  read: async (indices) => ({
    tokens: Array.from(indices).flatMap((i) => tokens[i]!),
    classes: Array.from(indices, (i) => classes[i]!),
  }),
});

/** Mean loss and accuracy by the definition, one row after the other in plain JavaScript. */
async function byDefinition(
  weights: TensorSource,
  tokens: number[][],
  conditions: number[],
  order: readonly number[],
) {
  const parameters = new Map<string, ReturnType<typeof plain>>();
  for (const { name, shape } of weights.tensors.values())
    parameters.set(name, plain(shape, await weights.readFloat32(name)));
  const K = tinyGenerator.codebookSize;
  const L = tinyGenerator.tokens;
  let [loss, right] = [0, 0];
  for (const [r, row] of tokens.entries()) {
    const ordered = order.map((index) => row[index]!);
    const { data } = forward(
      plainOps,
      tinyGenerator,
      generatorWeights(tinyGenerator, (n) => parameters.get(n)!),
      {
        tokens: plain([1, L], ordered, true),
        condition: plain([1, 1], [conditions[r]!], true),
        order: plain([1, L], order, true),
      },
    );
    for (const [place, token] of ordered.entries()) {
      const logits = Array.from({ length: K }, (_, k) => data[place * K + k]!);
      const top = Math.max(...logits);
      loss += Math.log(logits.reduce((sum, x) => sum + Math.exp(x - top), 0)) + top - logits[token]!;
      right += logits.indexOf(top) === token ? 1 : 0;
    }
  }
  return { loss: loss / (tokens.length * L), accuracy: right / (tokens.length * L) };
}

describe.skipIf(!haveLibtorch)("held-out loss", () => {
  const { weights } = randomGenerator();
  const L = tinyGenerator.tokens;
  const ids = randomIds(3, 5 * L, tinyGenerator.codebookSize);
  const tokens = Array.from({ length: 5 }, (_, r) => [...ids.subarray(r * L, (r + 1) * L)]);
  const classes = [0, 4, 2, 2, 1];
  let parameters: Awaited<ReturnType<typeof trainable>> = new Map();
  afterEach(() => {
    for (const x of parameters.values()) x.dispose();
  });

  it("is the mean over all rows, also where the last batch is smaller", async () => {
    parameters = await trainable(weights);
    const raster = Array.from({ length: L }, (_, i) => i);
    const found = await heldOutLoss({ config: tinyGenerator, parameters }, rowsOf(tokens, classes), {
      batch: 2,
    });
    const conditions = classes.map((label) => conditionId(tinyGenerator, label));
    const expected = await byDefinition(weights, tokens, conditions, raster);
    expect(found.rows).toBe(5);
    expect(found.loss).toBeCloseTo(expected.loss, 5);
    expect(found.accuracy).toBeCloseTo(expected.accuracy, 6);
  });

  it("looks at the rows asked for, without their class, in another order", async () => {
    parameters = await trainable(weights);
    const order = [...randomOrder(7, L)];
    const found = await heldOutLoss({ config: tinyGenerator, parameters }, rowsOf(tokens, classes), {
      limit: 3,
      order,
      condition: "none",
    });
    const none = [0, 0, 0].map(() => noneId(tinyGenerator));
    const expected = await byDefinition(weights, tokens.slice(0, 3), none, order);
    expect(found.rows).toBe(3);
    expect(found.loss).toBeCloseTo(expected.loss, 5);
  });

  it("refuses tokens of pictures of another size", async () => {
    parameters = await trainable(weights);
    const model = { config: tinyGenerator, parameters };
    await expect(heldOutLoss(model, rowsOf([[1, 2, 3]], [0]))).rejects.toThrow(
      'The rows of "rows.jsonl" have 3 tokens, and the generator\'s images have 16',
    );
    await expect(heldOutLoss(model, { ...rowsOf(tokens, classes), rows: 0 })).rejects.toThrow("no rows");
  });
});

describe.skipIf(!haveLibtorch || missing("cifar10/expected.json"))(
  "held-out loss of a recorded generator",
  () => {
    it("is the recorded one on the first rows", async () => {
      const folder = fixture("cifar10")!;
      const { teacher_forced: recorded } = JSON.parse(readFileSync(join(folder, "expected.json"), "utf8"));
      const lines = readFileSync(join(folder, "tokens_test.jsonl"), "utf8").split("\n").slice(0, 50);
      const rows = lines.map((line) => JSON.parse(line) as { class_id: number; tokens: number[] });
      const { locateModel, openModel } = await import("../weights/model-folder.js");
      await using model = await openModel(await locateModel(folder, { parts: ["generator"] }));
      const { config, weights } = model.generator!;
      const parameters = await trainable(weights);
      const read = rowsOf(
        rows.map((row) => row.tokens),
        rows.map((row) => row.class_id),
      );
      const { loss } = await heldOutLoss({ config, parameters }, read);
      const byRow = recorded.conditional_ce_by_row_first_50 as number[];
      expect(loss).toBeCloseTo(byRow.reduce((a, b) => a + b, 0) / 50, 5);
      for (const x of parameters.values()) x.dispose();
    });
  },
);
