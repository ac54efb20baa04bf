/** What a run needs to go on exactly where it stopped: the trainer's tensors by file, and its counts. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { RarityError } from "../../config/errors.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import type { CheckpointContent } from "../checkpoint.js";
import type { TokenizerTrainer } from "./tokenizer-trainer.js";

const files = {
  weights: "tokenizer.safetensors",
  average: "average.safetensors",
  moments: "moments.safetensors",
  counts: "code-counts.safetensors",
  discriminator: "discriminator.safetensors",
  discriminatorMoments: "discriminator-moments.safetensors",
} as const;

/** Numbers of an optimizer's state, by name. */
type Numbers = Readonly<Record<string, number>>;

/** The part of a checkpoint's `state.json` that is the trainer's. */
export interface TrainerCounts {
  readonly finished: number;
  readonly codebookReady: boolean;
  readonly counting: boolean;
  readonly averageUpdates: number | undefined;
  readonly optimizer: Numbers;
  readonly discriminatorOptimizer: Numbers | undefined;
}

export function trainerState(trainer: TokenizerTrainer): {
  readonly tensors: CheckpointContent["tensors"];
  readonly counts: TrainerCounts;
} {
  const own = apart(trainer.optimizer.stateDict());
  const judge = trainer.discriminatorOptimizer && apart(trainer.discriminatorOptimizer.stateDict());
  return {
    tensors: {
      [files.weights]: trainer.parameters,
      [files.moments]: own.tensors,
      [files.counts]: new Map([["count", trainer.count]]),
      ...(trainer.ema && { [files.average]: trainer.ema.shadows }),
      ...(trainer.discriminator && { [files.discriminator]: trainer.discriminator }),
      ...(judge && { [files.discriminatorMoments]: judge.tensors }),
    },
    counts: {
      finished: trainer.finished,
      codebookReady: trainer.codebookReady,
      counting: trainer.counting,
      averageUpdates: trainer.ema?.updates,
      optimizer: own.numbers,
      discriminatorOptimizer: judge?.numbers,
    },
  };
}

/**
 * Puts a trainer of the same recipe where the checkpoint was saved.
 * @param open - opens a file of the checkpoint by name
 * @throws {RarityError} "bad-file" where the checkpoint lacks something
 */
export async function restoreTrainer(
  trainer: TokenizerTrainer,
  open: (name: string) => Promise<TensorSource & AsyncDisposable>,
  counts: TrainerCounts,
): Promise<void> {
  const fill = async (name: string, targets: ReadonlyMap<string, Tensor>): Promise<void> => {
    await using file = await open(name);
    for (const [key, target] of targets) {
      if (!file.tensors.has(key))
        throw new RarityError(
          "bad-file",
          `The checkpoint has no "${key}" in ${name}. Begin anew in another experiment.output_dir.`,
        );
      const data = await file.readFloat32(key);
      torch.noGrad(() => torch.scope(() => torch.copy_(target, torch.tensor(data, { shape: target.shape }))));
    }
  };
  const optimizer = async (target: torch.AdamW, name: string, numbers: Numbers): Promise<void> => {
    await using file = await open(name);
    const tensors = new Map<string, Tensor>();
    for (const { name: key, shape } of file.tensors.values())
      tensors.set(key, torch.keep(torch.tensor(await file.readFloat32(key), { shape })));
    target.loadStateDict({ ...Object.fromEntries(tensors), ...numbers });
    for (const x of tensors.values()) x.dispose();
  };
  await fill(files.weights, trainer.parameters);
  await fill(files.counts, new Map([["count", trainer.count]]));
  await optimizer(trainer.optimizer, files.moments, counts.optimizer);
  if (trainer.ema) {
    await fill(files.average, trainer.ema.shadows);
    trainer.ema.updates = counts.averageUpdates ?? 0;
  }
  if (trainer.discriminator && trainer.discriminatorOptimizer) {
    await fill(files.discriminator, trainer.discriminator);
    await optimizer(
      trainer.discriminatorOptimizer,
      files.discriminatorMoments,
      counts.discriminatorOptimizer ?? {},
    );
  }
  trainer.finished = counts.finished;
  trainer.codebookReady = counts.codebookReady;
  trainer.counting = counts.counting;
}

function apart(state: torch.OptimizerState): {
  tensors: Map<string, Tensor>;
  numbers: Record<string, number>;
} {
  const tensors = new Map<string, Tensor>();
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(state))
    if (typeof value === "number") numbers[name] = value;
    else tensors.set(name, value);
  return { tensors, numbers };
}
