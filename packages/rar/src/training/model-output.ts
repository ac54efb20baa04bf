/** The model folder that a finished run leaves: what `rarity generate --model OUTPUT` takes. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Tensor } from "libtorch";
import { unnamedClasses } from "../config/class-names.js";
import { configOf } from "../config/keys.js";
import { type RarConfig, samplingConfig, writeConfig } from "../config/load.js";
import { merge } from "../config/overrides.js";
import type { PlainMap } from "../config/plain.js";
import { writeAtomically } from "../weights/atomic-file.js";
import { modelCard } from "../weights/model-card.js";
import { openTensorFile } from "../weights/open.js";
import { writeSafetensors } from "../weights/safetensors.js";
import type { HostTensor } from "../weights/tensor-file.js";
import { writeTorchFile } from "../weights/torch-write.js";
import { streamOf } from "./checkpoint.js";
import { type FoundTokenizer, withTokenizer } from "./run-data.js";
import type { RunSettings } from "./run-settings.js";

export interface ModelOutput {
  readonly settings: RunSettings;
  readonly config: RarConfig;
  /** The configuration as written, `${}` included. */
  readonly raw: PlainMap;
  readonly tokenizer: FoundTokenizer | undefined;
  readonly classNames: readonly string[];
}

/** The step whose weights lie in the folder. */
const stepKey = "rarity.step";

/** `config.yaml`, the tokenizer and the names of classes, as far as known: also for those who look before the end. */
export async function writeModelParts(output: ModelOutput): Promise<void> {
  const { settings, config, raw, tokenizer, classNames } = output;
  const at = (name: string): string => join(settings.outputDir, name);
  const sampling = samplingConfig(config);
  const sizes = { generator: settings.model, tokenizer: tokenizer?.config, sampling };
  const own = { model: { vq_model: { pretrained_tokenizer_weight: "tokenizer.safetensors" } } };
  const whole = merge(configOf(sizes), raw);
  const written = merge(merge(raw, whole), tokenizer ? own : {}); // keys in the order of the user's file
  await writeText(at("config.yaml"), writeConfig(written as PlainMap));
  if (tokenizer !== undefined && resolve(tokenizer.path) !== resolve(at("tokenizer.safetensors")))
    await copyTokenizer(tokenizer, at("tokenizer.safetensors"));
  if (classNames.length > 0) await writeText(at("classes.txt"), `${classNames.join("\n")}\n`);
  const card = modelCard({
    name: settings.name,
    origins: {},
    generator: settings.model,
    tokenizer: tokenizer?.config,
    sampling,
    classNames:
      classNames.length > 0
        ? { count: classNames.length, names: classNames.map((name) => [name]) }
        : unnamedClasses(settings.model.classes),
  });
  if (!existsSync(at("README.md"))) await writeText(at("README.md"), card);
}

/** As it is stored where it is safetensors, else rewritten as that. */
async function copyTokenizer(tokenizer: FoundTokenizer, to: string): Promise<void> {
  if (tokenizer.path.endsWith(".safetensors")) {
    const bytes = await readFile(tokenizer.path);
    return writeAtomically(to, (sink) => sink.append(bytes));
  }
  return withTokenizer(tokenizer, async (weights) => {
    const tensors: HostTensor[] = [];
    for (const { name, shape } of weights.tensors.values())
      tensors.push({ name, dtype: "F32", shape, data: await weights.readFloat32(name) });
    await writeSafetensors(to, tensors);
  });
}

/** The generator's weights, the averaged ones where there is an average; `pytorch_model.bin` as the reference writes it, where asked. */
export async function writeGenerator(
  outputDir: string,
  step: number,
  weights: ReadonlyMap<string, Tensor>,
  referenceFormat: boolean,
): Promise<void> {
  if (referenceFormat) await writeTorchFile(join(outputDir, "pytorch_model.bin"), streamOf(weights));
  await writeSafetensors(join(outputDir, "generator.safetensors"), streamOf(weights), {
    [stepKey]: `${step}`,
  });
}

/** Whether the folder has the generator of this step. */
export async function hasGenerator(outputDir: string, step: number): Promise<boolean> {
  try {
    await using file = await openTensorFile(join(outputDir, "generator.safetensors"));
    return file.metadata[stepKey] === `${step}`;
  } catch {
    return false;
  }
}

const writeText = (path: string, text: string): Promise<void> =>
  writeAtomically(path, (sink) => sink.append(new TextEncoder().encode(text)));
