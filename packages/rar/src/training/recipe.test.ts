/** What the keys of rar.yaml mean for an optimizer step. */
import { expect, it } from "vitest";
import { loadConfig, presetConfig } from "../config/load.js";
import { recipeOf } from "./recipe.js";

it("reads the published recipe", async () => {
  const { config } = await presetConfig("rar-b");
  expect(recipeOf(config)).toEqual({
    seed: 42,
    learningRate: 4e-4,
    schedule: "cosine",
    warmupSteps: 62_500,
    maxSteps: 250_000,
    endLearningRate: 1e-5,
    betas: [0.9, 0.96],
    weightDecay: 0.03,
    maxGradNorm: 1,
    precision: "bfloat16",
    dropout: 0.1,
    attentionDropout: 0.1,
    classDropout: 0.1,
    annealing: { start: 125_000, end: 187_500 },
    randomFloor: 0,
    order: "raster",
    ema: false,
    checkpointing: false,
    tf32: true,
  });
});

const withKeys = async (...words: string[]) => recipeOf((await presetConfig("rar-b", words)).config);

it("reads rarity's own keys, null, and no clipping", async () => {
  expect(
    await withKeys(
      "model.generator.order=spiral-out",
      "model.generator.randomness_floor=0.25",
      "training.seed=null",
      "training.max_grad_norm=null",
      "training.mixed_precision=no",
    ),
  ).toMatchObject({
    order: "spiral-out",
    randomFloor: 0.25,
    seed: 0,
    maxGradNorm: undefined,
    precision: "float32",
  });
});

it("scales the schedule where its base rate is another than the optimizer's, as the reference does", async () => {
  const recipe = await withKeys("lr_scheduler.params.learning_rate=2e-4");
  expect(recipe.learningRate).toBe(4e-4);
  expect(recipe.endLearningRate).toBeCloseTo(2e-5, 12);
});

it("refuses float16, and says which key is missing", async () => {
  await expect(withKeys("training.mixed_precision=fp16")).rejects.toThrow(
    /Pass training.mixed_precision=bf16/,
  );
  const { config } = await loadConfig({ text: "training:\n  max_train_steps: 5\n" });
  expect(() => recipeOf(config)).toThrow(/optimizer.params.learning_rate is not set/);
});
