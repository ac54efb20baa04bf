/** The files a run names, brought to this machine: its tokens and its tokenizer, published ones from the Hub. */
import { existsSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import type { TokenizerConfig } from "../config/architecture.js";
import { readClassNames } from "../config/class-names.js";
import { RarityError } from "../config/errors.js";
import { type PublishedFile, presets } from "../config/presets.js";
import type { RarConfig } from "../config/schema.js";
import type { TokenRows } from "../data/token-rows.js";
import { locateModel, openModel } from "../weights/model-folder.js";
import { fetchModelFile } from "../weights/model-folder-hub.js";
import type { TensorSource } from "../weights/tensor-file.js";

/** Files that configurations of the reference name and everybody can fetch (REFERENCE 1). */
const publishedFiles: readonly PublishedFile[] = [
  { repository: "yucornetto/RAR", file: "maskgitvq.jsonl" },
  presets["rar-b"].files.tokenizer,
];

export interface FindOptions {
  /** The configuration's file: what is not in the working directory is sought beside it. */
  readonly configFile: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

/** Where a file of the configuration is: as written, or beside the configuration; undefined where it is neither. */
export function findHere(path: string, { configFile }: FindOptions): string | undefined {
  if (existsSync(path)) return path;
  const beside = configFile === undefined || isAbsolute(path) ? undefined : join(dirname(configFile), path);
  return beside !== undefined && existsSync(beside) ? beside : undefined;
}

/**
 * The same, and published files from the Hub where they are not here.
 *
 * @param key - the key that names it, for the error
 * @throws {RarityError} "not-found" for a file that is neither here nor published, "hub" for the network
 */
export async function findFile(path: string, key: string, options: FindOptions): Promise<string> {
  const here = findHere(path, options);
  if (here !== undefined) return here;
  const published = publishedFiles.find(({ file }) => file === basename(path));
  if (published === undefined)
    throw new RarityError(
      "not-found",
      `There is no file "${path}" (${key}). Check the path, or set the key.`,
    );
  return (await fetchModelFile(published, options)).path;
}

/** A tokenizer at hand: for sample grids, and for the model folder. */
export interface FoundTokenizer {
  readonly path: string;
  readonly config: TokenizerConfig;
}

/**
 * The tokenizer that `model.vq_model.pretrained_tokenizer_weight` names: a file, a model folder, or a model by its name.
 * @returns undefined where the key is not set
 */
export async function findTokenizer(
  config: RarConfig,
  options: FindOptions,
): Promise<FoundTokenizer | undefined> {
  const key = "model.vq_model.pretrained_tokenizer_weight";
  const named = config.model.vq_model.pretrained_tokenizer_weight;
  if (named === undefined) return undefined;
  const isFile = /\.(bin|safetensors|pth?|ckpt)$/i.test(named);
  const path = isFile ? await findFile(named, key, options) : named;
  const location = await locateModel(path, { ...options, parts: ["tokenizer"] });
  if (location.tokenizerFile === undefined || location.tokenizer === undefined)
    throw new RarityError(
      "not-found",
      `"${named}" (${key}) holds no tokenizer. Name one, or set the key to null to train without sample grids.`,
    );
  const { codebookSize } = location.tokenizer;
  if (codebookSize !== config.model.vq_model.codebook_size)
    throw new RarityError(
      "bad-config",
      `model.vq_model.codebook_size is ${config.model.vq_model.codebook_size}, and the tokenizer "${named}" has ${codebookSize} codes. Make them agree.`,
    );
  return { path: location.tokenizerFile, config: location.tokenizer };
}

/** Runs `use` with the tokenizer's weights open. */
export async function withTokenizer<R>(
  { path, config }: FoundTokenizer,
  use: (weights: TensorSource) => Promise<R>,
): Promise<R> {
  const location = await locateModel(path);
  await using model = await openModel({ ...location, tokenizer: config });
  return await use(model.tokenizer!.weights);
}

/** Names of the classes: what the token file says of them, or `classes.txt` beside it. Empty where nobody knows. */
export async function classNamesOf(rows: TokenRows, classes: number): Promise<readonly string[]> {
  const { classNames } = rows.metadata;
  if (
    Array.isArray(classNames) &&
    classNames.length === classes &&
    classNames.every((n) => typeof n === "string")
  )
    return classNames as string[];
  const beside = join(dirname(rows.path), "classes.txt");
  if (!existsSync(beside)) return [];
  const { names } = await readClassNames(beside, classes);
  return names.map((own) => own.join(", "));
}
