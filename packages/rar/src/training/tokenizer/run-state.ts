/** What a checkpoint of a tokenizer's run holds beside its tensors, and whether a run may go on from it. */
import { RarityError } from "../../config/errors.js";
import type { LoadedConfig } from "../../config/load.js";
import type { PlainMap } from "../../config/plain.js";
import { changesBetween } from "../changes.js";
import type { Checkpoint } from "../checkpoint.js";
import type { Ranks } from "../ranks.js";
import type { TokenizerRunSettings } from "./run-settings.js";
import type { TrainerCounts } from "./state.js";

export interface TokenizerRunState {
  readonly format: 1;
  readonly verb: "train-tokenizer";
  readonly trainer: TrainerCounts;
  /** Steps whose numbers were not finite. */
  readonly skipped: number;
  /** Of the pictures it learns. */
  readonly pictures: string;
  /** Pictures of a step over all ranks. */
  readonly batch: number;
  /** The checked configuration. */
  readonly config: PlainMap;
}

/** @throws {RarityError} "bad-file" for a checkpoint of another verb, or of a later version */
export function stateOf({ folder, state }: Checkpoint): TokenizerRunState {
  const found = state as Partial<TokenizerRunState> | null;
  if (found?.format === 1 && found.verb === "train-tokenizer") return found as TokenizerRunState;
  throw new RarityError(
    "bad-file",
    `"${folder}" was not written by this version of rarity train-tokenizer. Give another experiment.output_dir.`,
  );
}

/** Groups and keys that do not change what is learned. */
const harmless = [
  "config",
  "experiment.",
  "model.generator.",
  "dataset.params.train_shards_path_or_url", // whether they are the same is seen from the pictures themselves
  "dataset.params.eval_shards_path_or_url",
  "dataset.params.num_workers_per_gpu",
  "tokenizer_training.held_out",
  "training.enable_wandb",
  "training.max_skipped_steps",
  "training.per_gpu_batch_size", // what counts is the pictures of a step, seen apart
];
/** Another size is another model: no flag makes its weights fit. */
const architecture = "model.vq_model.";
const picturesKey = "dataset.params.train_shards_path_or_url";
const batchKey = "training.per_gpu_batch_size";

/**
 * Refuses changes that matter, unless they were allowed by key; tells of the others.
 * @throws {RarityError} "bad-config" naming each key with both values
 */
export function checkState(
  state: TokenizerRunState,
  request: {
    readonly loaded: LoadedConfig;
    readonly allowChanged?: readonly string[] | undefined;
    readonly say: (line: string) => void;
  },
  { outputDir, recipe }: TokenizerRunSettings,
  ranks: Ranks,
): void {
  const shown = (value: unknown): string => (value === undefined ? "not set" : JSON.stringify(value));
  const changes = changesBetween(state.config, request.loaded.config as unknown as PlainMap).map(
    ({ key, was, is }) => ({ key, text: `${key} was ${shown(was)}, is ${shown(is)}` }),
  );
  const isHarmless = (key: string): boolean =>
    harmless.some((start) => key === start || (start.endsWith(".") && key.startsWith(start)));
  const isAllowed = (key: string): boolean =>
    !key.startsWith(architecture) && (request.allowChanged?.includes(key) ?? false);
  const refused = changes.filter(({ key }) => !isHarmless(key) && !isAllowed(key));
  const batch = recipe.batch * ranks.size;
  if (batch !== state.batch && !isAllowed(batchKey))
    refused.push({
      key: batchKey,
      text: `a step had ${state.batch} pictures over all processes, has ${batch} now`,
    });
  if (refused.length > 0) {
    const flags = refused.filter(({ key }) => !key.startsWith(architecture));
    const way =
      flags.length === refused.length
        ? `, or go on with the new ones by ${flags.map(({ key }) => `--allow-changed ${key}`).join(" ")}`
        : "";
    throw new RarityError(
      "bad-config",
      `The run in "${outputDir}" was begun with other settings: ${refused.map(({ text }) => text).join("; ")}. Take those back, or give another experiment.output_dir${way}.`,
    );
  }
  for (const { text } of changes) request.say(`Note: ${text}.`);
}

/** @throws {RarityError} "bad-config" for other pictures than those the run was begun with, unless their key was allowed */
export function checkPictures(
  state: TokenizerRunState,
  data: { readonly name: string; readonly identity: string },
  allowChanged: readonly string[] = [],
): void {
  if (state.pictures === data.identity || allowChanged.includes(picturesKey)) return;
  throw new RarityError(
    "bad-config",
    `The pictures of "${data.name}" are not those that the run was begun with: their names, classes or number differ. Bring those back, give another experiment.output_dir, or go on with these by --allow-changed ${picturesKey}.`,
  );
}
