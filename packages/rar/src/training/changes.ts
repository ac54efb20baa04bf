/** What differs between the configuration a checkpoint was made with and the one it is to go on with, and what of it matters. */

import { RarityError } from "../config/errors.js";
import { isMap, type Plain, type PlainMap, quote } from "../config/plain.js";

export interface Change {
  readonly key: string;
  readonly was: Plain | undefined;
  readonly is: Plain | undefined;
}

/** Every key whose value differs, dotted. */
export function changesBetween(was: PlainMap, is: PlainMap, prefix = ""): Change[] {
  const keys = new Set([...Object.keys(was), ...Object.keys(is)]);
  return [...keys].flatMap((key) => {
    const [a, b] = [was[key], is[key]];
    const path = prefix + key;
    if (isMap(a) && isMap(b)) return changesBetween(a, b, `${path}.`);
    return JSON.stringify(a) === JSON.stringify(b) ? [] : [{ key: path, was: a, is: b }];
  });
}

/** Groups and keys that do not change what is learned: where files are, when is saved and shown, how is sampled. */
const harmless = [
  "config",
  "experiment.",
  "dataset.", // whether the tokens are the same is seen from the file itself
  "tokenizer_training.",
  "model.vq_model.",
  "model.generator.randomize_temperature",
  "model.generator.guidance_",
  "model.generator.softmax_temperature_annealing",
  "model.generator.num_steps",
  "model.generator.use_checkpoint",
  "training.enable_wandb",
  "training.max_skipped_steps",
  "training.per_gpu_batch_size", // what counts is the rows of a step, seen apart
  "training.gradient_accumulation_steps",
];
/** Another size is another model: no flag makes its weights fit. */
const sizes = [
  "model.generator.hidden_size",
  "model.generator.num_hidden_layers",
  "model.generator.num_attention_heads",
  "model.generator.intermediate_size",
  "model.generator.image_seq_len",
  "model.generator.condition_num_classes",
  "model.vq_model.codebook_size",
];

const isSize = ({ key }: Change): boolean => sizes.includes(key);
const matters = (change: Change): boolean =>
  isSize(change) || !harmless.some((start) => change.key === start || change.key.startsWith(start));

/**
 * Refuses changes that matter, unless they were allowed by key.
 *
 * @param folder - the checkpoint, for the error
 * @returns the other changes, a line each
 * @throws {RarityError} "bad-config" naming each key with both values
 */
export function checkChanges(
  folder: string,
  changes: readonly Change[],
  allowed: readonly string[],
): string[] {
  const resized = changes.filter(isSize);
  if (resized.length > 0)
    throw new RarityError(
      "bad-config",
      `"${folder}" is of a model of another size: ${resized.map(inWords).join("; ")}. Give another experiment.output_dir; experiment.init_weight begins from its weights where they fit.`,
    );
  const refused = changes.filter((change) => matters(change) && !allowed.includes(change.key));
  if (refused.length > 0)
    throw new RarityError(
      "bad-config",
      `The run in "${folder}" was begun with other settings: ${refused.map(inWords).join("; ")}. Take those back, ` +
        `give another experiment.output_dir, or go on with the new ones by ${refused.map(({ key }) => `--allow-changed ${key}`).join(" ")}.`,
    );
  return changes.map((change) => `${inWords(change)}${matters(change) ? " (allowed)" : ""}`);
}

const inWords = ({ key, was, is }: Change): string => `${key} was ${shown(was)}, is ${shown(is)}`;
const shown = (value: Plain | undefined): string => (value === undefined ? "not set" : quote(value));

/** What one rank was started with and another was not, in words. */
export const differences = (theirs: PlainMap, own: PlainMap): string[] =>
  changesBetween(theirs, own).map(
    ({ key, was, is }) => `${key.replace(/^config\./, "")} (${shown(is)}, there ${shown(was)})`,
  );
