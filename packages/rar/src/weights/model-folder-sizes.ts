/** Puts a model's parts together: sizes from its configuration or, without one, from its weights; names; settings. */
import {
  type GeneratorConfig,
  publishedTokenizer,
  type SamplingConfig,
  type TokenizerConfig,
} from "../config/architecture.js";
import { type ClassNames, imagenetClasses, readClassNames, unnamedClasses } from "../config/class-names.js";
import {
  generatorConfig,
  type LoadedConfig,
  namesTokenizer,
  plainSampling,
  samplingConfig,
  tokenizerConfig,
} from "../config/load.js";
import { type PresetName, presetLike, presets } from "../config/presets.js";
import { recogniseGenerator, recogniseTokenizer, type Shapes } from "../config/recognise.js";
import type { ModelLocation } from "./model-folder-location.js";
import { openTensorFile } from "./open.js";

interface FoundFile {
  readonly path: string;
  readonly origin: string;
}

/** The parts of a model, wherever they were found. */
export interface Found {
  readonly name: string;
  readonly kind: ModelLocation["kind"];
  readonly preset?: PresetName | undefined;
  readonly folder?: string | undefined;
  readonly loaded: LoadedConfig | undefined;
  readonly generator: FoundFile | undefined;
  readonly tokenizer: FoundFile | undefined;
  readonly classesFile?: string | undefined;
}

export async function locationOf(found: Found): Promise<ModelLocation> {
  const generator = await generatorSizes(found);
  const preset = found.preset ?? (generator && presetOfFile(generator));
  return {
    name: found.name,
    kind: found.kind,
    preset,
    folder: found.folder,
    config: found.loaded?.config,
    raw: found.loaded?.raw,
    notes: found.loaded?.notes ?? [],
    generatorFile: found.generator?.path,
    tokenizerFile: found.tokenizer?.path,
    origins: { generator: found.generator?.origin, tokenizer: found.tokenizer?.origin },
    generator,
    tokenizer: await tokenizerSizes(found, generator),
    sampling: samplingOf(found, preset),
    order: found.loaded?.config.model.generator.order ?? "raster",
    classNames: await classesOf(found, generator),
  };
}

/** The published preset a file's sizes are those of; `debug` is no model one would find in a file. */
export function presetOfFile(sizes: GeneratorConfig): PresetName | undefined {
  const name = presetLike(sizes);
  return name === "debug" ? undefined : name;
}

async function generatorSizes({ loaded, generator }: Found): Promise<GeneratorConfig | undefined> {
  if (loaded?.config.model.generator.hidden_size !== undefined) return generatorConfig(loaded.config);
  return generator && recogniseGenerator(await shapesOf(generator.path));
}

/** The weights tell more than a configuration without the architecture's keys, which the published one is. */
async function tokenizerSizes(
  { loaded, tokenizer }: Found,
  generator: GeneratorConfig | undefined,
): Promise<TokenizerConfig | undefined> {
  if (loaded && namesTokenizer(loaded.config)) return tokenizerConfig(loaded.config);
  const own = tokenizer && recogniseTokenizer(await shapesOf(tokenizer.path), generator?.tokens);
  return own ?? (loaded ? tokenizerConfig(loaded.config) : tokenizer && publishedTokenizer);
}

async function shapesOf(path: string): Promise<Shapes> {
  await using file = await openTensorFile(path);
  return file.tensors;
}

function samplingOf({ loaded }: Found, preset: PresetName | undefined): SamplingConfig {
  const keys = loaded?.config.model.generator;
  if (loaded && (keys?.guidance_scale ?? keys?.randomize_temperature) !== undefined)
    return samplingConfig(loaded.config);
  return preset === undefined ? plainSampling : presets[preset].sampling;
}

/** Models of 1000 classes without names of their own are taken for ImageNet's. */
async function classesOf(
  { classesFile }: Found,
  generator: GeneratorConfig | undefined,
): Promise<ClassNames> {
  if (classesFile !== undefined) return readClassNames(classesFile, generator?.classes);
  if (generator?.classes === 1000) return imagenetClasses();
  return unnamedClasses(generator?.classes ?? 0);
}
