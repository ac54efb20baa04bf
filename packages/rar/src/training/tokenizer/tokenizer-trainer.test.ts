import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { expect, test } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { tokenizerShapes } from "../../config/shapes.js";
import { tinyTokenizer } from "../../testing/random-model.js";
import { initialWeights } from "../../weights/initial.js";
import { trainable } from "../parameters.js";
import { discriminatorShapes } from "./discriminator.js";
import type { TokenizerRecipe } from "./recipe.js";
import { type TokenizerStepReport, TokenizerTrainer } from "./tokenizer-trainer.js";

const recipe: TokenizerRecipe = {
  seed: 3,
  steps: 120,
  batch: 16,
  learningRate: 1e-3,
  warmupSteps: 5,
  endLearningRate: 1e-4,
  constantRate: false,
  betas: [0.9, 0.99],
  weightDecay: 1e-4,
  maxGradNorm: 1,
  bfloat16: false,
  tf32: false,
  reconstruction: { l1: 1, l2: 4, gradient: 0.3 },
  perceptual: undefined,
  codebook: {
    kind: "ema",
    decay: 0.9,
    weight: 0.25,
    commitment: 0.25,
    freeSteps: 40,
    startLatents: 80,
    reviveEvery: 10,
    reviveBelow: 0.0625,
    reviveUntil: 0.85,
  },
  discriminator: undefined,
  emaDecay: undefined,
};

/** 64 pictures of 8 x 8: the upper left quarter in one of 64 colours, the rest white. [64, 3, 8, 8] */
function flatColours(): Tensor {
  const planes = new Float32Array(64 * 3 * 64).fill(1);
  for (let i = 0; i < 64; i++)
    for (let c = 0; c < 3; c++)
      for (let y = 0; y < 4; y++)
        planes.fill((((i * 37) >> (2 * c)) & 3) / 3, (i * 3 + c) * 64 + y * 8, (i * 3 + c) * 64 + y * 8 + 4);
  return torch.tensor(planes, { shape: [64, 3, 8, 8] });
}

async function trainerOf(
  config = { ...tinyTokenizer, channels: 64, multipliers: [1, 1], codebookSize: 64 },
  own: TokenizerRecipe = recipe,
): Promise<TokenizerTrainer> {
  const weights = initialWeights(tokenizerShapes(config), { seed: 1 });
  const judge = own.discriminator && {
    imageChannels: 3,
    ...own.discriminator,
  };
  return new TokenizerTrainer({
    config,
    recipe: own,
    parameters: await trainable(weights),
    discriminator: judge && (await trainable(initialWeights(discriminatorShapes(judge), { seed: 2 }))),
  });
}

function run(trainer: TokenizerTrainer, images: Tensor, steps: number): TokenizerStepReport[] {
  const batch = trainer.recipe.batch;
  return Array.from({ length: steps }, () =>
    torch.scope(() => {
      const at = (trainer.finished * batch) % images.shape[0]!;
      const part = torch.narrow(images, 0, at, batch);
      if (trainer.needsCodebook) trainer.startCodebook([images]);
      return trainer.step(part);
    }),
  );
}

describeWithLibtorch("TokenizerTrainer", () => {
  test("64 flat colours come back at 25 dB after 120 steps", async () => {
    using images = flatColours();
    const trainer = await trainerOf();
    run(trainer, images, recipe.steps);
    const psnr = torch.scope(() => {
      const { pixels } = trainer.reconstruct(images);
      return -10 * Math.log10(torch.item(torch.mse_loss(pixels, images)));
    });
    trainer.dispose();
    expect(psnr).toBeGreaterThan(25);
  });
});
