import { expect, it } from "vitest";
import { loadConfig, presetConfig } from "../config/load.js";
import { epochs, memoryOf, parameterGroups, planLines } from "./plan.js";
import { runSettings } from "./run-settings.js";

const plan = async (overrides: readonly string[], ranks: number, rows: number): Promise<string> => {
  const { config } = await presetConfig("rar-b", ["experiment.output_dir=out", ...overrides]);
  const settings = runSettings(config);
  const data = { rows, path: "tokens" };
  return planLines({ config, settings, ranks, device: "cuda:0", data, from: 0 }).join("\n");
};

it("knows the published run: 2,048 rows a step, 400 epochs, forty passes over ten crops", async () => {
  const text = await plan([], 32, 12_811_670);
  expect(text).toMatch(/2,048 rows a step = 32 processes x 64 rows x 1 micro-batch/);
  expect(text).toMatch(/250,000, 512,000,000 samples/);
  expect(text).toMatch(
    /400 over 1,281,167 pictures .*40 passes over the file's 12,811,670 rows: ten crops a picture/,
  );
  expect(text).toMatch(/random up to step 125,000, ever fewer from there, raster from step 187,500/);
  expect(text).toMatch(/260,923,648 parameters/);
  expect(text).toMatch(/this is the published recipe/);
});

it("names what differs from the published recipe", async () => {
  const text = await plan(["training.use_ema=true", "optimizer.params.learning_rate=1e-3"], 8, 2_562_334);
  expect(text).toMatch(
    /differs in rows a step 512 \(2,048\), optimizer\.params\.learning_rate 0\.001 \(0\.0004\), training\.use_ema true \(false\)/,
  );
  expect(text).toMatch(/a picture and its mirror/);
});

it("says what the orders come to where the run ends before its annealing", async () => {
  expect(await plan(["training.max_train_steps=1000"], 1, 100)).toMatch(
    /ends at 1,000, before orders are all raster/,
  );
});

it("counts epochs without a number of pictures, and without a file", () => {
  expect(epochs(1000, 250, undefined)).toBe("4 passes over the file's 250 rows");
  expect(epochs(1000, undefined, 500)).toMatch(/^2 over 500 pictures/);
  expect(epochs(1000, 750, 500)).toMatch(/1\.5 rows a picture/);
});

it("counts every parameter in one of two groups, and four copies of them with an average", async () => {
  const { config } = await loadConfig({
    overrides: ["config=debug.yaml", "experiment.output_dir=out", "training.use_ema=true"],
  });
  const settings = runSettings(config);
  const { decay, plain } = parameterGroups(settings.model);
  const memory = memoryOf({ config, settings, device: "cpu" });
  expect(memory.weights).toBe(4 * (decay.numbers + plain.numbers));
  const { activations } = memoryOf({
    config,
    settings: { ...settings, batch: 2 * settings.batch },
    device: "cpu",
  });
  expect(activations).toBe(2 * memory.activations);
  expect([memory.gradients, memory.moments, memory.ema]).toEqual([1, 2, 1].map((n) => n * memory.weights));
});
