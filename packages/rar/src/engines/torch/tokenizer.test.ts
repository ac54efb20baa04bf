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

async function parameters({ config, weights }: Model<TokenizerConfig>, device: string, factor = 1) {
  const made = new Map<string, Tensor>();
  for (const { name, shape } of tokenizerShapes(config)) {
    const data = await weights.readFloat32(name);
    const scaled = name === "decoder.conv_in.weight" ? data.map((v) => v * factor) : data;
    made.set(name, torch.keep(torch.tensor(scaled, { shape, device })));
  }
  return made;
}

/** Pixels in float32, and with a decoder in float16. */
async function both(model: Model<TokenizerConfig>, device: string, count: number, side: number, factor = 1) {
  const codes = randomIds(3, count * side * side, model.config.codebookSize);
  const pixels: Float32Array[] = [];
  for (const half of [false, true]) {
    const tokenizer = loadedTokenizer(model.config, await parameters(model, device, factor), device, half);
    pixels.push(torch.inferenceMode(() => tokenizer.decode(codes, count, side, side)));
    tokenizer.dispose();
  }
  return pixels as [Float32Array, Float32Array];
}

/** PyTorch computes convolutions in float16 on CPUs since 2.1. */
const halves = haveLibtorch && !torch.runtimeInfo().version.startsWith("1.");

const devices = ["cpu", ...(haveLibtorch && torch.cuda.isAvailable() ? ["cuda:0"] : [])];

describe.skipIf(!halves).each(devices)("a decoder in float16 on %s", (device) => {
  it("moves no pixel of a trained tokenizer by half a grey level", async () => {
    await using opened = await openModel(await locateModel("emoji"));
    const [exact, found] = await both(opened.tokenizer!, device, 2, 8);
    const worst = exact.reduce((most, v, i) => Math.max(most, Math.abs(v - found[i]!)), 0);
    expect(worst * 255).toBeLessThan(0.5);
    expect(worst).toBeGreaterThan(0); // or it was not
  });

  it("computes again in float32 where numbers are too large", async () => {
    const [exact, found] = await both(randomTokenizer(), device, 2, 4, 1e9);
    expect(found.every((v, i) => Math.abs(v - exact[i]!) < 1e-5)).toBe(true);
  });

  it("is the same in several batches", async () => {
    const model = randomTokenizer();
    const codes = randomIds(4, 5 * 16, model.config.codebookSize);
    for (const factor of [1, 1e9]) {
      const tokenizer = loadedTokenizer(model.config, await parameters(model, device, factor), device, true);
      const [whole, parts] = [5, 2].map((atOnce) =>
        torch.inferenceMode(() => tokenizer.decode(codes, 5, 4, 4, atOnce)),
      ) as [Float32Array, Float32Array];
      expect(whole.reduce((most, v, i) => Math.max(most, Math.abs(v - parts[i]!)), 0)).toBeLessThan(2e-3);
      tokenizer.dispose();
    }
  });

  it("leaves nothing behind", async () => {
    const before = torch.liveTensors().count;
    await both(randomTokenizer(), device, 1, 4);
    expect(torch.liveTensors().count).toBe(before);
  });
});
