import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionId } from "../src/config/architecture.js";
import { createEngine } from "../src/engines/create.js";
import type { Engine } from "../src/engines/engine.js";
import { OnnxEngine } from "../src/engines/onnx/engine.js";
import { TorchEngine } from "../src/engines/torch/engine.js";
import { Pipeline } from "../src/pipeline.js";
import { deviation } from "../src/testing/against-plain.js";
import { haveLibtorch } from "../src/testing/libtorch.js";
import { randomIds, randomOrder } from "../src/testing/random-model.js";
import { runForward } from "../src/verify/run-network.js";
import { locateModel, type OpenedModel, openModel } from "../src/weights/model-folder.js";

describe.skipIf(!haveLibtorch)("the two engines on the CIFAR-10 weights, in float32", () => {
  let files: OpenedModel;
  const engines: Engine[] = [];
  beforeAll(async () => {
    files = await openModel(await locateModel("cifar10"));
    engines.push(new OnnxEngine(), await TorchEngine.create({ threads: 1 }));
  });
  afterAll(async () => {
    for (const engine of engines) await engine.dispose();
    await files[Symbol.asyncDispose]();
  });

  it("logits of the training form agree to 1e-4, in raster and in random order", async () => {
    const { config, weights } = files.generator!;
    const tokens = [0, 1, 2, 3].map((row) => randomIds(row, config.tokens, config.codebookSize));
    const conditions = tokens.map((_, label) => conditionId(config, label));
    const random = tokens.map((_, row) => randomOrder(row, config.tokens));
    for (const orders of [undefined, random]) {
      const [onnx, torch] = await Promise.all(
        engines.map(async (engine) => runForward(engine, config, weights, { tokens, conditions, orders })),
      );
      expect(deviation(torch!.logits!.data, onnx!.logits!.data)).toBeLessThan(1e-4);
    }
  });

  it("the same seeds give the same images", { timeout: 120_000 }, async () => {
    const load = (engine: "onnx" | "torch") =>
      Pipeline.load("cifar10", {
        engine,
        device: "cpu",
        precision: "float32",
        threads: engine === "torch" ? 1 : 2,
      });
    await using onnx = await load("onnx");
    await using torch = await load("torch");
    const classes = Array.from({ length: 24 }, (_, i) => i % 10);
    for (const settings of [{}, { topK: 40, topP: 0.9, temperature: 0.8 }, { temperature: 0 }]) {
      const request = { classes, seed: 11, ...settings };
      const [a, b] = [await onnx.generate(request), await torch.generate(request)];
      // Two scores may tie to the last digits: one image of 72 may go another way, more may not.
      const other = a.filter((image, i) =>
        image.tokens.some((token, place) => token !== b[i]!.tokens[place]),
      );
      expect(other.length, `images ${other.map(({ index }) => index)}`).toBeLessThanOrEqual(1);
      for (const [i, image] of a.entries()) {
        if (other.includes(image)) continue;
        const gap = image.data.reduce(
          (most, value, j) => Math.max(most, Math.abs(value - b[i]!.data[j]!)),
          0,
        );
        expect(gap, "grey levels").toBeLessThanOrEqual(1);
      }
    }
  });

  it("a half that was given is completed alike", async () => {
    const results = [];
    for (const engine of ["onnx", "torch"] as const) {
      await using pipeline = await Pipeline.load("cifar10", {
        engine,
        device: "cpu",
        precision: "float32",
        threads: 1,
      });
      const [image] = await pipeline.generate({ classes: ["ship"], seed: 3 });
      const [completed] = await pipeline.complete(image!, { keep: 0.5, class: "ship", seed: 4 });
      results.push([...completed!.tokens]);
    }
    expect(results[1]).toEqual(results[0]);
  });
});

describe("choosing an engine", () => {
  it("each refuses what it does not have, and names the one that does", async () => {
    await expect(createEngine({ engine: "onnx", precision: "bfloat16" }, 0)).rejects.toThrow(/torch engine/);
    await expect(createEngine({ engine: "torch", precision: "int8" }, 0)).rejects.toThrow(/onnx engine/);
    await expect(createEngine({ engine: "onnx", device: "cuda" }, 0)).rejects.toThrow(/--engine torch/);
    await expect(createEngine({ engine: "torch", device: "tpu" }, 0)).rejects.toThrow(/"tpu" is no device/);
  });

  it("without libtorch the torch engine is refused with what to do, and auto takes onnx", async () => {
    const before = { ...process.env };
    Object.assign(process.env, { LIBTORCH_ADDON: "", LIBTORCH_BUILD: "/nowhere" });
    try {
      await expect(createEngine({ engine: "torch" }, 0)).rejects.toMatchObject({
        code: "engine",
        message: expect.stringMatching(/npm run setup.*--engine onnx/s),
      });
      await using engine = await createEngine({}, 0);
      expect(engine.name).toBe("onnx");
    } finally {
      for (const name of ["LIBTORCH_ADDON", "LIBTORCH_BUILD"])
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
    }
  });

  it.skipIf(!haveLibtorch)("a device that is not there is refused with what to do", async () => {
    await expect(createEngine({ engine: "torch", device: "cuda:9" }, 0)).rejects.toThrow(
      /CUDA device|no device cuda:9/,
    );
  });

  it.skipIf(!haveLibtorch)("PyTorch's own sampler is for the torch engine", async () => {
    await using pipeline = await Pipeline.load("cifar10", { engine: "onnx" });
    await expect(pipeline.generate({ classes: [1], sampler: "torch" })).rejects.toThrow(/--engine torch/);
    await using torch = await Pipeline.load("cifar10", { engine: "torch", device: "cpu", threads: 1 });
    const draw = () => torch.generate({ classes: [1, 2], seed: 5, sampler: "torch" });
    const [first, again] = [await draw(), await draw()];
    expect(again.map(({ tokens }) => [...tokens])).toEqual(first.map(({ tokens }) => [...tokens]));
  });
});
