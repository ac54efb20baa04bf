/**
 * Orders and dropped classes that the reference drew after seeding, against the rules that training draws by, fed with the
 * same random numbers: libtorch's for PyTorch's, the recorded ones for Python's. Which numbers a seed gives is not the same:
 * here they are functions of seed and position, whatever the batches and ranks.
 */
import { readFileSync } from "node:fs";
import * as torch from "libtorch";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../../libtorch/src/testing/suite.js";
import { conditionId, type GeneratorConfig, noneId } from "../config/architecture.js";
import { finalOrder } from "../config/orders.js";
import { fixture } from "../testing/fixtures.js";
import { tinyGenerator } from "../testing/random-model.js";
import { drawn, inputsOf } from "./batch.js";
import { happens, shuffle } from "./orders.js";

interface RecordedOrders {
  readonly seed: number;
  readonly random_ratio: number;
  readonly length: number;
  readonly orders: number[][];
  /** Python's numbers, one a row: below the ratio the row's order is random. */
  readonly python_uniforms: number[];
  readonly class_drop: {
    readonly seed: number;
    readonly cond_drop_prob: number;
    readonly classes: number[];
    readonly codebook: number;
    readonly num_classes: number;
    readonly condition_ids: number[];
  };
}
const recorded = (JSON.parse(readFileSync(fixture("schedule.json")!, "utf8")) as { orders: RecordedOrders[] })
  .orders;

describeWithLibtorch("as the reference drew them", () => {
  const draw = (fn: () => torch.Tensor): number[] => torch.scope(() => torch.numbers(fn()));

  it.each(recorded)("orders, seed $seed, share $random_ratio", (record) => {
    const { seed, random_ratio: ratio, length, orders, python_uniforms: uniforms } = record;
    const raster = finalOrder("raster", Math.sqrt(length));
    const rows = (random: () => Iterable<number>): number[][] =>
      uniforms.map((uniform) => [...(happens(uniform, ratio) ? random() : raster)]);
    const shuffled = (): Int32Array => {
      const order = new Int32Array(length);
      shuffle(order, (n) => draw(() => torch.randint(0, n, [1]))[0]!);
      return order;
    };
    torch.manualSeed(seed);
    expect(rows(shuffled)).toEqual(orders);
    torch.manualSeed(seed);
    expect(rows(() => draw(() => torch.randperm(length)))).toEqual(orders);
  });

  it.each(recorded)("dropped classes, seed $class_drop.seed", ({ class_drop: drop }) => {
    const config = { codebookSize: drop.codebook, classes: drop.num_classes } as GeneratorConfig;
    torch.manualSeed(drop.seed);
    const uniforms = draw(() => torch.rand([drop.classes.length]));
    const ids = drop.classes.map((label, row) =>
      happens(uniforms[row]!, drop.cond_drop_prob) ? noneId(config) : conditionId(config, label),
    );
    expect(ids).toEqual(drop.condition_ids);
  });

  it.each(recorded)("given, they reach the network: seed $seed, share $random_ratio", (record) => {
    const { length, orders } = record;
    const rows = orders.length;
    const config = { ...tinyGenerator, tokens: length, codebookSize: rows * length };
    const tokens = Int32Array.from({ length: rows * length }, (_, i) => i);
    const batch = { rows, tokens, classes: new Int32Array(rows) };
    const given = { batch, positions: new Int32Array(rows), orders: Int32Array.from(orders.flat()) };
    const settings = { seed: 0, randomRatio: 0, classDropout: 0, order: finalOrder("raster", 4) };
    const seen = draw(() => inputsOf(config, batch, drawn(config, given, settings), "cpu").tokens);
    expect(seen).toEqual(orders.flatMap((order, row) => order.map((place) => row * length + place)));
  });
});
