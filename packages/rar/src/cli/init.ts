/** `rarity init`: a model folder with fresh weights, to be trained, or to measure speed with. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { unnamedClasses } from "../config/class-names.js";
import { configOf } from "../config/keys.js";
import {
  generatorConfig,
  loadConfig,
  presetConfig,
  samplingConfig,
  tokenizerConfig,
} from "../config/load.js";
import { merge } from "../config/overrides.js";
import type { PlainMap } from "../config/plain.js";
import { isPreset, presetNamed, presetNames } from "../config/presets.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import { writeConfig } from "../config/write.js";
import { initialWeights } from "../weights/initial.js";
import { modelCard } from "../weights/model-card.js";
import { writeWeights } from "./convert.js";
import { writeFolder } from "./destination.js";
import { oneOf, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { type StoredType, storedTypes } from "./stored-weights.js";
import { print, say } from "./streams.js";
import { bytes, duration } from "./words.js";

interface Flags {
  readonly preset: string;
  readonly seed: number;
  readonly randomModulation?: boolean;
  readonly tokenizer?: boolean;
  readonly dtype?: StoredType;
  readonly overwrite?: boolean;
}

export function register(program: Command): void {
  program
    .command("init")
    .description("Make a model folder with fresh weights, drawn as the reference draws them before training.")
    .argument("<folder>", "folder to make")
    .argument(
      "[key=value...]",
      "the published overrides, such as model.generator.num_hidden_layers=12, or config=FILE",
    )
    .option("-p, --preset <name>", `sizes to start from: ${presetNames.join(", ")}`, "rar-b")
    .option("-s, --seed <n>", "decides the weights", wholeNumber(0), 0)
    .option(
      "--random-modulation",
      "also draw the modulations, which are zero at first: for measurements of speed",
    )
    .option("--tokenizer", "also a tokenizer with fresh weights")
    .option("--dtype <type>", `${storedTypes.join(", ")} (default: float32)`, oneOf(...storedTypes))
    .option("--overwrite", "replace files that are there already")
    .addHelpText(
      "after",
      "\nExample:\n  rarity init models/mine --preset rar-b model.generator.condition_num_classes=10 --tokenizer",
    )
    .action(async (folder: string, overrides: string[], flags: Flags) => {
      const start = performance.now();
      const report = await init({ ...flags, folder, overrides }, interruption());
      for (const note of report.notes) say(`Note: ${note}`);
      for (const file of report.files) print(file);
      say(`${bytes(report.bytes)} of weights in ${duration((performance.now() - start) / 1000)}.`);
    });
}

export interface InitRequest extends Flags {
  readonly folder: string;
  readonly overrides: readonly string[];
}

/** @throws {RarityError} for a configuration that cannot be, and a folder that is there already */
export async function init(
  request: InitRequest,
  signal?: AbortSignal,
): Promise<{ readonly files: readonly string[]; readonly bytes: number; readonly notes: readonly string[] }> {
  const { folder, overrides, seed, randomModulation, dtype, overwrite } = request;
  presetNamed(request.preset); // names the nearest one
  const preset = request.preset.toLowerCase().replaceAll("_", "-");
  const ownConfig = overrides.some((word) => word.startsWith("config="));
  const loaded =
    ownConfig || !isPreset(preset) ? await loadConfig({ overrides }) : await presetConfig(preset, overrides);
  const generator = generatorConfig(loaded.config);
  const tokenizer = tokenizerConfig(loaded.config);
  const sampling = samplingConfig(loaded.config);
  const notes = [...loaded.notes];
  let written = 0;
  const files: string[] = [];
  await writeFolder(
    folder,
    { overwrite, shadows: ["generator.bin", ...(request.tokenizer ? ["tokenizer.bin"] : [])] },
    async (partial) => {
      const store = async (name: string, shapes: Parameters<typeof initialWeights>[0]): Promise<void> => {
        const source = initialWeights(shapes, { seed, randomModulation });
        const result = await writeWeights(
          join(partial, name),
          source,
          "safetensors",
          dtype,
          signal,
          `drawing ${name}`,
        );
        written += result.bytes;
        notes.push(...result.notes);
        files.push(name);
      };
      await store("generator.safetensors", generatorShapes(generator));
      if (request.tokenizer) await store("tokenizer.safetensors", tokenizerShapes(tokenizer));
      // The sizes are written even where the configuration leaves them to their defaults.
      const settings = merge(configOf({ generator, tokenizer, sampling }), loaded.raw) as PlainMap;
      await writeFile(join(partial, "config.yaml"), writeConfig(settings));
      const card = modelCard({
        name: `Fresh weights (seed ${seed})`,
        origins: {},
        generator,
        tokenizer: request.tokenizer ? tokenizer : undefined,
        sampling,
        classNames: unnamedClasses(generator.classes),
      });
      await writeFile(join(partial, "README.md"), card);
      files.push("config.yaml", "README.md");
    },
  );
  return { files: files.map((name) => join(folder, name)), bytes: written, notes };
}
