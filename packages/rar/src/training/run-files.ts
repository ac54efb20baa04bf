/** What a run reads: tokens to learn and tokens held out, from a file or made of pictures; its tokenizer; the names of classes. */
import { RarityError } from "../config/errors.js";
import type { RarConfig } from "../config/schema.js";
import { openCodec } from "../data/image-codec.js";
import { openImages } from "../data/image-set.js";
import { tokenizeOnTheFly } from "../data/on-the-fly.js";
import { openTokens, type TokenRows } from "../data/token-rows.js";
import {
  classNamesOf,
  type FindOptions,
  type FoundTokenizer,
  findFile,
  findHere,
  findTokenizer,
} from "./run-data.js";
import type { RunSettings } from "./run-settings.js";
import type { Machine } from "./run-state.js";

export interface RunFiles {
  /** Undefined where only a plan was asked for and the tokens are not at hand. */
  readonly rows: TokenRows | undefined;
  /** Rows that are never learned; undefined where none are named. */
  readonly heldOut: TokenRows | undefined;
  readonly tokenizer: FoundTokenizer | undefined;
  readonly classNames: readonly string[];
  close(): Promise<void>;
}

export interface FilesWanted extends FindOptions {
  readonly config: RarConfig;
  readonly settings: RunSettings;
  readonly machine: Machine;
  /** Decides crops and mirrors, where tokens are made of pictures. */
  readonly seed: number;
  /** What happens to pictures that cannot be read. Default "fail". */
  readonly onError?: "fail" | "skip" | undefined;
  readonly say: (line: string) => void;
}

/**
 * @param planOnly - look at what is here; fetch nothing
 * @throws {RarityError} for what is neither here nor published, or does not fit the model
 */
export async function findFiles(wanted: FilesWanted, planOnly = false): Promise<RunFiles> {
  const { config, settings } = wanted;
  const { pretokenization } = config.dataset.params;
  const { eval_tokens: held } = config.experiment;
  const opened: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
  };
  const keep = <T extends AsyncDisposable>(one: T): T => {
    opened.push(one);
    return one;
  };
  try {
    if (planOnly) {
      const path = pretokenization ? findHere(pretokenization, wanted) : undefined;
      const rows = path === undefined ? undefined : keep(await openFitting(path, wanted));
      return { rows, heldOut: undefined, tokenizer: undefined, classNames: [], close };
    }
    const tokenizer = await findTokenizer(config, wanted);
    const rows = pretokenization
      ? keep(
          await openFitting(
            await findFile(pretokenization, "dataset.params.pretokenization", wanted),
            wanted,
          ),
        )
      : await tokensOfPictures(tokenizer, wanted, keep);
    const heldOut =
      held === undefined || settings.evalEvery === undefined
        ? undefined
        : keep(await openFitting(await findFile(held, "experiment.eval_tokens", wanted), wanted));
    return { rows, heldOut, tokenizer, classNames: await classNamesOf(rows, settings.model.classes), close };
  } catch (error) {
    await close();
    throw error;
  }
}

const openFitting = (path: string, { settings: { model }, signal }: FilesWanted): Promise<TokenRows> =>
  openTokens(path, {
    length: model.tokens,
    codebookSize: model.codebookSize,
    classes: model.classes,
    signal,
  });

/** Pictures of `train_shards_path_or_url`, a pattern of shards or a folder of class folders, encoded as they are asked for. */
async function tokensOfPictures(
  tokenizer: FoundTokenizer | undefined,
  { config, settings, machine, seed, signal, onError = "fail", say }: FilesWanted,
  keep: <T extends AsyncDisposable>(one: T) => T,
): Promise<TokenRows> {
  const { train_shards_path_or_url: shards } = config.dataset.params;
  const {
    resize_shorter_edge,
    crop_size,
    random_crop = true,
    random_flip = true,
  } = config.dataset.preprocessing;
  if (!shards)
    throw new RarityError(
      "bad-config",
      "Neither dataset.params.pretokenization nor dataset.params.train_shards_path_or_url is set. Name a token file, which rarity pretokenize makes of pictures, or the pictures.",
    );
  if (tokenizer === undefined)
    throw new RarityError(
      "bad-config",
      "To learn from pictures a tokenizer is needed. Set model.vq_model.pretrained_tokenizer_weight.",
    );
  const images = keep(await openImages(shards, { onError, warn: say, signal }));
  for (let i = 0; i < images.count; i++)
    if (images.label(i) >= settings.model.classes)
      throw new RarityError(
        "bad-file",
        `"${images.nameOf(i)}" is of class ${images.label(i)}, and model.generator.condition_num_classes is ${settings.model.classes}: classes count from 0. Raise it.`,
      );
  const size = crop_size ?? tokenizer.config.resolution;
  const { device, threads } = machine;
  const codec = keep(await openCodec(tokenizer.path, { size, device, threads, signal }));
  if (codec.length !== settings.model.tokens)
    throw new RarityError(
      "bad-config",
      `dataset.preprocessing.crop_size is ${size}, of which the tokenizer makes ${codec.length} tokens, and model.generator.image_seq_len is ${settings.model.tokens}. Make them agree.`,
    );
  const transform = {
    resizeShorterEdge: resize_shorter_edge ?? size,
    cropSize: size,
    randomCrop: random_crop,
    randomFlip: random_flip,
  };
  return keep(tokenizeOnTheFly(images, codec, { transform, seed, onError, warn: say }));
}
