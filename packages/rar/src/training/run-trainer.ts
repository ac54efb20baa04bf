/** Makes the trainer of a run: with fresh weights, another model's, or everything that the last checkpoint holds. */
import { generatorShapes } from "../config/shapes.js";
import { checkTensors } from "../weights/model-folder.js";
import type { TensorFile, TensorSource } from "../weights/tensor-file.js";
import { trainable } from "./parameters.js";
import { onRankZero, sharedSource } from "./ranks.js";
import type { Prepared } from "./run-start.js";
import { freshWeights, openGenerator, weightsFrom } from "./starting-weights.js";
import { Trainer } from "./trainer.js";

/** @throws {RarityError} "bad-file" where weights to begin with, or a checkpoint of the reference's, are of another size */
export async function makeTrainer(run: Prepared): Promise<Trainer> {
  if (run.from > 0) return restored(run);
  const { settings, recipe, machine } = run;
  return withStartingWeights(run, async (weights) => {
    const parameters = await trainable(weights, machine.device);
    return new Trainer({ config: settings.model, recipe, parameters, device: machine.device });
  });
}

async function withStartingWeights<R>(
  { config, settings, recipe, ranks, say }: Prepared,
  use: (weights: TensorSource) => Promise<R>,
): Promise<R> {
  const { init_weight: named } = config.experiment;
  if (named === undefined) return use(freshWeights(settings.model, recipe.seed));
  const file = await onRankZero(ranks, () => openGenerator(named));
  try {
    const found = file && weightsFrom(settings.model, recipe.seed, file);
    for (const note of found?.notes ?? []) say(`Starting weights: ${note}.`);
    return await use(await sharedSource(ranks, found?.source));
  } finally {
    await file?.[Symbol.asyncDispose]();
  }
}

/** Rank 0 reads the checkpoint, and the others hear it from there: their machines need not see its folder. */
async function restored({
  settings,
  recipe,
  machine,
  ranks,
  checkpoint,
  from,
  told,
}: Prepared): Promise<Trainer> {
  const open: TensorFile[] = [];
  const source = async (name: string): Promise<TensorSource> => {
    const file = await onRankZero(ranks, async () => checkpoint!.open(name));
    if (file) open.push(file);
    return sharedSource(ranks, file);
  };
  try {
    const generator = await source("generator.safetensors");
    checkTensors(told.folder, generator.tensors, generatorShapes(settings.model), "the configuration");
    const saved = {
      generator,
      ema: told.files.includes("ema.safetensors") ? await source("ema.safetensors") : undefined,
      moments: told.files.includes("moments.safetensors") ? await source("moments.safetensors") : nothing,
    };
    const parameters = await trainable(generator, machine.device);
    const trainer = new Trainer({ config: settings.model, recipe, parameters, device: machine.device });
    const fromReference = { step: from, updates: 0, emaUpdates: from };
    await trainer.restore(saved, told.state?.counters ?? fromReference);
    return trainer;
  } finally {
    for (const file of open) await file[Symbol.asyncDispose]();
  }
}

const nothing: TensorSource = {
  tensors: new Map(),
  readFloat32: (name) => Promise.reject(new TypeError(`there is no "${name}" to be read`)),
};
