/** `rarity init`: a model folder with fresh weights, to train or to measure with. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import { generatorConfig, loadConfig, presetConfig, tokenizerConfig, writeConfig } from "../config/load.js";
import { isPreset, type PresetName, presetNamed } from "../config/presets.js";
import { generatorShapes, type NamedShape, tokenizerShapes } from "../config/shapes.js";
import { initialWeights } from "../weights/initial.js";
import { writeSafetensors } from "../weights/safetensors.js";
import { wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { startProgress } from "./progress.js";
import { print, say } from "./streams.js";

interface Flags {
  readonly preset?: string;
  readonly seed: number;
  readonly randomModulation?: boolean;
  readonly tokenizer?: boolean;
  readonly overwrite?: boolean;
}

export function register(program: Command): void {
  program
    .command("init")
    .description("Make a model folder with fresh weights, drawn as the reference draws them.")
    .argument("<folder>", "where the model goes")
    .argument("[key=value...]", "config=FILE and overrides, such as model.generator.hidden_size=512")
    .option("--preset <name>", "sizes and settings of a published model, or debug")
    .option("--seed <n>", "another seed, other weights", wholeNumber(0), 0)
    .option(
      "--random-modulation",
      "draw the modulation too, for benchmarks: fresh blocks do nothing without it",
    )
    .option("--tokenizer", "with a fresh tokenizer, too")
    .option("--overwrite", "even where the folder holds something")
    .addHelpText(
      "after",
      "\nExample:\n  rarity init out/rar-b --preset rar-b --random-modulation --tokenizer",
    )
    .action(async (folder: string, words: string[], flags: Flags) => init(folder, words, flags));
}

async function init(folder: string, words: readonly string[], flags: Flags): Promise<void> {
  const signal = interruption();
  if (flags.preset === undefined && words.length === 0) {
    throw new RarityError("bad-usage", "Say what to make: --preset rar-b, or config=FILE.");
  }
  if (flags.preset !== undefined && !isPreset(flags.preset)) presetNamed(flags.preset); // throws, naming the nearest
  const loaded = await (flags.preset === undefined
    ? loadConfig({ overrides: words })
    : presetConfig(flags.preset as PresetName, words));
  for (const note of loaded.notes) say(`Note: ${note}`);
  const present = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOTDIR") throw new RarityError("bad-usage", `"${folder}" is a file. Name a folder.`);
    return [];
  });
  if (present.length > 0 && !flags.overwrite) {
    throw new RarityError("bad-usage", `"${folder}" is not empty. Name another folder, or pass --overwrite.`);
  }
  await mkdir(folder, { recursive: true });

  const write = async (file: string, shapes: readonly NamedShape[]): Promise<number> => {
    const source = initialWeights(shapes, { seed: flags.seed, randomModulation: flags.randomModulation });
    const infos = [...source.tensors.values()];
    const total = infos.reduce((sum, info) => sum + count(info.shape), 0);
    const progress = startProgress({ label: `drawing ${file}`, total, quietFor: 1 });
    let done = 0;
    try {
      await writeSafetensors(join(folder, file), {
        infos,
        data: async (info) => {
          signal.throwIfAborted();
          const values = await source.readFloat32(info.name);
          done += values.length;
          progress.update(done);
          return values;
        },
      });
    } finally {
      progress.finish();
    }
    return total;
  };

  const parts = [
    `generator ${million(await write("generator.safetensors", generatorShapes(generatorConfig(loaded.config))))}`,
  ];
  if (flags.tokenizer) {
    parts.push(
      `tokenizer ${million(await write("tokenizer.safetensors", tokenizerShapes(tokenizerConfig(loaded.config))))}`,
    );
  }
  await writeFile(join(folder, "config.yaml"), writeConfig(loaded.raw));
  print(
    `${folder}: ${parts.join(", ")}, seed ${flags.seed}${flags.randomModulation ? ", random modulation" : ""}`,
  );
}

const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);
const million = (numbers: number): string => `${(numbers / 1e6).toFixed(1)} million numbers`;
