/** Everything before a tokenizer's first step: pictures are opened, the last checkpoint is chosen, the trainer stands where it was. */
import { availableParallelism } from "node:os";
import * as torch from "libtorch";
import { RarityError } from "../../config/errors.js";
import type { LoadedConfig } from "../../config/load.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import { type Checkpoint, latestCheckpoint } from "../checkpoint.js";
import { removeHalfWritten } from "../checkpoint-read.js";
import { fromRankZero, joinRanks, onRankZero, type Ranks, sharedSource } from "../ranks.js";
import { holding } from "../run-lock.js";
import { hasTokenizer } from "./model-folder.js";
import { planLines } from "./plan.js";
import { openRunData, type RunData } from "./run-data.js";
import { type TokenizerRunSettings, tokenizerRunSettings } from "./run-settings.js";
import { checkPictures, checkState, stateOf, type TokenizerRunState } from "./run-state.js";
import { startTrainer } from "./start-trainer.js";
import { restoreTrainer } from "./state.js";
import type { TokenizerTrainer } from "./tokenizer-trainer.js";

export interface TokenizerTrainRequest {
  readonly loaded: LoadedConfig;
  /** "cpu", "cuda" or "cuda:1". Default: this rank's CUDA device where there is one, else cpu. */
  readonly device?: string | undefined;
  /** Threads of one operator. Default: this rank's share of the machine's cores. */
  readonly threads?: number | undefined;
  /** How long to wait for other ranks. Default 600. */
  readonly timeoutSeconds?: number | undefined;
  /** Stop after the plan. */
  readonly dryRun?: boolean | undefined;
  /** Keys that may differ from the checkpoint's. */
  readonly allowChanged?: readonly string[] | undefined;
  /** What happens to pictures that cannot be decoded. Default "fail". */
  readonly onError?: "fail" | "skip" | undefined;
  /** Asks the run to save and stop after the step under way. */
  readonly signal?: AbortSignal | undefined;
  /** Takes a line for people; of rank 0 only. */
  readonly say: (line: string) => void;
  readonly onStep?: ((step: number, total: number) => void) | undefined;
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

/** A run that may begin. */
export interface PreparedTokenizerRun {
  readonly settings: TokenizerRunSettings;
  readonly ranks: Ranks;
  readonly data: RunData;
  readonly trainer: TokenizerTrainer;
  readonly state: TokenizerRunState | undefined;
  /** It has its last step and its model folder. */
  readonly done: boolean;
  readonly say: (line: string) => void;
  close(): Promise<void>;
}

/** @throws {RarityError} naming the key, file or checkpoint that does not fit */
export async function prepareTokenizerRun(request: TokenizerTrainRequest): Promise<PreparedTokenizerRun> {
  const { config } = request.loaded;
  const settings = tokenizerRunSettings(config);
  const ranks = joinRanks(request.timeoutSeconds ?? 600, request.device);
  const say = ranks.rank === 0 ? request.say : (): void => {};
  return holding(ranks, settings, { ...request, say }, () => prepareHeld(request, settings, ranks, say));
}

async function prepareHeld(
  request: TokenizerTrainRequest,
  settings: TokenizerRunSettings,
  ranks: Ranks,
  say: (line: string) => void,
): Promise<PreparedTokenizerRun> {
  const { config } = request.loaded;
  const device = deviceOf(request.device, ranks);
  torch.setThreads(request.threads ?? Math.max(1, Math.floor(availableParallelism() / ranks.localSize)));

  const checkpoint = await onRankZero(ranks, () => findCheckpoint(settings, say));
  const told = fromRankZero(ranks, JSON.stringify(checkpoint ? stateOf(checkpoint) : null));
  const state = (JSON.parse(told) as TokenizerRunState | null) ?? undefined;
  if (state) checkState(state, { ...request, say }, settings, ranks);

  const { signal, onProgress, onError = "fail" } = request;
  const data = await openRunData(settings, { device, say, signal, onProgress, onError });
  let trainer: TokenizerTrainer | undefined;
  try {
    if (state) checkPictures(state, data, request.allowChanged);
    trainer = await startTrainer(settings, config.experiment.init_weight, { device, say, signal });
    if (state)
      await restoreTrainer(trainer, (name) => checkpointFile(ranks, checkpoint, name), state.trainer);
    const finished = trainer.finished >= settings.recipe.steps;
    const done = finished && (await hasTokenizer(settings.outputDir, trainer.finished));
    if (done)
      say(
        `This run is finished: "${settings.outputDir}" has the tokenizer of step ${trainer.finished}. Nothing is left to do.`,
      );
    else for (const line of planLines(settings, ranks, data, trainer)) say(line);
    const made = trainer;
    const close = async (): Promise<void> => {
      made.dispose();
      await data.close();
    };
    return { settings, ranks, data, trainer, state, done, say, close };
  } catch (error) {
    trainer?.dispose();
    await data.close();
    throw error;
  }
}

/** A checkpoint's file that rank 0 reads and every rank gets. */
async function checkpointFile(
  ranks: Ranks,
  checkpoint: Checkpoint | undefined,
  name: string,
): Promise<TensorSource & AsyncDisposable> {
  const file = await checkpoint?.open(name);
  const { tensors, readFloat32 } = await sharedSource(ranks, file);
  return { tensors, readFloat32, [Symbol.asyncDispose]: async () => file?.[Symbol.asyncDispose]() };
}

function deviceOf(asked: string | undefined, ranks: Ranks): string {
  const device = asked ?? (torch.cudaDevices() > 0 ? "cuda" : "cpu");
  return device === "cuda" ? `cuda:${ranks.local}` : device;
}

async function findCheckpoint(
  { outputDir, resume }: TokenizerRunSettings,
  say: (line: string) => void,
): Promise<Checkpoint | undefined> {
  const found = await latestCheckpoint(outputDir, say);
  if (found && !resume)
    throw new RarityError(
      "bad-usage",
      `"${outputDir}" holds a run, and experiment.resume is False. Give another experiment.output_dir, or set experiment.resume=True.`,
    );
  await removeHalfWritten(outputDir);
  return found;
}
