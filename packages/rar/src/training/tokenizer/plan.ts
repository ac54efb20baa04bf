/** What a tokenizer's run is going to do, in lines for people, before it begins. */
import { downsampling } from "../../config/architecture.js";
import type { Ranks } from "../ranks.js";
import type { RunData } from "./run-data.js";
import type { TokenizerRunSettings } from "./run-settings.js";
import { codebookName, type TokenizerTrainer } from "./tokenizer-trainer.js";

const whole = (value: number): string => Math.round(value).toLocaleString("en");

export function planLines(
  settings: TokenizerRunSettings,
  ranks: Ranks,
  data: RunData,
  trainer: TokenizerTrainer,
): string[] {
  const { model, recipe, crop } = settings;
  const { codebook, discriminator, perceptual } = recipe;
  const side = crop / downsampling(model);
  const batch = recipe.batch * ranks.size;
  const samples = batch * recipe.steps;
  const parameters = [...trainer.parameters].filter(([name]) => name !== codebookName);
  const count = parameters.reduce((sum, [, x]) => sum + x.size, 0);
  const processes = ranks.size > 1 ? ` (${ranks.size} processes x ${recipe.batch})` : "";
  const moves =
    codebook.kind === "ema"
      ? `averages of their latents, decay ${codebook.decay}`
      : `a loss of weight ${codebook.weight}`;
  const start = trainer.codebookReady
    ? trainer.finished > 0
      ? "as they were saved"
      : "given at the start"
    : `k-means after ${whole(codebook.freeSteps)} steps without codes`;
  return [
    `Pictures: ${whole(data.pictures.count)} of "${data.name}", ${data.pictures.where}; ${whole(data.heldOut.count)} held out.`,
    `Tokenizer: ${crop} x ${crop} pixels to ${side} x ${side} tokens of ${whole(model.codebookSize)} codes; ${whole(count)} parameters and ${whole(model.codebookSize)} x ${model.zChannels} numbers of the codebook.`,
    `Plan: ${whole(recipe.steps)} steps of ${whole(batch)} pictures${processes}: ${whole(samples)} samples, each picture ${Number((samples / data.pictures.count).toPrecision(2))} times; on ${trainer.device} in ${recipe.bfloat16 ? "bfloat16" : "float32"}.`,
    `Codes: ${start}, then ${moves}; ${codebook.reviveEvery === 0 ? "dead ones stay where they are" : `dead ones are moved every ${codebook.reviveEvery} steps until step ${whole(codebook.reviveUntil * recipe.steps)}`}.`,
    ...(perceptual
      ? [`Perceptual term: weight ${perceptual.weight}, features of "${perceptual.model}".`]
      : []),
    ...(discriminator
      ? [
          discriminator.start < recipe.steps
            ? `Discriminator: from step ${whole(discriminator.start)}, weight ${discriminator.weight}.`
            : `Discriminator: never, for discriminator_start ${whole(discriminator.start)} is not below max_train_steps.`,
        ]
      : []),
    ...(trainer.finished > 0 ? [`Goes on from step ${whole(trainer.finished)}.`] : []),
  ];
}
