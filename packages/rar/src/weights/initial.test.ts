import { describe, expect, it } from "vitest";
import { publishedTokenizer } from "../config/architecture.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import { initialWeights } from "./initial.js";

const config = { width: 64, depth: 2, heads: 4, mlpWidth: 160, codebookSize: 128, tokens: 16, classes: 10 };
const deviation = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);

describe("initial weights", () => {
  it("have the reference's distribution", async () => {
    const source = initialWeights(generatorShapes(config));
    for (const name of ["embeddings.weight", "pos_embed", "blocks.1.mlp.fc1.weight", "lm_head.weight"]) {
      const values = await source.readFloat32(name);
      expect(deviation(values)).toBeCloseTo(0.02, 3);
      expect(Math.abs(values.reduce((a, b) => a + b, 0) / values.length)).toBeLessThan(1e-3);
    }
    expect(await source.readFloat32("cls_token")).toEqual(new Float32Array(64));
    expect(await source.readFloat32("blocks.0.attn.qkv.bias")).toEqual(new Float32Array(192));
    expect(await source.readFloat32("blocks.0.attn.q_norm.weight")).toEqual(new Float32Array(16).fill(1));
    expect(await source.readFloat32("blocks.0.adaLN_modulation.1.weight")).toEqual(
      new Float32Array(6 * 64 * 64),
    );
  });

  it("differ by tensor and by seed, and are the same each time", async () => {
    const [one, again] = [initialWeights(generatorShapes(config)), initialWeights(generatorShapes(config))];
    const other = initialWeights(generatorShapes(config), { seed: 1 });
    const fc1 = await one.readFloat32("blocks.0.mlp.fc1.weight");
    expect(await again.readFloat32("blocks.0.mlp.fc1.weight")).toEqual(fc1);
    expect(await other.readFloat32("blocks.0.mlp.fc1.weight")).not.toEqual(fc1);
    expect(await one.readFloat32("blocks.1.mlp.fc1.weight")).not.toEqual(fc1);
  });

  it("draw the modulation only when asked", async () => {
    const source = initialWeights(generatorShapes(config), { randomModulation: true });
    expect(deviation(await source.readFloat32("blocks.0.adaLN_modulation.1.bias"))).toBeCloseTo(0.1, 1);
  });

  it("cover a tokenizer: codes uniform, convolutions by their inputs", async () => {
    const source = initialWeights(tokenizerShapes(publishedTokenizer));
    const codes = await source.readFloat32("quantize.embedding.weight");
    expect(Math.max(...codes.subarray(0, 50_000))).toBeLessThanOrEqual(1 / 1024);
    expect(deviation(await source.readFloat32("decoder.mid.0.conv1.weight"))).toBeCloseTo(
      1 / Math.sqrt(512 * 9),
      4,
    );
  });
});
