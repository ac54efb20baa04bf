import { tmpdir } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../src/engines/engine.js";
import { OnnxEngine } from "../src/engines/onnx/engine.js";
import { TorchEngine } from "../src/engines/torch/engine.js";
import { fixture, missing } from "../src/testing/fixtures.js";
import { haveLibtorch } from "../src/testing/libtorch.js";
import { verify } from "../src/verify/verify.js";

/** Folder, the generator's weights file, and how many checks its files hold at least. */
const folders: readonly (readonly [folder: string, weights: string | undefined, checks: number])[] = [
  ["rar_b_width", undefined, 7],
  ["rar_tiny", undefined, 80],
  ["rar_tiny", "generator.bin", 80],
  ["rar_tiny", "generator_legacy.bin", 80],
  ["rar_tiny", "generator_bf16.bin", 1],
  ["rar_tiny", "generator_fp16.bin", 1],
  ["rar_tiny", "generator_shared.bin", 1],
  ["vq_tiny", undefined, 30],
  ["vq_full", undefined, 6],
  ["rar_full", undefined, 4],
  ["cifar10", undefined, 45],
];

/** Engines by name; one thread for libtorch, whose threads wait for each other badly on a busy machine. */
const engines = {
  onnx: async (): Promise<Engine> => new OnnxEngine(),
  torch: (): Promise<Engine> => TorchEngine.create({ threads: 1 }),
} as const;
/** What only the torch engine is held to besides: sampled ids, gradients, updates. */
const torchOnly: Readonly<Record<string, number>> = { rar_tiny: 200 };

describe.each(["onnx", "torch"] as const)(
  "the %s engine against the reference's recorded numbers",
  (name) => {
    let engine: Engine;
    const absent = name === "torch" && !haveLibtorch;
    beforeAll(async () => {
      if (!absent) engine = await engines[name]();
    });
    afterAll(() => engine?.dispose());

    for (const [folder, weights, onEvery] of folders) {
      const least =
        onEvery +
        (name === "torch" && !/bf16|fp16|shared/.test(weights ?? "") ? (torchOnly[folder] ?? 0) : 0);
      const skip = absent || missing(weights === undefined ? folder : `${folder}/${weights}`);
      it.skipIf(skip)(`${folder}${weights ? ` with ${weights}` : ""}`, { timeout: 300_000 }, async () => {
        const path = fixture(folder)!;
        const wrong: string[] = [];
        let count = 0;
        for await (const result of verify(path, engine, { weights: weights && `${path}/${weights}` })) {
          count++;
          if (!result.ok)
            wrong.push(`${result.name}: ${result.deviation} of ${result.tolerance} ${result.note ?? ""}`);
        }
        expect(wrong).toEqual([]);
        expect(count).toBeGreaterThanOrEqual(least);
      });
    }

    it.skipIf(absent)("says so where there is nothing to check", async () => {
      await expect(verify(tmpdir(), engine).next()).rejects.toThrow(/no recorded numbers/);
    });
  },
);

describe("verify", () => {
  it("finds a wrong number: the checks can fail", async () => {
    const coarse = new OnnxEngine({ precision: "int4" });
    let wrong = 0;
    for await (const result of verify(fixture("rar_b_width")!, coarse)) if (!result.ok) wrong++;
    await coarse.dispose();
    expect(wrong).toBeGreaterThan(0);
  });
});
