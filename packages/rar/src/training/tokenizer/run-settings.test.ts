import { describe, expect, it } from "vitest";
import { loadConfig } from "../../config/load.js";
import { tokenizerRunSettings } from "./run-settings.js";

const needed = [
  "experiment.output_dir=out",
  "dataset.params.train_shards_path_or_url=pictures",
  "model.vq_model.channel_mult=[1,2]",
  "model.vq_model.resolution=8",
  "optimizer.params.learning_rate=1e-3",
  "training.max_train_steps=10",
  "training.per_gpu_batch_size=4",
];
const settingsOf = async (...words: string[]) =>
  tokenizerRunSettings((await loadConfig({ overrides: [...needed, ...words] })).config);

describe("settings of a tokenizer's run", () => {
  it("take the recorded recipe where keys are absent", async () => {
    const { recipe, crop, side, heldOut, evalImages } = await settingsOf();
    expect(recipe.reconstruction).toEqual({ l1: 1, l2: 4, gradient: 0.3 });
    expect(recipe.codebook).toMatchObject({ kind: "ema", decay: 0.99, commitment: 0.25, freeSteps: 200 });
    expect([recipe.discriminator, recipe.perceptual, recipe.emaDecay]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect([crop, side, heldOut, evalImages]).toEqual([8, 8, 2000, undefined]);
  });

  it("a random crop keeps larger pictures", async () => {
    const words = ["dataset.preprocessing.random_crop=True", "dataset.preprocessing.resize_shorter_edge=12"];
    expect(await settingsOf(...words)).toMatchObject({ side: 12, crop: 8 });
  });

  it.each([
    ["training.gradient_accumulation_steps=2", /trained without accumulation/],
    ["training.mixed_precision=fp16", /fp16, which needs loss scaling/],
    ["dataset.preprocessing.crop_size=7", /crop_size is 7, must be a multiple of 2/],
    ["dataset.preprocessing.resize_shorter_edge=16", /is 16 and crop_size 8: .* set random_crop to True/],
    ["tokenizer_training.codebook=moving", /must be ema or loss/],
    ["tokenizer_training.revive_until=2", /must be a number from 0 to 1/],
    ["tokenizer_training.perceptual_weight=1", /perceptual_model is not set/],
    ["model.vq_model.num_channels=1", /num_channels is 1, and pictures have 3/],
    ["experiment.output_dir=null", /experiment\.output_dir/],
  ])("say what to do about %s", async (word, sentence) => {
    await expect(settingsOf(word)).rejects.toThrow(sentence);
  });

  it("a discriminator needs pictures that its patches fit into", async () => {
    const words = ["tokenizer_training.discriminator_start=5", "tokenizer_training.discriminator_layers=2"];
    await expect(settingsOf(...words)).rejects.toThrow(
      /needs pictures of at least 12 pixels; crop_size is 8/,
    );
    const larger = await settingsOf(...words, "model.vq_model.resolution=16");
    expect(larger.recipe.discriminator).toMatchObject({ start: 5, learningRate: 1e-3 });
  });
});
