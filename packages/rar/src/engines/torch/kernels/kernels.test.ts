import { inferenceMode } from "libtorch";
import { describe, expect, it } from "vitest";
import type { GeneratorConfig } from "../../../config/architecture.js";
import { canEmulate, emulate } from "../../../testing/emulated-kernels.js";
import {
  checkAttention,
  checkDraw,
  checkDraws,
  checkSteps,
  randomModel,
  rerun,
} from "../../../testing/kernel-checks.js";
import { haveLibtorch } from "../../../testing/libtorch.js";
import { tinyGenerator } from "../../../testing/random-model.js";
import { stepKernels, type Tuning } from "./program.js";

/** The published models' heads, of which two make a width that is no multiple of the threads. */
const withHeads = (d: number): GeneratorConfig => ({
  ...tinyGenerator,
  width: 2 * d,
  mlpWidth: 8 * d,
  tokens: 256,
});

describe.skipIf(!haveLibtorch || !canEmulate)("kernels of a decode step, emulated on the CPU", () => {
  const device = "cpu";

  it.each([
    ["bfloat16", 88, 2],
    ["float32", 48, 5],
  ] as const)("attention in %s, heads of %i, %i rows", { timeout: 60_000 }, (dtype, d, rows) => {
    inferenceMode(() => {
      const positions = [0, 1, 32, 127, 256];
      checkAttention({ compile: emulate(d === 88), device, dtype }, withHeads(d), rows, positions);
    });
  });

  it.each([
    ["bfloat16", 1, false, {}],
    ["float32", 2, true, { early: false, staged: true, valuesAhead: true }],
    ["bfloat16", 3, true, {}],
  ] as const satisfies readonly (readonly [unknown, unknown, unknown, Tuning])[])(
    "whole steps in %s, %i images, backwards: %s, cut as %j",
    {
      timeout: 60_000,
    },
    async (dtype, images, backwards, tuning) => {
      const config = { ...tinyGenerator, width: 48, heads: 3, mlpWidth: 192, tokens: 40 };
      const model = randomModel(config, device, dtype);
      inferenceMode(() =>
        checkSteps(
          { compile: emulate(backwards), device, dtype, tuning },
          model,
          images,
          [0, 1, 2, 31, 32, 33, 38],
        ),
      );
      model.dispose();
    },
  );

  it("draws the same tokens as by operators", { timeout: 60_000 }, () => {
    inferenceMode(() => {
      const config = { ...tinyGenerator, codebookSize: 300 };
      checkDraw({ compile: emulate(true), device, dtype: "bfloat16" }, config, 3);
    });
  });

  it("draws whole images as place by place", { timeout: 60_000 }, () => {
    const config = { ...tinyGenerator, width: 32, heads: 2, mlpWidth: 64, depth: 1, tokens: 4 };
    const model = randomModel(config, device, "float32");
    inferenceMode(() =>
      checkDraws({ compile: emulate(), device, dtype: "float32", record: rerun }, model, 2, [1.02, 0]),
    );
    model.dispose();
  });

  it("refuses a width that is not made of 16-byte pieces", () => {
    const config = { ...tinyGenerator, width: 36, heads: 3 };
    expect(() => stepKernels(config, "bfloat16", device, 2, 17, emulate())).toThrow(/no multiple of 8/);
  });
});
