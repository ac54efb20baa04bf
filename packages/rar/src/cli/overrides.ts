/** The published `key.path=value` words on the command line of a verb that draws: what each of them means there. */
import type { GeneratorConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { loadConfig } from "../config/load.js";

export interface DrawingOverrides {
  readonly model: string | undefined;
  readonly outputFolder: string | undefined;
  readonly temperature: number | undefined;
  readonly guidance: number | undefined;
  readonly guidancePow: number | undefined;
  /** Sizes the words name; the model's own must agree. */
  readonly sizes: Partial<GeneratorConfig>;
  /** Keys that are not read, and the like. */
  readonly notes: readonly string[];
}

/**
 * @param words - such as `model.generator.guidance_scale=4`
 * @throws {RarityError} "bad-usage" for a word that is no override; "bad-config" for a value that cannot be
 */
export async function drawingOverrides(words: readonly string[]): Promise<DrawingOverrides> {
  const stray = words.find((word) => !/^[^\s=]+=/.test(word));
  if (stray !== undefined)
    throw new RarityError(
      "bad-usage",
      `"${stray}" is no flag and no key.path=value. For a class write --class "${stray}".`,
    );
  // `config=` names the recipe the model was trained with: its sizes and settings are the model folder's here.
  const own = words.filter((word) => !word.startsWith("config="));
  const { config, notes } = await loadConfig({ overrides: own });
  const generator = config.model.generator;
  return {
    model: config.experiment.generator_checkpoint,
    outputFolder: config.experiment.output_dir,
    temperature: generator.randomize_temperature,
    guidance: generator.guidance_scale,
    guidancePow: generator.guidance_scale_pow,
    sizes: present({
      width: generator.hidden_size,
      depth: generator.num_hidden_layers,
      heads: generator.num_attention_heads,
      mlpWidth: generator.intermediate_size,
      tokens: generator.image_seq_len,
      classes: generator.condition_num_classes,
      codebookSize: config.model.vq_model.codebook_size,
    }),
    notes,
  };
}

const present = (
  sizes: { readonly [K in keyof GeneratorConfig]: number | undefined },
): Partial<GeneratorConfig> =>
  Object.fromEntries(Object.entries(sizes).filter(([, value]) => value !== undefined));

const keys: Readonly<Record<keyof GeneratorConfig, string>> = {
  width: "model.generator.hidden_size",
  depth: "model.generator.num_hidden_layers",
  heads: "model.generator.num_attention_heads",
  mlpWidth: "model.generator.intermediate_size",
  tokens: "model.generator.image_seq_len",
  classes: "model.generator.condition_num_classes",
  codebookSize: "model.vq_model.codebook_size",
};

/** @throws {RarityError} "bad-config" where a word names another size than the model has */
export function checkSizes(asked: Partial<GeneratorConfig>, model: GeneratorConfig, name: string): void {
  for (const [key, value] of Object.entries(asked) as [keyof GeneratorConfig, number][]) {
    if (model[key] === value) continue;
    throw new RarityError(
      "bad-config",
      `${keys[key]}=${value} was given, but the model "${name}" has ${model[key]}. Leave it out, or choose another --model.`,
    );
  }
}
