/** What a run of `rarity train-tokenizer` does beside its recipe: data, cadences, places. */
import { downsampling, type TokenizerConfig } from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import { need, type RarConfig, tokenizerConfig } from "../../config/load.js";
import { keptByDefault } from "../checkpoint.js";
import { leastSide } from "./discriminator.js";
import { type TokenizerRecipe, tokenizerRecipe } from "./recipe.js";

export interface TokenizerRunSettings {
  readonly outputDir: string;
  readonly name: string;
  readonly model: TokenizerConfig;
  readonly recipe: TokenizerRecipe;
  readonly images: string | readonly string[];
  /** Held-out pictures; undefined: a part of `images`. */
  readonly evalImages: string | readonly string[] | undefined;
  /** How many pictures to hold out at most. */
  readonly heldOut: number;
  /** Side of the squares that are kept in memory, and of those the network sees. */
  readonly side: number;
  readonly crop: number;
  readonly flip: boolean;
  readonly logEvery: number;
  readonly evalEvery: number;
  readonly generateEvery: number | undefined;
  readonly saveEvery: number | undefined;
  readonly keep: number;
  readonly resume: boolean;
  readonly maxSkipped: number;
}

/** As many as the recorded tokenizer was measured on. */
const heldOutByDefault = 2000;
const loggedEvery = 50;
const skippedByDefault = 100;

/** @throws {RarityError} "bad-config" naming a key that has to be set, or that cannot be followed */
export function tokenizerRunSettings(config: RarConfig): TokenizerRunSettings {
  const { experiment, training, dataset } = config;
  const model = tokenizerConfig(config);
  const recipe = tokenizerRecipe(config);
  const { resize_shorter_edge, crop_size, random_crop, random_flip } = dataset.preprocessing;
  const crop = crop_size ?? model.resolution;
  const side = random_crop ? (resize_shorter_edge ?? crop) : crop;
  const refuse = (key: string, text: string): never => {
    throw new RarityError("bad-config", `${key} ${text}`);
  };
  const factor = downsampling(model);
  if (crop % factor !== 0)
    refuse(
      "dataset.preprocessing.crop_size",
      `is ${crop}, must be a multiple of ${factor}: the tokenizer halves the sides ${Math.log2(factor)} times.`,
    );
  if (side < crop)
    refuse("dataset.preprocessing.resize_shorter_edge", `is ${side}, must be at least crop_size ${crop}.`);
  if (!random_crop && (resize_shorter_edge ?? crop) !== crop)
    refuse(
      "dataset.preprocessing.resize_shorter_edge",
      `is ${resize_shorter_edge} and crop_size ${crop}: a tokenizer learns whole pictures. Make them equal, or set random_crop to True.`,
    );
  if (model.imageChannels !== 3)
    refuse("model.vq_model.num_channels", `is ${model.imageChannels}, and pictures have 3.`);
  if (recipe.discriminator && crop < leastSide(recipe.discriminator))
    refuse(
      "tokenizer_training.discriminator_layers",
      `is ${recipe.discriminator.layers}, which needs pictures of at least ${leastSide(recipe.discriminator)} pixels; crop_size is ${crop}.`,
    );
  const steps = recipe.steps;
  return {
    outputDir: need(config, "experiment.output_dir"),
    name: experiment.name ?? "tokenizer",
    model,
    recipe,
    images: need(config, "dataset.params.train_shards_path_or_url"),
    evalImages: dataset.params.eval_shards_path_or_url,
    heldOut: config.tokenizer_training.held_out ?? heldOutByDefault,
    side,
    crop,
    flip: random_flip ?? false,
    logEvery: experiment.log_every ?? loggedEvery,
    evalEvery: experiment.eval_every ?? Math.max(1, Math.ceil(steps / 10)),
    generateEvery: experiment.generate_every ?? experiment.eval_every ?? Math.max(1, Math.ceil(steps / 10)),
    saveEvery: experiment.save_every,
    keep: experiment.keep_checkpoints ?? keptByDefault,
    resume: experiment.resume ?? true,
    maxSkipped: training.max_skipped_steps ?? skippedByDefault,
  };
}
