/** The model folder of a trained tokenizer: what `rarity pretokenize` and `Pipeline.load` take. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Tensor } from "libtorch";
import { downsampling, type TokenizerConfig } from "../../config/architecture.js";
import { configOf } from "../../config/keys.js";
import { writeConfig } from "../../config/load.js";
import { merge } from "../../config/overrides.js";
import type { PlainMap } from "../../config/plain.js";
import { writeAtomically } from "../../weights/atomic-file.js";
import { openTensorFile } from "../../weights/open.js";
import { writeSafetensors } from "../../weights/safetensors.js";
import { streamOf } from "../checkpoint.js";
import type { TokenizerRunSettings } from "./run-settings.js";

const weightsName = "tokenizer.safetensors";
/** Key of the file's metadata: the step of the weights. */
const stepKey = "rarity.step";

/** `config.yaml` with the architecture, `tokenizer.safetensors`, and a first `README.md`. */
export async function writeTokenizerFolder(
  { outputDir, name, model }: TokenizerRunSettings,
  raw: PlainMap,
  step: number,
  weights: ReadonlyMap<string, Tensor>,
): Promise<void> {
  const own = { model: { vq_model: { pretrained_tokenizer_weight: weightsName } } };
  const config = merge(merge(raw, configOf({ tokenizer: model })), own) as PlainMap;
  await writeText(join(outputDir, "config.yaml"), writeConfig(config));
  if (!existsSync(join(outputDir, "README.md")))
    await writeText(join(outputDir, "README.md"), cardOf(name, model));
  await writeSafetensors(join(outputDir, weightsName), streamOf(weights), { [stepKey]: `${step}` });
}

/** Whether the folder has the tokenizer of this step. */
export async function hasTokenizer(outputDir: string, step: number): Promise<boolean> {
  try {
    await using file = await openTensorFile(join(outputDir, weightsName));
    return file.metadata[stepKey] === `${step}`;
  } catch {
    return false;
  }
}

function cardOf(name: string, model: TokenizerConfig): string {
  const side = model.resolution / downsampling(model);
  return [
    `# ${name}`,
    "",
    "A MaskGIT-VQ tokenizer for rarity, trained by `rarity train-tokenizer`; config.yaml has its recipe.",
    "",
    `- pictures of ${model.resolution} x ${model.resolution} as ${side} x ${side} tokens of ${model.codebookSize} codes`,
    `- ${model.channels} channels times ${model.multipliers.join(", ")}, ${model.blocks} residual blocks a level, codes of ${model.zChannels} numbers`,
    "",
  ].join("\n");
}

const writeText = (path: string, text: string): Promise<void> =>
  writeAtomically(path, (sink) => sink.append(new TextEncoder().encode(text)));
