/** The torch engine on a GPU. Skipped without one; `scripts/gpu-check cuda` runs it where there is one. */
import { cuda } from "libtorch";
import { describe, expect, it } from "vitest";
import { sampleTokens } from "../../sampling/generate.js";
import { engineContract } from "../../testing/engine-contract.js";
import { generatorContract } from "../../testing/engine-contract-generator.js";
import { haveLibtorch } from "../../testing/libtorch.js";
import { randomGenerator, tinyGenerator } from "../../testing/random-model.js";
import type { Engine } from "../engine.js";
import { TorchEngine, type TorchOptions } from "./engine.js";

const create = (options: TorchOptions = {}): Promise<TorchEngine> =>
  TorchEngine.create({ device: "cuda", ...options });

describe.skipIf(!haveLibtorch || !cuda.isAvailable())("torch on CUDA (skipped without a GPU)", () => {
  engineContract("with recorded steps", () => create(), { exactInBatches: false });
  describe("launch by launch", () => generatorContract(() => create({ graphs: false })));
  describe("recorded operators", () => generatorContract(() => create({ kernels: false })));
  describe("operator by operator", () => generatorContract(() => create({ graphs: false, kernels: false })));

  /** More than one span of positions, so more than one graph. */
  const model = randomGenerator({ ...tinyGenerator, tokens: 81 });

  async function tokensOf(engine: Engine, seed: number): Promise<number[][]> {
    await using generator = await engine.loadGenerator(model);
    const request = {
      classes: [0, 2, 1],
      indices: [0, 1, 2],
      seed,
      guidance: { scale: 4, pow: 1.5 },
      draw: { temperature: 1, topK: 20 },
    };
    let drawn: number[][] = [];
    for await (const { tokens } of sampleTokens(generator, request)) drawn = tokens.map((row) => [...row]);
    return drawn;
  }

  it("draws the CPU's tokens from the same seeds, with recorded steps and without, batch after batch", async () => {
    await using cpu = await TorchEngine.create({ threads: 1 });
    const expected = [await tokensOf(cpu, 1), await tokensOf(cpu, 2)];
    for (const graphs of [true, false])
      for (const kernels of [true, false]) {
        await using engine = await create({ graphs, kernels });
        expect(engine.graphs).toBe(graphs);
        expect([await tokensOf(engine, 1), await tokensOf(engine, 2)]).toEqual(expected);
      }
  });

  it("gives the GPU's memory back", async () => {
    await using engine = await create();
    const before = cuda.memory().allocated;
    const generator = await engine.loadGenerator(model);
    expect(cuda.memory().allocated - before).toBeGreaterThanOrEqual(generator.weightBytes);
    await generator[Symbol.asyncDispose]();
    expect(cuda.memory().allocated).toBe(before);
    // Once a model has run, libraries keep some memory for the streams they used; the same model takes no more of it.
    await tokensOf(engine, 3);
    const after = cuda.memory().allocated;
    await tokensOf(engine, 4);
    expect(cuda.memory().allocated).toBe(after);
  });
});
