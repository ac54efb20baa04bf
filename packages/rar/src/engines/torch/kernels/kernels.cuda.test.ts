/** The kernels on a GPU. Skipped without one; `scripts/gpu-check cuda` runs it where there is one. */
import * as torch from "libtorch";
import { cuda, inferenceMode, numbers } from "libtorch";
import { describe, expect, it } from "vitest";
import type { GeneratorConfig } from "../../../config/architecture.js";
import { presets } from "../../../config/presets.js";
import {
  checkAttention,
  checkDraw,
  checkDraws,
  checkSteps,
  randomModel,
} from "../../../testing/kernel-checks.js";
import { haveLibtorch } from "../../../testing/libtorch.js";
import { tinyGenerator } from "../../../testing/random-model.js";
import { Modulations, rowConditions } from "../modulation.js";
import { recordGraph } from "../record.js";
import { stepKernels } from "./program.js";
import { KernelStepper } from "./stepper.js";

const compile = cuda.compileKernels;
const device = "cuda:0";
const dtypes = ["float32", "bfloat16"] as const;
const withHeads = (d: number): GeneratorConfig => ({
  ...tinyGenerator,
  width: 4 * d,
  heads: 4,
  mlpWidth: 16 * d,
  tokens: 256,
});

describe.skipIf(!haveLibtorch || !cuda.isAvailable())("kernels on CUDA (skipped without a GPU)", () => {
  describe.each(dtypes)("in %s", (dtype) => {
    it.each([48, 64, 80, 88])("attention over every length, heads of %i", { timeout: 60_000 }, (d) => {
      inferenceMode(() => {
        const positions = [0, 1, 2, 15, 16, 31, 32, 63, 64, 100, 127, 128, 200, 255, 256];
        checkAttention({ compile, device, dtype }, withHeads(d), 2, positions);
        checkAttention({ compile, device, dtype }, withHeads(d), 8, [0, 33, 256]); // more than a few rows
      });
    });

    it.each([1, 2, 4, 128])("whole steps, %i images", { timeout: 60_000 }, async (images) => {
      const config = { ...withHeads(80), tokens: 40 };
      const model = randomModel(config, device, dtype);
      inferenceMode(() =>
        checkSteps({ compile, device, dtype }, model, images, [0, 1, 2, 3, 31, 32, 33, 40]),
      );
      model.dispose();
    });

    it("draws the same tokens as by operators", () => {
      const config = { ...tinyGenerator, codebookSize: 1024 };
      inferenceMode(() => {
        checkDraw({ compile, device, dtype }, config, 2);
        checkDraw({ compile, device, dtype }, config, 128);
      });
    });

    it.each([1, 3, 128])(
      "draws whole images as place by place, %i at once",
      { timeout: 60_000 },
      (images) => {
        const config = { ...withHeads(80), tokens: 40, codebookSize: 1024 };
        const model = randomModel(config, device, dtype);
        inferenceMode(() => {
          for (const record of [undefined, recordGraph(device)])
            checkDraws({ compile, device, dtype, record }, model, images);
        });
        model.dispose();
      },
    );
  });

  it.each([
    ["rar-b", "bfloat16", 1, {}],
    ["rar-xl", "bfloat16", 1, {}],
    ["rar-xl", "bfloat16", 1, { early: false, staged: false, valuesAhead: false }],
    ["rar-xl", "bfloat16", 2, { staged: true, valuesAhead: true }],
    ["rar-xxl", "bfloat16", 2, {}],
    ["rar-xl", "float32", 1, {}],
    ["rar-xl", "bfloat16", 128, {}],
  ] as const)(
    "recorded steps of four blocks of %s in %s, %i images, cut as %j",
    { timeout: 120_000 },
    async (preset, dtype, images, tuning) => {
      const config = { ...presets[preset].generator, depth: 4 };
      const model = randomModel(config, device, dtype);
      const record = recordGraph(device);
      inferenceMode(() =>
        checkSteps(
          { compile, device, dtype, record, tuning },
          model,
          images,
          [0, 1, 2, 3, 32, 33, 34, 100, 200, 256],
        ),
      );
      model.dispose();
    },
  );

  it.each([{}, { early: false }])(
    "steps are the same every time, cut as %j",
    { timeout: 60_000 },
    async (tuning) => {
      // A missing wait between kernels that start early would show as a difference now and then.
      const config = { ...presets["rar-b"].generator, depth: 8 };
      const model = randomModel(config, device, "bfloat16");
      inferenceMode(() => {
        const kernels = stepKernels(config, "bfloat16", device, 2, config.tokens + 1, compile, tuning);
        const stepper = new KernelStepper(model, 2, kernels, recordGraph(device));
        const modulations = new Modulations(model, rowConditions(config, Int32Array.of(1030), true));
        const once = (): number[] => {
          let last: number[] = [];
          for (let position = 0; position < 200; position++)
            torch.scope(() => {
              const id = (n: number) => torch.tensor(BigInt64Array.of(BigInt(n)), { device });
              const content = torch.unsqueeze(id(position * 5), 1);
              const logits = stepper.run(
                { content, where: id(position), next: id(position + 1), modulations },
                position,
              );
              if (position === 199) last = numbers(logits);
            });
          return last;
        };
        const first = once();
        for (let round = 0; round < 20; round++) expect(once()).toEqual(first);
        stepper.dispose();
        modulations.dispose();
      });
      model.dispose();
    },
  );
});
