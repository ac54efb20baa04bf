/** A trainer before its first step: fresh weights or those of another tokenizer, its discriminator, its perceptual network. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { TokenizerConfig } from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import { tokenizerShapes } from "../../config/shapes.js";
import { initialWeights } from "../../weights/initial.js";
import { locateModel, openModel } from "../../weights/model-folder.js";
import type { OpenedNetwork } from "../../weights/model-folder-open.js";
import { trainable } from "../parameters.js";
import { discriminatorShapes } from "./discriminator.js";
import { PerceptualLoss } from "./perceptual.js";
import type { TokenizerRunSettings } from "./run-settings.js";
import { TokenizerTrainer } from "./tokenizer-trainer.js";

export interface StartOptions {
  readonly device: string;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @param init - `experiment.init_weight`: a tokenizer of the same architecture, whose codes are kept
 * @throws {RarityError} "bad-config" for one of another architecture
 */
export async function startTrainer(
  { model, recipe }: Pick<TokenizerRunSettings, "model" | "recipe">,
  init: string | undefined,
  { device, say, signal }: StartOptions,
): Promise<TokenizerTrainer> {
  const shapes = tokenizerShapes(model);
  const fresh = (): Promise<Map<string, Tensor>> =>
    trainable(initialWeights(shapes, { seed: recipe.seed }), device);
  const given = (path: string): Promise<Map<string, Tensor>> =>
    withTokenizer(path, "experiment.init_weight", signal, async ({ weights }) => {
      for (const { name, shape } of shapes) {
        const own = weights.tensors.get(name)?.shape;
        if (String(own) !== String(shape))
          throw new RarityError(
            "bad-config",
            `"${path}" (experiment.init_weight) is a tokenizer of another architecture: "${name}" is ${own ? `[${own}]` : "missing"}, this one needs [${shape}].`,
          );
      }
      say(`Begins with the weights and codes of "${path}".`);
      return trainable(weights, device);
    });
  const parameters = await (init === undefined ? fresh() : given(init));
  const judge = recipe.discriminator && { imageChannels: model.imageChannels, ...recipe.discriminator };
  const discriminator =
    judge && (await trainable(initialWeights(discriminatorShapes(judge), { seed: recipe.seed + 1 }), device));
  const perceptual =
    recipe.perceptual && (await perceptualLoss(recipe.perceptual.model, recipe.bfloat16, device, signal));
  return new TokenizerTrainer({
    config: model,
    recipe,
    parameters,
    discriminator,
    perceptual,
    codebookReady: init !== undefined,
    device,
  });
}

function perceptualLoss(
  path: string,
  bfloat16: boolean,
  device: string,
  signal: AbortSignal | undefined,
): Promise<PerceptualLoss> {
  const dtype = bfloat16 ? "bfloat16" : "float32";
  const key = "tokenizer_training.perceptual_model";
  return withTokenizer(path, key, signal, async ({ config, weights }) => {
    const parameters = new Map<string, Tensor>();
    for (const { name, shape } of weights.tensors.values()) {
      if (!name.startsWith("encoder.")) continue;
      const data = await weights.readFloat32(name);
      const made = torch.scope(() => torch.to(torch.tensor(data, { shape, device }), { dtype }));
      parameters.set(name, torch.keep(made));
    }
    return new PerceptualLoss(config, parameters);
  });
}

async function withTokenizer<R>(
  path: string,
  key: string,
  signal: AbortSignal | undefined,
  use: (tokenizer: OpenedNetwork<TokenizerConfig>) => Promise<R>,
): Promise<R> {
  const location = await locateModel(path, { signal, parts: ["tokenizer"] });
  await using model = await openModel(location, { signal });
  if (!model.tokenizer) throw new RarityError("not-found", `"${path}" (${key}) holds no tokenizer.`);
  return await use(model.tokenizer);
}
