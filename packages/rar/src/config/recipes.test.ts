/** The recipes that ship: each can be read, and a generator's recipe fits the tokenizer's that it follows. */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { downsampling } from "./architecture.js";
import { generatorConfig, loadConfig, tokenizerConfig } from "./load.js";

const folder = fileURLToPath(new URL("../../configs/", import.meta.url));
const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
const load = async (name: string) => (await loadConfig({ file: folder + name })).config;
const trained = files.filter((name) => files.includes(tokenizerOf(name)) && !name.includes("-tokenizer"));

function tokenizerOf(name: string): string {
  return name.replace(/(-gpu)?\.yaml$/, "-tokenizer$1.yaml");
}

describe("recipes", () => {
  it.each(files)("%s trains for as many steps as its schedules are long", async (name) => {
    const config = await load(name);
    const steps = config.training.max_train_steps!;
    expect(steps).toBeGreaterThan(config.lr_scheduler.params.warmup_steps!);
    expect(config.model.generator.randomness_anneal_end ?? 0).toBeLessThanOrEqual(steps);
  });

  it.each(trained)("%s is of the tokens of its tokenizer", async (name) => {
    const config = await load(name);
    const made = await load(tokenizerOf(name));
    const tokenizer = tokenizerConfig(made);
    expect(tokenizerConfig(config)).toEqual(tokenizer);
    expect(generatorConfig(config).tokens).toBe((tokenizer.resolution / downsampling(tokenizer)) ** 2);
    expect(config.model.vq_model.pretrained_tokenizer_weight).toBe(
      `${made.experiment.output_dir}/tokenizer.safetensors`,
    );
  });
});
