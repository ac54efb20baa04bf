import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { type GeneratorConfig, publishedTokenizer } from "./architecture.js";
import { generatorShapes, type NamedShape, tokenizerShapes } from "./shapes.js";

const readJson = (path: string) => JSON.parse(readFileSync(fixture(path)!, "utf8"));
const count = (shapes: readonly NamedShape[]) =>
  shapes.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);

interface RecordedModel {
  readonly hidden_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly tensors: number;
  readonly parameters: number;
  readonly before_blocks: Record<string, number[]>;
  readonly "block (each as blocks.N.<name>, N from 0)": Record<string, number[]>;
  readonly after_blocks: Record<string, number[]>;
}

describe.skipIf(missing("rar_shapes.json"))("generatorShapes", () => {
  for (const [name, m] of Object.entries<RecordedModel>(readJson("rar_shapes.json"))) {
    it(`gives the recorded names, shapes and order of ${name}`, () => {
      const config: GeneratorConfig = {
        width: m.hidden_size,
        depth: m.num_hidden_layers,
        heads: m.num_attention_heads,
        mlpWidth: m.intermediate_size,
        codebookSize: 1024,
        tokens: 256,
        classes: 1000,
      };
      const block = Object.entries(m["block (each as blocks.N.<name>, N from 0)"]);
      const recorded = [
        ...Object.entries(m.before_blocks),
        ...Array.from({ length: config.depth }, (_, i) =>
          block.map(([n, s]) => [`blocks.${i}.${n}`, s]),
        ).flat(),
        ...Object.entries(m.after_blocks),
      ];
      const shapes = generatorShapes(config);
      expect(shapes.map(({ name, shape }) => [name, shape])).toEqual(recorded);
      expect(shapes).toHaveLength(m.tensors);
      expect(count(shapes)).toBe(m.parameters);
    });
  }
});

describe.skipIf(missing("rar_tiny/generator.safetensors"))("generatorShapes of a file", () => {
  it("gives exactly what rar_tiny/generator.safetensors holds", () => {
    const bytes = readFileSync(fixture("rar_tiny/generator.safetensors")!);
    const header = JSON.parse(bytes.toString("utf8", 8, 8 + Number(bytes.readBigUInt64LE(0))));
    delete header.__metadata__;
    const held = Object.entries<{ shape: number[] }>(header).map(([name, { shape }]) => ({ name, shape }));
    const shapes = generatorShapes({
      width: 64,
      depth: 3,
      heads: 4,
      mlpWidth: 160,
      codebookSize: 128,
      tokens: 16,
      classes: 10,
    });
    const sorted = (list: readonly NamedShape[]) => [...list].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(sorted(shapes)).toEqual(sorted(held));
  });
});

describe.skipIf(missing("vq_full_shapes.json"))("tokenizerShapes", () => {
  it("gives the recorded names, shapes and order of the published tokenizer", () => {
    const recorded = readJson("vq_full_shapes.json");
    const shapes = tokenizerShapes(publishedTokenizer);
    expect(shapes.map(({ name, shape }) => [name, shape])).toEqual(Object.entries(recorded.tensors));
    expect(count(shapes)).toBe(recorded.parameters);
  });

  it("adds a shortcut only where widths differ, one level or many", () => {
    const one = tokenizerShapes({ ...publishedTokenizer, multipliers: [1] }).map(({ name }) => name);
    expect(one.filter((name) => name.includes("nin_shortcut") || name.includes("upsample"))).toEqual([]);
    // the emoji model: the first level is already twice as wide as conv_in
    const emoji = tokenizerShapes({ ...publishedTokenizer, multipliers: [2, 2, 2] }).map(({ name }) => name);
    expect(emoji.filter((name) => name.includes("nin_shortcut"))).toEqual([
      "encoder.down.0.block.0.nin_shortcut.weight",
    ]);
  });
});
