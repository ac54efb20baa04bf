/** The trainer against the reference's five recorded updates, and against itself: accumulation, checkpoints, resume. */
import * as torch from "libtorch";
import { describe, expect, it } from "vitest";
import { describeWithLibtorch } from "../../../libtorch/src/testing/suite.js";
import type { GeneratorConfig } from "../config/architecture.js";
import { finalOrder } from "../config/orders.js";
import { randomGenerator, randomIds, sourceOf, tinyGenerator } from "../testing/random-model.js";
import { tinyRecipe as recipe } from "../testing/recipes.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { optimizerGroups, trainable } from "./parameters.js";
import type { Recipe } from "./recipe.js";
import { type MicroBatch, Trainer, type TrainerCounters } from "./trainer.js";

/** Samples `first` .. `first + rows - 1` of a made-up data set. */
function micro(first: number, rows: number, config: GeneratorConfig = tinyGenerator): MicroBatch {
  const sample = (i: number): Int32Array => randomIds(first + i, config.tokens, config.codebookSize);
  const tokens = Int32Array.from(Array.from({ length: rows }, (_, i) => [...sample(i)]).flat());
  const positions = Array.from({ length: rows }, (_, i) => first + i);
  const classes = Int32Array.from(positions, (p) => p % config.classes);
  return { batch: { rows, tokens, classes }, positions };
}

const trainer = async (changes: Partial<Recipe> = {}): Promise<Trainer> =>
  new Trainer({
    config: tinyGenerator,
    parameters: await trainable(randomGenerator().weights),
    recipe: { ...recipe, ...changes },
  });

const numbersOf = (parts: ReadonlyMap<string, torch.Tensor>): Record<string, number[]> =>
  Object.fromEntries([...parts].map(([name, x]) => [name, torch.numbers(x)]));

/** Parts as a checkpoint would give them back. */
const saved = (parts: ReadonlyMap<string, torch.Tensor>): TensorSource =>
  sourceOf(
    Object.fromEntries(
      [...parts].map(([name, x]) => [name, { shape: x.shape, data: Float32Array.from(torch.numbers(x)) }]),
    ),
  );

describeWithLibtorch("the trainer", () => {
  it("learns a few rows by heart", async () => {
    using t = await trainer({ annealing: { start: 0, end: 0 }, classDropout: 0 });
    const first = t.step([micro(0, 4)]).loss;
    let last = first;
    for (let i = 0; i < 15; i++) last = t.step([micro(0, 4)]).loss;
    expect(last).toBeLessThan(0.7 * first);
  });

  it("logs the rate of this update and of the next, and the share of random orders", async () => {
    using t = await trainer({ randomFloor: 0.1 });
    const reports = Array.from({ length: 8 }, (_, i) => t.step([micro(2 * i, 2)]));
    expect(reports.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(reports.map(({ randomRatio }) => randomRatio)).toEqual([1, 1, 1, 0.75, 0.5, 0.25, 0.1, 0.1]);
    expect([reports[0]!.learningRate, reports[0]!.nextLearningRate]).toEqual([0, 1e-2]);
    for (let i = 1; i < 8; i++) expect(reports[i]!.learningRate).toBe(reports[i - 1]!.nextLearningRate);
  });

  it("trains in the order that is named once none is random", async () => {
    using spiral = await trainer({ order: "spiral-in", annealing: { start: 0, end: 0 }, randomFloor: 0 });
    using raster = await trainer({ annealing: { start: 0, end: 0 }, randomFloor: 0 });
    const order = finalOrder("spiral-in", 4);
    const given = (t: Trainer): number => {
      const m = micro(0, 2);
      return t.step([{ ...m, orders: Int32Array.from([...order, ...order]) }]).loss;
    };
    // the step at 0 is random still, and its rate is 0
    spiral.step([micro(0, 2)]);
    raster.step([micro(0, 2)]);
    expect(spiral.step([micro(0, 2)]).loss).toBe(given(raster));
  });

  it.each([
    { dropout: 0, attentionDropout: 0 },
    { dropout: 0.1, attentionDropout: 0.1 },
    { dropout: 0.1, attentionDropout: 0.1, precision: "bfloat16" as const },
  ])("with blocks computed again the numbers are the same: %j", async (changes) => {
    using plain = await trainer(changes);
    using again = await trainer({ ...changes, checkpointing: true });
    const step = (t: Trainer) => Array.from({ length: 3 }, (_, i) => t.step([micro(4 * i, 4)]));
    const [a, b] = [step(plain), step(again)];
    expect(b[0]!.loss).toBe(a[0]!.loss); // the same operations: the same bits
    // Gradients of the condition are added up in another order.
    const digits = changes.precision ? 2 : 4;
    for (let i = 0; i < 3; i++) {
      expect(b[i]!.loss).toBeCloseTo(a[i]!.loss, digits);
      expect(b[i]!.gradNorm / a[i]!.gradNorm).toBeCloseTo(1, digits);
    }
  });

  it("dropout changes the loss, and falls alike for the same seed, step and micro-batch", async () => {
    const loss = async (changes: Partial<Recipe>): Promise<number> => {
      using t = await trainer(changes);
      return t.step([micro(0, 4)]).loss;
    };
    const losses = [
      await loss({}),
      await loss({ dropout: 0.2 }),
      await loss({ attentionDropout: 0.2 }),
      await loss({ dropout: 0.2, attentionDropout: 0.2 }),
    ];
    expect(new Set(losses).size).toBe(4);
    torch.manualSeed(99);
    expect(await loss({ dropout: 0.2, attentionDropout: 0.2 })).toBe(losses[3]);
  });

  it("two micro-batches are the whole batch", async () => {
    using whole = await trainer();
    using halves = await trainer();
    for (let i = 0; i < 3; i++) {
      const one = whole.step([micro(8 * i, 8)]);
      const two = halves.step([micro(8 * i, 4), micro(8 * i + 4, 4)]);
      expect(two.loss).toBeCloseTo(one.loss, 5);
      expect(two.gradNorm).toBeCloseTo(one.gradNorm, 4);
    }
  });

  it.each(["float32", "bfloat16"] as const)("goes on from its parts to the bit, in %s", async (precision) => {
    const changes = { precision, dropout: 0.1, attentionDropout: 0.1 };
    using whole = await trainer(changes);
    using first = await trainer(changes);
    const steps = (t: Trainer, from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => t.step([micro(4 * (from + i), 4)]));
    const expected = steps(whole, 0, 6);
    steps(first, 0, 3);
    const { generator, ema, moments } = first.parts();
    const parts = { generator: saved(generator), ema: saved(ema!), moments: saved(moments) };
    using second = await trainer(changes);
    await second.restore(parts, JSON.parse(JSON.stringify(first.counters())) as TrainerCounters);
    expect(steps(second, 3, 6)).toEqual(expected.slice(3));
    expect(second.counters()).toEqual(whole.counters());
    const [a, b] = [whole.parts(), second.parts()];
    expect(numbersOf(b.generator)).toEqual(numbersOf(a.generator));
    expect(numbersOf(b.ema!)).toEqual(numbersOf(a.ema!));
    expect(numbersOf(b.moments)).toEqual(numbersOf(a.moments));
  });

  it("goes on from before the first update, and says which tensor does not fit", async () => {
    using t = await trainer();
    const { generator, moments } = t.parts();
    expect(moments.size).toBe(0);
    const parts = { generator: saved(generator), moments: sourceOf({}) };
    await t.restore(parts, { step: 0, updates: 0, emaUpdates: 0 });
    const late = { step: 2, updates: 2, emaUpdates: 2 };
    await expect(t.restore(parts, late)).rejects.toThrow(/no tensor "cls_token.exp_avg"/);
    const wrong = { ...parts, generator: sourceOf({ cls_token: { shape: [1], data: new Float32Array(1) } }) };
    await expect(t.restore(wrong, late)).rejects.toThrow(/"cls_token" is \[1\], it must be \[1,1,32\]/);
  });

  describe("where numbers are not finite", () => {
    /** A step with one weight's first number set, beside the state before it. */
    async function stepWith(weight: string, value: number, everywhere = false) {
      using t = await trainer();
      t.step([micro(0, 2)]);
      t.step([micro(2, 2)]);
      torch.noGrad(() =>
        torch.scope(() => {
          const x = t.parameters.get(weight)!;
          torch.fill_(everywhere ? x : torch.narrow(torch.view(x, [-1]), 0, 0, 1), value);
        }),
      );
      const state = (): unknown => {
        const { generator, ema, moments } = t.parts();
        return [generator, ema!, moments].map(numbersOf);
      };
      const before = state();
      const report = t.step([micro(4, 2)]);
      expect(state()).toEqual(before);
      expect(t.counters()).toEqual({ step: 3, updates: 2, emaUpdates: 2 });
      return report;
    }

    it("nothing is updated, and the weight is named", async () => {
      const { skipped, loss } = await stepWith("blocks.1.mlp.fc1.weight", Number.NaN);
      expect(loss).toBeNaN();
      expect(skipped).toBe("the loss is not finite, because the weight blocks.1.mlp.fc1.weight is not");
    });

    it("the first value that overflows is named", async () => {
      const { skipped } = await stepWith("blocks.1.mlp.fc2.weight", 3e38, true);
      expect(skipped).toBe("the loss is not finite; the first such value is block1.mlp");
    });

    it("a norm that overflows without them is named", async () => {
      const { skipped } = await stepWith("lm_head.weight", 1e30);
      expect(skipped).toBe("the gradients' norm is too large for float32");
    });
  });

  it("refuses batches that do not fit, and parameters of another network", async () => {
    using t = await trainer();
    expect(() => t.step([])).toThrow(/at least one batch/);
    const { batch, positions } = micro(0, 2);
    expect(() => t.step([{ batch, positions: [0] }])).toThrow(
      /2 rows needs 32 tokens and 2 classes and positions, not 32, 2 and 1/,
    );
    const tokens = batch.tokens.slice();
    tokens[5] = tinyGenerator.codebookSize;
    expect(() => t.step([{ batch: { ...batch, tokens }, positions }])).toThrow(/token 24: .* 0 to 23/);
    const classes = Int32Array.from([0, 5]);
    expect(() => t.step([{ batch: { ...batch, classes }, positions }])).toThrow(/class 5: .* 0 to 4/);
    const parameters = await trainable(randomGenerator().weights);
    const head = parameters.get("lm_head.bias")!;
    parameters.delete("lm_head.bias");
    expect(() => optimizerGroups(tinyGenerator, parameters, 0)).toThrow(/"lm_head.bias" is not once among/);
    parameters.set("extra.bias", head);
    parameters.set("lm_head.bias", head);
    expect(() => optimizerGroups(tinyGenerator, parameters, 0)).toThrow(
      /"extra.bias" is none of this network/,
    );
    for (const x of new Set(parameters.values())) x.dispose();
  });
});
