import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { describe, expect, it } from "vitest";
import type { TokenizerConfig } from "../../config/architecture.js";
import { tokenizerShapes } from "../../config/shapes.js";
import { haveLibtorch } from "../../testing/libtorch.js";
import { randomIds, randomTokenizer } from "../../testing/random-model.js";
import { locateModel, openModel } from "../../weights/model-folder.js";
import type { Model } from "../engine.js";
import { loadedTokenizer } from "./tokenizer.js";

async function parameters({ config, weights }: Model<TokenizerConfig>, factor = 1) {
  const made = new Map<string, Tensor>();
  for (const { name, shape } of tokenizerShapes(config)) {
    const data = await weights.readFloat32(name);
    const scaled = name === "decoder.conv_in.weight" ? data.map((v) => v * factor) : data;
    made.set(name, torch.keep(torch.tensor(scaled, { shape })));
  }
  return made;
}

/** Pixels in float32, and with a decoder in float16. */
async function both(model: Model<TokenizerConfig>, count: number, side: number, factor = 1) {
  const codes = randomIds(3, count * side * side, model.config.codebookSize);
  const pixels: Float32Array[] = [];
  for (const half of [false, true]) {
    const tokenizer = loadedTokenizer(model.config, await parameters(model, factor), "cpu", half);
    pixels.push(torch.inferenceMode(() => tokenizer.decode(codes, count, side, side)));
    tokenizer.dispose();
  }
  return pixels as [Float32Array, Float32Array];
}

/** PyTorch computes convolutions in float16 on CPUs since 2.1. */
const halves = haveLibtorch && !torch.runtimeInfo().version.startsWith("1.");

describe.skipIf(!halves)("a decoder in float16", () => {
  it("moves no pixel of a trained tokenizer by half a grey level", async () => {
    await using opened = await openModel(await locateModel("emoji"));
    const [exact, found] = await both(opened.tokenizer!, 2, 8);
    const worst = exact.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i]!)), 0);
    expect(worst * 255).toBeLessThan(0.5);
    expect(worst).toBeGreaterThan(0); // or it was not
  });

  it("computes again in float32 where numbers are too large", async () => {
    const [exact, found] = await both(randomTokenizer(), 2, 4, 1e9);
    expect(found).toEqual(exact);
  });

  it("leaves nothing behind", async () => {
    const before = torch.liveTensors().count;
    await both(randomTokenizer(), 1, 4);
    expect(torch.liveTensors().count).toBe(before);
  });
});
