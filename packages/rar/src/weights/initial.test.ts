import { describe, expect, it } from "vitest";
import { presets } from "../config/presets.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import { initialWeights } from "./initial.js";

const { generator, tokenizer } = presets["rar-b"];
const moments = (values: Float32Array): { mean: number; std: number } => {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) };
};

describe("initialWeights", () => {
  it("of a generator are as the reference's: std 0.02, norms 1, biases, class token and modulations 0", async () => {
    const source = initialWeights(generatorShapes(generator), { seed: 3 });
    for (const name of ["blocks.0.attn.qkv.weight", "embeddings.weight", "pos_embed", "lm_head.weight"]) {
      const { mean, std } = moments(await source.readFloat32(name));
      expect(std, name).toBeCloseTo(0.02, 4);
      expect(Math.abs(mean), name).toBeLessThan(1e-4);
    }
    const all = async (name: string) => new Set(await source.readFloat32(name));
    expect(await all("blocks.3.attn.q_norm.weight")).toEqual(new Set([1]));
    for (const zero of [
      "cls_token",
      "blocks.0.mlp.fc1.bias",
      "blocks.0.adaLN_modulation.1.weight",
      "lm_head.bias",
    ])
      expect(await all(zero), zero).toEqual(new Set([0]));
  });

  it("draws the modulations where asked to, with biases of std 0.1", async () => {
    const source = initialWeights(generatorShapes(generator), { randomModulation: true });
    expect(moments(await source.readFloat32("blocks.0.adaLN_modulation.1.weight")).std).toBeCloseTo(0.02, 3);
    expect(moments(await source.readFloat32("blocks.0.adaLN_modulation.1.bias")).std).toBeCloseTo(0.1, 1);
    expect(moments(await source.readFloat32("adaln_before_head.adaLN_modulation.1.bias")).std).toBeCloseTo(
      0.1,
      1,
    );
  });

  it("of a tokenizer: codes within 1 / codes, convolutions within 1 / sqrt(fan in), norms 1 and 0", async () => {
    const source = initialWeights(tokenizerShapes(tokenizer));
    const codes = await source.readFloat32("quantize.embedding.weight");
    const most = Math.max(...codes.map(Math.abs).sort().slice(-1));
    expect(most).toBeLessThanOrEqual(1 / 1024);
    expect(most).toBeGreaterThan(0.99 / 1024);
    const kernel = await source.readFloat32("decoder.conv_in.weight");
    expect(moments(kernel).std).toBeCloseTo(1 / Math.sqrt(256 * 9) / Math.sqrt(3), 4);
    const bias = await source.readFloat32("decoder.conv_in.bias");
    expect(Math.max(...bias)).toBeLessThanOrEqual(1 / Math.sqrt(256 * 9));
    expect(moments(bias).std).toBeGreaterThan(0);
    expect(new Set(await source.readFloat32("decoder.norm_out.weight"))).toEqual(new Set([1]));
    expect(new Set(await source.readFloat32("decoder.norm_out.bias"))).toEqual(new Set([0]));
  });

  it("depends on seed and name alone, in all their bits", async () => {
    const shape = [64, 64];
    const read = (name: string, seed: number) =>
      initialWeights([{ name, shape }], { seed }).readFloat32(name);
    const first = await read("a.weight", 5);
    expect(await read("a.weight", 5)).toEqual(first);
    for (const other of [
      await read("b.weight", 5),
      await read("a.weight", 6),
      await read("a.weight", 5 + 2 ** 40),
    ]) {
      expect(other).not.toEqual(first);
      const same = other.filter((value, i) => value === first[i]).length;
      expect(same).toBeLessThan(3);
      const correlation = other.reduce((sum, value, i) => sum + value * first[i]!, 0) / 4096 / 0.02 ** 2;
      expect(Math.abs(correlation)).toBeLessThan(0.08); // 5 sigmas
    }
  });

  it("has normal numbers: shares within 1, 2 and 3 sigmas, no repetition", async () => {
    const values = await initialWeights([{ name: "x.weight", shape: [1000, 999] }]).readFloat32("x.weight");
    const within = (sigmas: number) =>
      values.filter((v) => Math.abs(v) < sigmas * 0.02).length / values.length;
    expect(within(1)).toBeCloseTo(0.6827, 2);
    expect(within(2)).toBeCloseTo(0.9545, 2);
    expect(within(3)).toBeCloseTo(0.9973, 3);
    expect(new Set(values).size).toBeGreaterThan(values.length * 0.9);
    const neighbours =
      values.reduce((sum, v, i) => sum + v * (values[i + 1] ?? 0), 0) / values.length / 0.02 ** 2;
    expect(Math.abs(neighbours)).toBeLessThan(0.006);
  });

  it("refuses a seed that is none, and names a tensor it does not have", async () => {
    expect(() => initialWeights([], { seed: -1 })).toThrow(/seed/);
    await expect(initialWeights([]).readFloat32("a")).rejects.toThrow(/no tensor "a"/);
  });
});
