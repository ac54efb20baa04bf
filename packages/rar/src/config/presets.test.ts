import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { downsampling, headWidth } from "./architecture.js";
import { presetLike, presetNamed, presets } from "./presets.js";
import { generatorShapes, levelWidths } from "./shapes.js";

describe("presets", () => {
  it.each(Object.entries(presets))("%s is possible", (_, { generator, tokenizer }) => {
    expect(Number.isInteger(headWidth(generator))).toBe(true);
    expect(generator.codebookSize).toBe(tokenizer.codebookSize);
    expect((tokenizer.resolution / downsampling(tokenizer)) ** 2).toBe(generator.tokens);
    for (const width of levelWidths(tokenizer)) expect(width % 32).toBe(0);
  });

  it.skipIf(missing("rar_shapes.json"))("have the recorded sizes", () => {
    const recorded = JSON.parse(readFileSync(fixture("rar_shapes.json")!, "utf8"));
    for (const name of ["rar-b", "rar-l", "rar-xl", "rar-xxl"] as const) {
      const shapes = generatorShapes(presets[name].generator);
      const count = shapes.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
      expect(count).toBe(recorded[name.replace("-", "_")].parameters);
      expect(presetLike(presets[name].generator)).toBe(name);
    }
  });

  it("are found by name in any case, or refused with the nearest", () => {
    expect(presetNamed("RAR_XL")).toBe(presets["rar-xl"]);
    expect(() => presetNamed("rar-xx")).toThrow(/no preset "rar-xx"\. Did you mean "rar-x/);
    expect(() => presetNamed("constructor")).toThrow(/no preset/);
  });
});
