import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { presets } from "./presets.js";
import { networkOf, recogniseGenerator, recogniseTokenizer } from "./recognise.js";
import { generatorShapes, type NamedShape, tokenizerShapes } from "./shapes.js";

const shapesOf = (list: readonly NamedShape[]) => new Map(list.map(({ name, shape }) => [name, { shape }]));

describe("recognise", () => {
  it.each(Object.entries(presets))("finds the sizes of %s", (_, { generator, tokenizer }) => {
    const weights = shapesOf(generatorShapes(generator));
    expect(networkOf(weights)).toBe("generator");
    expect(recogniseGenerator(weights)).toEqual(generator);
    const vq = shapesOf(tokenizerShapes(tokenizer));
    expect(networkOf(vq)).toBe("tokenizer");
    expect(recogniseTokenizer(vq, generator.tokens)).toEqual(tokenizer);
  });

  it("finds any sizes", () => {
    const size = fc.integer({ min: 1, max: 40 });
    const generators = fc.record({
      depth: fc.integer({ min: 1, max: 4 }),
      heads: fc.integer({ min: 1, max: 8 }),
      head: size,
      mlpWidth: size,
      codebookSize: size,
      tokens: size,
      classes: size,
    });
    fc.assert(
      fc.property(generators, ({ head, ...rest }) => {
        const config = { width: rest.heads * head, ...rest };
        expect(recogniseGenerator(shapesOf(generatorShapes(config)))).toEqual(config);
      }),
    );
  });

  it("refuses what is neither, or lacks a tensor", () => {
    expect(networkOf(new Map())).toBeUndefined();
    expect(recogniseGenerator(new Map())).toBeUndefined();
    expect(recogniseTokenizer(new Map())).toBeUndefined();
    const weights = shapesOf(generatorShapes(presets.debug.generator));
    for (const name of [
      "cls_token",
      "lm_head.weight",
      "timesteps_embeddings",
      "blocks.0.attn.q_norm.weight",
    ]) {
      const without = new Map([...weights].filter(([own]) => own !== name));
      expect(recogniseGenerator(without)).toBeUndefined();
    }
    expect(recogniseGenerator(new Map([...weights, ["cls_token", { shape: [1, 1, 33] }]]))).toBeUndefined();
  });
});
