/** Finds a model: one that ships with the package, a preset, a model folder, a weights file, or a folder on the Hub. */
import { existsSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { RarityError } from "../config/errors.js";
import { type LoadedConfig, loadConfig, presetConfig } from "../config/load.js";
import { isPreset, type Preset, type PresetName, presetNames, presets } from "../config/presets.js";
import { networkOf, recogniseGenerator } from "../config/recognise.js";
import { didYouMean } from "../config/suggest.js";
import { fileSystemError, quote } from "./bad-file.js";
import { fetchHubFolder, fetchModelFile } from "./model-folder-hub.js";
import type { LocateOptions, ModelLocation } from "./model-folder-location.js";
import { type Found, locationOf, presetOfFile } from "./model-folder-sizes.js";
import { openTensorFile } from "./open.js";

export { checkTensors } from "./model-folder-check.js";
export { findNonFinite, type NonFinite, nonFiniteWarning } from "./model-folder-finite.js";
export type { LocateOptions, ModelLocation } from "./model-folder-location.js";
export { type OpenedModel, type OpenOptions, openModel } from "./model-folder-open.js";

/** Models in the package. The first is the default of every verb. */
export const embeddedModels = ["emoji", "cifar10"] as const;

const generatorNames = ["generator.safetensors", "generator.bin", "pytorch_model.bin"];
const tokenizerNames = ["tokenizer.safetensors", "tokenizer.bin"];

/**
 * Finds a model and reads everything but its weights; a preset's and the Hub's files are downloaded.
 *
 * @param model - an embedded model's name (the default: emoji), a preset, a model folder, a generator's or
 *   tokenizer's file, `hub:owner/name[@revision]`, or `owner/name` where no such path exists. A name beats a path of
 *   the same name; `./emoji` is the path.
 * @throws {RarityError} "not-found" naming the nearest model; "bad-config" and "bad-file" for its parts; "hub"
 */
export async function locateModel(
  model: string | undefined,
  options: LocateOptions = {},
): Promise<ModelLocation> {
  options.signal?.throwIfAborted();
  const name = model ?? embeddedModels[0];
  if ((embeddedModels as readonly string[]).includes(name)) return locateEmbedded(name, options);
  if (isPreset(name)) return locatePreset(name, options);
  if (name.startsWith("hub:")) return locateOnHub(name.slice(4), options);

  const stats = existing(name);
  if (stats?.isDirectory()) return locateFolder(name, "folder", basename(resolve(name)), options);
  if (stats && /\.ya?ml$/i.test(name)) return locateFolder(dirname(name), "folder", name, options, name);
  if (stats) return locateFile(name, options);

  const preset = name.toLowerCase().replaceAll("_", "-");
  if (isPreset(preset)) return locatePreset(preset, options);
  const isFile = /\.(bin|safetensors|ckpt|pth?|ya?ml)$/i.test(name);
  const isHubName = /^[\w-][\w.-]*\/[\w-][\w.-]*(@[\w./-]+)?$/.test(name);
  if (isHubName && !isFile) return locateHereOrOnHub(name, options);
  const known = [...embeddedModels, ...presetNames];
  throw new RarityError(
    "not-found",
    `There is no model ${quote(name)}: no such file or folder.${didYouMean(name, known)} Give a folder, a weights file, hub:owner/name, or one of ${known.join(", ")}.`,
  );
}

function existing(path: string): Stats | undefined {
  if (path === "" || path.includes("\0")) return undefined;
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
    throw fileSystemError("read", path, error);
  }
}

const firstOf = (folder: string, names: readonly string[]): string | undefined =>
  names.map((name) => join(folder, name)).find((path) => existing(path)?.isFile());

async function locateEmbedded(name: string, options: LocateOptions): Promise<ModelLocation> {
  const folder = fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
  if (!existsSync(folder))
    throw new RarityError(
      "not-found",
      `The model "${name}" is not part of this installation. Install the package again, or give a model folder.`,
    );
  return locateFolder(folder, "embedded", name, options);
}

async function locatePreset(name: PresetName, options: LocateOptions): Promise<ModelLocation> {
  const loaded = await presetConfig(name, options.overrides);
  const { files }: Preset = presets[name];
  const wants = (part: "generator" | "tokenizer") =>
    (options.parts ?? ["generator", "tokenizer"]).includes(part);
  const generator = files && wants("generator") ? await fetchModelFile(files.generator, options) : undefined;
  const own = ownTokenizer(options);
  const tokenizer =
    own ?? (files && wants("tokenizer") ? await fetchModelFile(files.tokenizer, options) : undefined);
  return locationOf({ name, kind: "preset", preset: name, loaded, generator, tokenizer });
}

const ownTokenizer = ({ tokenizerFile }: LocateOptions): Found["tokenizer"] =>
  tokenizerFile === undefined ? undefined : { path: tokenizerFile, origin: tokenizerFile };

async function locateFolder(
  folder: string,
  kind: ModelLocation["kind"],
  name: string,
  options: LocateOptions,
  configFile = firstOf(folder, ["config.yaml", "config.yml"]),
): Promise<ModelLocation> {
  const loaded =
    configFile === undefined
      ? undefined
      : await loadConfig({ file: configFile, overrides: options.overrides });
  const generator = firstOf(folder, generatorNames);
  // The reference's key names the file it was trained with; only its base name means anything in a model folder.
  const named = loaded?.config.model.vq_model.pretrained_tokenizer_weight;
  const tokenizer = firstOf(folder, [...tokenizerNames, ...(named ? [basename(named)] : [])]);
  if (configFile === undefined && generator === undefined && tokenizer === undefined)
    throw new RarityError(
      "not-found",
      `${quote(folder)} is no model folder: it has neither config.yaml nor generator.safetensors nor tokenizer.safetensors (or .bin). Give a folder that has.`,
    );
  return locationOf({
    name,
    kind,
    folder,
    loaded,
    generator: generator === undefined ? undefined : { path: generator, origin: generator },
    tokenizer:
      ownTokenizer(options) ?? (tokenizer === undefined ? undefined : { path: tokenizer, origin: tokenizer }),
    classesFile: firstOf(folder, ["classes.txt"]),
  });
}

async function locateOnHub(address: string, options: LocateOptions): Promise<ModelLocation> {
  const { config, classes, generator, tokenizer } = await fetchHubFolder(address, options);
  const loaded =
    config === undefined ? undefined : await loadConfig({ file: config, overrides: options.overrides });
  return locationOf({
    name: address,
    kind: "hub",
    loaded,
    generator,
    tokenizer: ownTokenizer(options) ?? tokenizer,
    classesFile: classes,
  });
}

/** `owner/name` may as well be a misspelt path: an error speaks of both. */
async function locateHereOrOnHub(name: string, options: LocateOptions): Promise<ModelLocation> {
  try {
    return await locateOnHub(name, options);
  } catch (error) {
    if (!(error instanceof RarityError) || (error.code !== "not-found" && error.code !== "hub")) throw error;
    const message = `There is no file or folder ${quote(name)} here, so it was sought on the Hub. ${error.message}`;
    throw new RarityError(error.code, message, { cause: error });
  }
}

/**
 * A single weights file. What lies beside it belongs to it where the sizes agree: the configuration, the tokenizer,
 * the class names. A published generator's tokenizer is fetched where none lies beside it.
 */
async function locateFile(file: string, options: LocateOptions): Promise<ModelLocation> {
  const { network, sizes } = await describeFile(file);
  const folder = dirname(file);
  const self = { path: file, origin: file };
  if (network === "tokenizer")
    return locationOf({
      name: basename(file),
      kind: "file",
      loaded: undefined,
      generator: undefined,
      tokenizer: self,
    });

  const preset = sizes && presetOfFile(sizes);
  const loaded = await configBeside(folder, sizes, preset, options);
  const published: Preset | undefined = preset && presets[preset];
  const beside = firstOf(folder, [
    ...tokenizerNames,
    ...(published?.files ? [published.files.tokenizer.file] : []),
  ]);
  const wantsTokenizer = options.parts?.includes("tokenizer") ?? true;
  let tokenizer =
    ownTokenizer(options) ?? (beside === undefined ? undefined : { path: beside, origin: beside });
  if (tokenizer === undefined && wantsTokenizer && published?.files)
    tokenizer = await fetchModelFile(published.files.tokenizer, options);
  return locationOf({
    name: basename(file),
    kind: "file",
    preset,
    loaded,
    generator: self,
    tokenizer,
    classesFile:
      loaded?.file !== undefined && dirname(loaded.file) === folder
        ? firstOf(folder, ["classes.txt"])
        : undefined,
  });
}

async function describeFile(file: string) {
  await using weights = await openTensorFile(file);
  const network = networkOf(weights.tensors);
  return { network, sizes: recogniseGenerator(weights.tensors) };
}

/** `config.yaml` beside a generator where it is of the same sizes, else the preset's. */
async function configBeside(
  folder: string,
  sizes: ReturnType<typeof recogniseGenerator>,
  preset: PresetName | undefined,
  options: LocateOptions,
): Promise<LoadedConfig | undefined> {
  const beside = firstOf(folder, ["config.yaml"]);
  if (beside !== undefined && sizes !== undefined) {
    const loaded = await loadConfig({ file: beside, overrides: options.overrides });
    const generator = loaded.config.model.generator;
    if (generator.hidden_size === sizes.width && generator.num_hidden_layers === sizes.depth) return loaded;
  }
  return preset === undefined ? undefined : presetConfig(preset, options.overrides);
}
