import { describe, expect, it } from "vitest";
import { presets } from "../../config/presets.js";
import { tinyGenerator } from "../../testing/random-model.js";
import { WEIGHTS_AT } from "../wasm/generator.js";
import { mostRows, runsTiled, tiledStep } from "./tiled.js";
import { placesInFile } from "./weights.js";

describe("tiledStep", () => {
  it("runs the published models, not heads that are no whole vectors nor weights that leave no room", () => {
    for (const { generator } of Object.values(presets)) expect(runsTiled(generator)).toBe(true);
    expect(runsTiled({ ...tinyGenerator, width: 36, heads: 6 })).toBe(false);
    expect(runsTiled({ ...tinyGenerator, width: 2 ** 13, mlpWidth: 2 ** 15, heads: 16, depth: 4 })).toBe(
      false,
    );
  });

  it("has room for two sessions of so many rows beside the weights", () => {
    const GiB = 2 ** 30;
    for (const { generator } of Object.values(presets)) {
      const rows = mostRows(generator, 4);
      const cache = 2 * rows * generator.depth * generator.width * 4 * (generator.tokens + 1);
      expect(2 * cache).toBeLessThan(4 * GiB);
      expect(rows).toBeGreaterThanOrEqual(12); // six images with guidance, also of RAR-XXL
    }
  });

  it("places every tensor where the weights file has it, none over another", () => {
    const { graph, places } = tiledStep(tinyGenerator);
    const { blocks, head, content, where, next } = places();
    const linear = [...blocks.flatMap(({ qkv, proj, fc1, fc2 }) => [qkv, proj, fc1, fc2]), head];
    const norms = blocks.flatMap(({ qNorm, kNorm }) => [qNorm, kNorm]);
    const all = [...[...linear, ...norms].flatMap((p) => [p.weight, p.bias]), content, where, next];
    const { offsets } = placesInFile(graph);
    expect(all.map((at) => at - WEIGHTS_AT).sort((a, b) => a - b)).toEqual([...offsets.values()]);
    expect(graph.nodes).toEqual([]);
  });
});
