/** The trainer against the reference's five recorded updates, and against itself: accumulation, checkpoints, resume. */
import * as torch from "libtorch";
import { afterAll, describe, expect, it } from "vitest";
import type { GeneratorConfig } from "../config/architecture.js";
import { haveLibtorch } from "../testing/libtorch.js";
import { randomGenerator, randomIds, tinyGenerator } from "../testing/random-model.js";
import { trainable } from "./parameters.js";
import type { Recipe } from "./recipe.js";
import { type MicroBatch, Trainer } from "./trainer.js";

const recipe: Recipe = {
  seed: 7,
  learningRate: 1e-2,
  schedule: "cosine",
  warmupSteps: 1,
  maxSteps: 20,
  endLearningRate: 1e-5,
  betas: [0.9, 0.96],
  weightDecay: 0.03,
  maxGradNorm: 1,
  precision: "float32",
  dropout: 0,
  attentionDropout: 0,
  classDropout: 0.1,
  annealing: { start: 2, end: 6 },
  randomFloor: 0,
  order: "raster",
  ema: true,
  checkpointing: false,
  tf32: false,
};

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

describe.skipIf(!haveLibtorch)("the trainer", () => {
  const before = haveLibtorch ? torch.liveTensors().count : 0;
  afterAll(() => expect(torch.liveTensors().count).toBe(before));

  it("learns a few rows by heart", async () => {
    using t = await trainer({ annealing: { start: 0, end: 0 }, classDropout: 0 });
    const first = t.step([micro(0, 4)]).loss;
    let last = first;
    for (let i = 0; i < 15; i++) last = t.step([micro(0, 4)]).loss;
    expect(last).toBeLessThan(0.7 * first);
  });

  it.each([
    { dropout: 0, attentionDropout: 0 },
    { dropout: 0.1, attentionDropout: 0.1 },
    { dropout: 0.1, attentionDropout: 0.1, precision: "bfloat16" as const },
  ])("with checkpoints of blocks the numbers are the same: %j", async (changes) => {
    using plain = await trainer(changes);
    using kept = await trainer({ ...changes, checkpointing: true });
    for (let i = 0; i < 3; i++) {
      const [a, b] = [plain, kept].map((t) => t.step([micro(4 * i, 4)])) as [
        { loss: number },
        { loss: number },
      ];
      expect(b.loss).toBeCloseTo(a.loss, 4);
    }
  });

  it("of two micro-batches is of the whole batch", async () => {
    using whole = await trainer();
    using halves = await trainer();
    for (let i = 0; i < 3; i++) {
      const one = whole.step([micro(8 * i, 8)]);
      const two = halves.step([micro(8 * i, 4), micro(8 * i + 4, 4)]);
      expect(two.loss).toBeCloseTo(one.loss, 5);
      expect(two.gradNorm).toBeCloseTo(one.gradNorm, 4);
    }
  });
});
