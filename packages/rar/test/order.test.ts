/** A model that was trained last in another order than raster is sampled and completed in it, by both engines. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { finalOrder } from "../src/config/orders.js";
import { createEngine } from "../src/engines/create.js";
import { Pipeline } from "../src/pipeline.js";
import { sampleTokens } from "../src/sampling/generate.js";
import { haveLibtorch } from "../src/testing/libtorch.js";
import { tinyFolder } from "../src/testing/model-folders.js";
import { randomIds } from "../src/testing/random-model.js";
import { temporaryFolder } from "../src/testing/temporary.js";
import { locateModel, openModel } from "../src/weights/model-folder.js";

const folder = temporaryFolder();
let model: string;
beforeAll(async () => {
  model = await tinyFolder(folder);
  const file = join(model, "config.yaml");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("  generator:\n", "  generator:\n    order: spiral-in\n"),
  );
});

describe.each(["onnx", "torch"] as const)("on the %s engine", (name) => {
  const skip = name === "torch" && !haveLibtorch;
  let pipeline: Pipeline;
  beforeAll(async () => {
    if (!skip) pipeline = await Pipeline.load(model, { engine: name, threads: 1 });
  });
  afterAll(() => pipeline?.dispose());

  it.skipIf(skip)("tokens are drawn along the spiral and come back in raster order", async () => {
    const order = finalOrder("spiral-in", Math.sqrt(pipeline.generator.tokens));
    const [image] = await pipeline.generate({ classes: [3], seed: 4, guidanceScale: 2 });
    await using engine = await createEngine({ engine: name, threads: 1 }, 0);
    await using opened = await openModel(await locateModel(model));
    await using generator = await engine.loadGenerator(opened.generator!);
    const draw = { temperature: pipeline.sampling.temperature };
    const guidance = { scale: 2, pow: pipeline.sampling.guidanceScalePow };
    const of = async (along: Int32Array | undefined): Promise<number[]> => {
      let tokens: readonly Int32Array[] = [];
      const request = { classes: [3], seed: 4, indices: [0], guidance, draw, order: along };
      for await (const step of sampleTokens(generator, request)) tokens = step.tokens;
      return [...tokens[0]!];
    };
    expect([...image!.tokens]).toEqual(await of(order));
    expect([...image!.tokens]).not.toEqual(await of(undefined));
  });

  it.skipIf(skip)("what is kept of a picture is the spiral's first part", async () => {
    const side = pipeline.tokenizer.resolution;
    const picture = { width: side, height: side, data: Uint8Array.from(randomIds(1, 3 * side * side, 256)) };
    const [codes] = await pipeline.encode([picture]);
    const [image] = await pipeline.complete(picture, { class: 1, keep: 0.5, seed: 2 });
    const order = finalOrder("spiral-in", Math.sqrt(codes!.length));
    const kept = [...order.subarray(0, codes!.length / 2)];
    expect(kept.map((place) => image!.tokens[place])).toEqual(kept.map((place) => codes![place]));
  });
});
