/** Recorded training steps against steps computed one by one: a stand-in for a graph on the CPU, graphs where there is CUDA. */
import * as torch from "libtorch";
import { beforeEach, expect, it } from "vitest";
import { describeWithLibtorch } from "../../../libtorch/src/testing/suite.js";
import { tokenizerShapes } from "../config/shapes.js";
import type { Recorder } from "../engines/torch/record.js";
import { rerun } from "../testing/kernel-checks.js";
import { randomGenerator, randomIds, tinyGenerator, tinyTokenizer } from "../testing/random-model.js";
import { tinyRecipe, tinyTokenizerRecipe } from "../testing/recipes.js";
import { initialWeights } from "../weights/initial.js";
import { trainable } from "./parameters.js";
import type { Recipe } from "./recipe.js";
import { discriminatorShapes } from "./tokenizer/discriminator.js";
import type { TokenizerRecipe } from "./tokenizer/recipe.js";
import { TokenizerTrainer } from "./tokenizer/tokenizer-trainer.js";
import { type MicroBatch, Trainer } from "./trainer.js";

const recipe: Recipe = { ...tinyRecipe, precision: "bfloat16", dropout: 0.1, attentionDropout: 0.1 };

function micro(step: number, rows: number): MicroBatch {
  const { tokens: L, codebookSize, classes } = tinyGenerator;
  const positions = Array.from({ length: rows }, (_, i) => step * rows + i);
  const tokens = Int32Array.from(positions.flatMap((p) => [...randomIds(p, L, codebookSize)]));
  return { batch: { rows, tokens, classes: Int32Array.from(positions, (p) => p % classes) }, positions };
}

const judged: TokenizerRecipe = {
  ...tinyTokenizerRecipe,
  steps: 12,
  batch: 4,
  bfloat16: true,
  tf32: true,
  codebook: { ...tinyTokenizerRecipe.codebook, freeSteps: 3, reviveEvery: 2, reviveBelow: 0.5 },
  discriminator: { start: 6, weight: 0.5, channels: 16, layers: 1, learningRate: 1e-3 },
  emaDecay: 0.9,
};
const small = { ...tinyTokenizer, multipliers: [1, 1], codebookSize: 16 };

const devices: readonly [device: string, record: Recorder | undefined][] = torch.cuda.isAvailable()
  ? [["cuda", undefined]]
  : [["cpu", rerun]];

describeWithLibtorch("a recorded training step", () => {
  beforeEach(() => void torch.manualSeed(1));

  it.each(devices)("of a generator has the numbers of one that is not, on %s", async (device, record) => {
    const runOf = async (graphs: boolean): Promise<number[][]> => {
      const parameters = await trainable(randomGenerator().weights, device);
      const own = { ...recipe, graphs };
      using trainer = new Trainer({
        config: tinyGenerator,
        parameters,
        recipe: own,
        device,
        record: graphs ? record : undefined,
      });
      return Array.from({ length: 8 }, (_, i) => {
        // a batch of another size in between
        const { loss, correctTokens, gradNorm } = trainer.step([micro(i, i === 5 ? 2 : 4)]);
        return [loss, correctTokens, gradNorm];
      });
    };
    const [recorded, plain] = [await runOf(true), await runOf(false)];
    for (const [i, numbers] of recorded.entries()) expectClose(numbers, plain[i]!, device);
  });

  it.each(devices)("of a tokenizer has the numbers of one that is not, on %s", async (device, record) => {
    const images = torch.keep(torch.scope(() => torch.rand([16, 3, 8, 8], { device })));
    const runOf = async (graphs: boolean): Promise<number[][]> => {
      const judge = { imageChannels: 3, ...judged.discriminator! };
      const trainer = new TokenizerTrainer({
        config: small,
        recipe: { ...judged, graphs },
        parameters: await trainable(initialWeights(tokenizerShapes(small), { seed: 1 }), device),
        discriminator: await trainable(initialWeights(discriminatorShapes(judge), { seed: 2 }), device),
        device,
        record: graphs ? record : undefined,
      });
      try {
        return Array.from({ length: 12 }, (_, i) =>
          torch.scope(() => {
            if (trainer.needsCodebook) trainer.startCodebook([images]);
            const { lr: _lr, ...report } = trainer.step(torch.narrow(images, 0, (4 * i) % 16, 4));
            return Object.values(report as Record<string, number>);
          }),
        );
      } finally {
        trainer.dispose();
      }
    };
    const [recorded, plain] = [await runOf(true), await runOf(false)];
    images.dispose();
    expect(recorded.at(-1)!.length).toBeGreaterThan(recorded[0]!.length); // codes and the discriminator have come
    for (const [i, numbers] of recorded.entries()) expectClose(numbers, plain[i]!, device);
  });
});

/** To the bit on the CPU; on a GPU some sums have no order. */
function expectClose(found: readonly number[], wanted: readonly number[], device: string): void {
  expect(found.length).toBe(wanted.length);
  for (const [i, value] of found.entries()) {
    const most = device === "cpu" ? 0 : 5e-3 * Math.max(0.1, Math.abs(wanted[i]!));
    expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(most);
  }
}
