import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { expect, test } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { tokenizerShapes } from "../../config/shapes.js";
import { torchOps } from "../../engines/torch/ops.js";
import { decodeLatent, decoderWeights, encode, encoderWeights } from "../../networks/tokenizer.js";
import { sourceOf, tinyTokenizer } from "../../testing/random-model.js";
import { tinyTokenizerRecipe as recipe } from "../../testing/recipes.js";
import { initialWeights } from "../../weights/initial.js";
import { trainable } from "../parameters.js";
import { discriminatorShapes } from "./discriminator.js";
import { reconstructionLoss } from "./losses.js";
import { quantise } from "./quantise.js";
import type { TokenizerRecipe } from "./recipe.js";
import { restoreTrainer, trainerState } from "./state.js";
import { codebookName, type TokenizerStepReport, TokenizerTrainer } from "./tokenizer-trainer.js";

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

const judged: TokenizerRecipe = {
  ...recipe,
  batch: 4,
  steps: 12,
  codebook: { ...recipe.codebook, freeSteps: 2, reviveEvery: 2, reviveBelow: 0.5 },
  discriminator: { start: 3, weight: 0.5, channels: 16, layers: 1, learningRate: 1e-3 },
  emaDecay: 0.9,
};
const small = { ...tinyTokenizer, multipliers: [1, 1], codebookSize: 16 };

/** Everything that a checkpoint holds, as plain numbers. */
const numbersOf = (trainer: TokenizerTrainer) => {
  const { tensors, counts } = trainerState(trainer);
  const files = Object.entries(tensors).map(([file, map]) => [
    file,
    Object.fromEntries([...map].map(([name, x]) => [name, { shape: x.shape, data: torch.numbers(x) }])),
  ]);
  return { files: Object.fromEntries(files) as Record<string, Saved>, counts };
};
type Saved = Record<string, { shape: readonly number[]; data: number[] }>;

const opened = (saved: Saved) => {
  const arrays = Object.entries(saved).map(([name, { shape, data }]) => [
    name,
    { shape, data: Float32Array.from(data) },
  ]);
  return { ...sourceOf(Object.fromEntries(arrays)), async [Symbol.asyncDispose]() {} };
};

describeWithLibtorch("TokenizerTrainer", () => {
  test("64 flat colours come back at 22 dB after 80 steps", { timeout: 60_000 }, async () => {
    using images = flatColours();
    const trainer = await trainerOf();
    run(trainer, images, recipe.steps);
    const psnr = torch.scope(() => {
      const { pixels } = trainer.reconstruct(images);
      return -10 * Math.log10(torch.item(torch.mse_loss(pixels, images)));
    });
    trainer.dispose();
    expect(psnr).toBeGreaterThan(22);
  });

  test.each(["ema", "loss"] as const)("goes on to the bit from what it saved, codes by %s", async (kind) => {
    using images = flatColours();
    const own = { ...judged, codebook: { ...judged.codebook, kind } };
    const whole = await trainerOf(small, own);
    run(whole, images, 12);
    const wanted = numbersOf(whole);
    whole.dispose();
    for (const stop of [1, 5]) {
      const first = await trainerOf(small, own);
      run(first, images, stop);
      const { files, counts } = numbersOf(first);
      first.dispose();
      const second = await trainerOf(small, own);
      await restoreTrainer(second, async (name) => opened(files[name]!), JSON.parse(JSON.stringify(counts)));
      run(second, images, 12 - stop);
      expect(numbersOf(second)).toEqual(wanted);
      second.dispose();
    }
  });

  test("its gradients are those of its loss: decoder by central differences, encoder straight through", async () => {
    using images = flatColours();
    using batch = torch.keep(torch.scope(() => torch.narrow(images, 0, 0, 4)));
    const still = {
      ...judged,
      learningRate: 0,
      maxGradNorm: undefined,
      discriminator: undefined,
      emaDecay: undefined,
    };
    const own = { ...still, codebook: { ...still.codebook, reviveEvery: 0, decay: 0.999999 } };
    const trainer = await trainerOf(small, own);
    run(trainer, images, 2); // until there are codes; a rate of 0 leaves the weights where they are
    torch.scope(() => {
      if (trainer.needsCodebook) trainer.startCodebook([images]);
      trainer.step(batch);
      const get = (name: string): Tensor => trainer.parameters.get(name)!;
      const ops = torchOps({ device: "cpu", dtype: "float32" });
      const loss = (): Tensor => {
        const z = encode(ops, encoderWeights(small, get), batch);
        const { through, loss: latentLoss } = quantise(ops, z, get(codebookName), own.codebook);
        const pixels = decodeLatent(ops, decoderWeights(small, get), through);
        return torch.add(reconstructionLoss(pixels, batch, own.reconstruction).total, latentLoss);
      };
      for (const name of ["encoder.conv_in.weight", "decoder.conv_in.weight"]) {
        const [byHand] = torch.grad(loss(), [get(name)]);
        const found = torch.numbers(get(name).grad!);
        const wanted = torch.numbers(byHand!);
        const largest = Math.max(...wanted.map(Math.abs));
        expect(largest).toBeGreaterThan(0);
        for (const [i, value] of wanted.entries())
          expect(Math.abs(found[i]! - value), name).toBeLessThan(2e-5 * largest);
      }
      const name = "decoder.conv_out.bias";
      const found = torch.numbers(get(name).grad!);
      for (let c = 0; c < 3; c++) {
        const moved = (by: number): number =>
          torch.noGrad(() => {
            const shift = torch.tensor([0, 0, 0].map((_, i) => (i === c ? by : 0)));
            torch.add_(get(name), shift);
            const value = torch.item(loss());
            torch.sub_(get(name), shift);
            return value;
          });
        expect((moved(1e-3) - moved(-1e-3)) / 2e-3).toBeCloseTo(found[c]!, 2);
      }
      ops.dispose();
    });
    trainer.dispose();
  });

  test("a step whose gradients are not finite changes nothing and is told", async () => {
    const trainer = await trainerOf(small, judged);
    using images = flatColours();
    run(trainer, images, 5);
    const before = numbersOf(trainer);
    const report = torch.scope(() => trainer.step(torch.full([4, 3, 8, 8], Number.NaN)));
    expect(report.skipped).toBe(1);
    expect(numbersOf(trainer)).toEqual({ ...before, counts: { ...before.counts, finished: 6 } });
    expect(run(trainer, images, 1)[0]!.skipped).toBe(0);
    trainer.dispose();
  });

  test("the discriminator moves the decoder from its first step on, and not before", async () => {
    using images = flatColours();
    const ends = [];
    for (const weight of [0.5, 0]) {
      const trainer = await trainerOf(small, {
        ...judged,
        discriminator: { ...judged.discriminator!, weight },
      });
      const reports = run(trainer, images, 4);
      expect(reports.map((report) => "discriminator_loss" in report)).toEqual([false, false, false, true]);
      ends.push(numbersOf(trainer).files["tokenizer.safetensors"]!["decoder.conv_out.weight"]!.data);
      trainer.dispose();
    }
    expect(ends[0]).not.toEqual(ends[1]);
  });

  test("wants a codebook before the first step with codes", async () => {
    const trainer = await trainerOf(small, { ...judged, codebook: { ...judged.codebook, freeSteps: 0 } });
    using images = flatColours();
    expect(() => trainer.step(images)).toThrow(/startCodebook/);
    trainer.dispose();
  });
});
