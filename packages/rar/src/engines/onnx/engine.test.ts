import { describe, expect, it } from "vitest";
import { engineContract } from "../../testing/engine-contract.js";
import { tinyGenerator } from "../../testing/random-model.js";
import { useTemporaryCache } from "../../testing/temporary.js";
import { OnnxEngine } from "./engine.js";

useTemporaryCache();

engineContract("onnx", () => new OnnxEngine({ threads: 2 }));

describe("OnnxEngine", () => {
  it("says what it is", async () => {
    await using engine = new OnnxEngine({ precision: "int8", threads: 1 });
    expect(engine).toMatchObject({ name: "onnx", device: "cpu", precision: "int8", threads: 1 });
  });

  it.each([0, -1, 1.5, Number.NaN])("refuses %d threads", (threads) => {
    expect(() => new OnnxEngine({ threads })).toThrow(
      `threads must be a whole number of at least 1, it is ${threads}`,
    );
  });

  it("refuses a model that cannot fit before it reads any of it, with the numbers", async () => {
    const config = { ...tinyGenerator, width: 2 ** 14, mlpWidth: 2 ** 16, depth: 60 };
    const weights = { tensors: new Map(), readFloat32: () => Promise.reject(new Error("it was read")) };
    await using engine = new OnnxEngine({ threads: 1 });
    const call = engine.loadGenerator({ config, weights });
    await expect(call).rejects.toMatchObject({ code: "memory" });
    await expect(call).rejects.toThrow(
      /about \d+\.\d GiB .*float32 .*\d GiB are free\. Pass --precision int8/,
    );
    const tokenizer = {
      channels: 2 ** 15,
      multipliers: [1, 1],
      blocks: 2,
      zChannels: 8,
      codebookSize: 8,
      imageChannels: 3,
      resolution: 8,
    };
    await expect(engine.loadTokenizer({ config: tokenizer, weights })).rejects.toMatchObject({
      code: expect.stringMatching(/memory|io/),
    });
  });

  it("leaves ONNX Runtime's reports to its maker off, unless the user has decided otherwise", async () => {
    const before = process.env.ORT_DISABLE_TELEMETRY;
    for (const [set, expected] of [
      [undefined, "1"],
      ["0", "0"],
    ] as const) {
      if (set === undefined) delete process.env.ORT_DISABLE_TELEMETRY;
      else process.env.ORT_DISABLE_TELEMETRY = set;
      await new OnnxEngine({ threads: 1 }).dispose(); // before it loads anything
      expect(process.env.ORT_DISABLE_TELEMETRY).toBe(expected);
    }
    process.env.ORT_DISABLE_TELEMETRY = before ?? "1";
  });
});
