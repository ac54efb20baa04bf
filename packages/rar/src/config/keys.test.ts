import { describe, expect, it } from "vitest";
import { configOf } from "./keys.js";
import {
  generatorConfig,
  loadConfig,
  presetConfig,
  samplingConfig,
  tokenizerConfig,
  writeConfig,
} from "./load.js";
import { type PresetName, presets } from "./presets.js";

describe("configOf", () => {
  it.each(Object.entries(presets))("%s comes back whole through its file", async (_, preset) => {
    const { config, notes } = await loadConfig({ text: writeConfig(configOf(preset)) });
    expect(notes).toEqual([]);
    expect(generatorConfig(config)).toEqual(preset.generator);
    expect(tokenizerConfig(config)).toEqual(preset.tokenizer);
    expect(samplingConfig(config)).toEqual(preset.sampling);
  });

  it("leaves out what is not given", () => {
    expect(configOf({})).toEqual({ model: { vq_model: {} } });
  });
});

describe("presetConfig", () => {
  it.each(Object.entries(presets))(
    "%s is rar.yaml with the preset's sizes, and takes overrides",
    async (name, preset) => {
      const { config, notes } = await presetConfig(name as PresetName, ["training.seed=7"]);
      expect(notes).toEqual([]);
      expect(generatorConfig(config)).toEqual(preset.generator);
      expect(tokenizerConfig(config)).toEqual(preset.tokenizer);
      expect(samplingConfig(config)).toEqual(preset.sampling);
      expect(config.experiment.name).toBe(name);
      expect(config.dataset.preprocessing.crop_size).toBe(preset.tokenizer.resolution);
      expect([config.training.seed, config.training.max_train_steps]).toEqual([7, 250_000]);
    },
  );
});
