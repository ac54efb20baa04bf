/** Makes the trainer of a run: with fresh weights, another model's, or everything that the last checkpoint holds. */
import { trainable } from "./parameters.js";
import type { Prepared } from "./run-start.js";
import { freshWeights } from "./starting-weights.js";
import { Trainer } from "./trainer.js";

export async function makeTrainer({ settings, recipe, machine }: Prepared): Promise<Trainer> {
  const parameters = await trainable(freshWeights(settings.model, recipe.seed), machine.device);
  return new Trainer({ config: settings.model, recipe, parameters, device: machine.device });
}
