/** Everything before the first step: the ranks agree, files are found, the last checkpoint is chosen, the plan is told. */
import { randomInt } from "node:crypto";
import { appendFileSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import * as torch from "libtorch";
import { RarityError } from "../config/errors.js";
import type { LoadedConfig, RarConfig } from "../config/load.js";
import type { PlainMap } from "../config/plain.js";
import type { TokenRows } from "../data/token-rows.js";
import { fileSystemError } from "../weights/bad-file.js";
import { changesBetween, checkChanges, differences } from "./changes.js";
import { type Checkpoint, latestCheckpoint } from "./checkpoint.js";
import { removeHalfWritten } from "./checkpoint-read.js";
import { hasGenerator } from "./model-output.js";
import { planLines } from "./plan.js";
import { fromRankZero, joinRanks, onRankZero, type Ranks } from "./ranks.js";
import { type Recipe, recipeOf } from "./recipe.js";
import { findFiles, type RunFiles } from "./run-files.js";
import { holding } from "./run-lock.js";
import { type RunSettings, runSettings } from "./run-settings.js";
import { type Machine, type RunState, roundingChanges, stateOf } from "./run-state.js";
import type { StepReport } from "./trainer.js";

export interface TrainRequest {
  readonly loaded: LoadedConfig;
  /** Of this program: all ranks run the same. */
  readonly version: string;
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
  /** What happens to pictures that cannot be read, where tokens are made of pictures. Default "fail". */
  readonly onError?: "fail" | "skip" | undefined;
  /** Also write `pytorch_model.bin` at the end. */
  readonly referenceFormat?: boolean | undefined;
  /** Asks the run to save and stop after the step under way. */
  readonly signal?: AbortSignal | undefined;
  /** Takes a line for people; of rank 0 only. */
  readonly say: (line: string) => void;
  readonly onStep?: ((step: number, total: number, report: StepReport) => void) | undefined;
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

/** A run that may begin. */
export interface Prepared extends RunFiles {
  readonly ranks: Ranks;
  readonly config: RarConfig;
  readonly settings: RunSettings;
  readonly recipe: Recipe;
  readonly machine: Machine;
  /** Finished steps of the checkpoint it goes on from, 0 for a new run; and what else every rank knows of it. */
  readonly from: number;
  readonly told: Told;
  /** The checkpoint itself, on rank 0 alone. */
  readonly checkpoint: Checkpoint | undefined;
  /** It has its last checkpoint and its model folder. */
  readonly done: boolean;
  readonly say: (line: string) => void;
}

/**
 * @throws {RarityError} naming the key, file, rank or checkpoint that does not fit
 */
export async function prepareRun(request: TrainRequest): Promise<Prepared> {
  const { config } = request.loaded;
  const settings = runSettings(config);
  const ranks = joinRanks(request.timeoutSeconds ?? 600, request.device);
  const say = speaker(settings.outputDir, ranks, request);
  agree(ranks, { config: config as unknown as PlainMap, version: request.version });
  return holding(ranks, settings, { ...request, say }, () => prepareHeld(request, settings, ranks, say));
}

async function prepareHeld(
  request: TrainRequest,
  settings: RunSettings,
  ranks: Ranks,
  say: (line: string) => void,
): Promise<Prepared> {
  const { config, file: configFile } = request.loaded;

  const checkpoint = await onRankZero(ranks, () => findCheckpoint(settings, say));
  const told = JSON.parse(fromRankZero(ranks, JSON.stringify(tellOf(checkpoint)))) as Told;
  const { from, state } = told;
  const machine = machineOf(request, settings, ranks);
  const recipe = { ...recipeOf(config), seed: seedOf(config, state, ranks) };
  torch.setThreads(machine.threads);

  const { signal, onProgress, onError, dryRun } = request;
  const wanted = {
    config,
    settings,
    machine,
    seed: recipe.seed,
    configFile,
    signal,
    onProgress,
    onError,
    say,
  };
  const files = (): Promise<RunFiles> => findFiles(wanted, dryRun);
  // Rank 0 alone downloads; the others then find the file in the machine's cache, or fetch it for theirs.
  const found = (await onRankZero(ranks, files)) ?? (await files());
  const { rows } = found;
  try {
    if (rows) agree(ranks, { "the tokens": rows.identity });
    if (state && rows) checkState(told.folder, state, { ...request, settings, ranks, rows, say });
    const rounding = state ? roundingChanges(state.machine, machine) : [];
    if (rounding.length > 0)
      say(
        `Note: since the checkpoint, ${rounding.join(", ")}. The data comes in the same order, but sums are rounded differently: the weights will not be bit-equal to those of a run that was never stopped.`,
      );
    if (from > 0 && state === undefined)
      say(
        `"${told.folder}" is the reference's: its weights are taken at step ${from}. The optimizer's moments begin at zero, and its random states are not used.`,
      );
    const done =
      from >= settings.steps &&
      JSON.parse(fromRankZero(ranks, JSON.stringify(await hasGenerator(settings.outputDir, from))));
    if (done)
      say(
        `This run is finished: "${settings.outputDir}" has the model of step ${from}. Nothing is left to do; training.max_train_steps is ${settings.steps}.`,
      );
    else {
      const data = rows && { rows: rows.rows, path: rows.path };
      const facts = { config, settings, ranks: ranks.size, device: machine.device, data, from };
      for (const line of planLines(facts)) say(line);
    }
    return {
      ...found,
      ranks,
      config,
      settings,
      recipe,
      machine,
      from,
      told,
      checkpoint,
      done,
      say,
    };
  } catch (error) {
    await found.close();
    throw error;
  }
}

/** What all ranks know of the checkpoint. */
export interface Told {
  readonly from: number;
  readonly folder: string;
  /** Names of its tensor files. */
  readonly files: readonly string[];
  /** Undefined where the reference made it. */
  readonly state: RunState | undefined;
}

const tellOf = (checkpoint: Checkpoint | undefined): Told => ({
  from: checkpoint?.step ?? 0,
  folder: checkpoint?.folder ?? "",
  files: checkpoint?.files ?? [],
  state: checkpoint && !checkpoint.weightsOnly ? stateOf(checkpoint) : undefined,
});

/** Lines for people: shown by rank 0, and written to `log{rank}.txt` by each, as the reference does. */
function speaker(outputDir: string, ranks: Ranks, { say, dryRun }: TrainRequest): (line: string) => void {
  const show = ranks.rank === 0 ? say : () => {};
  if (dryRun) return show;
  try {
    mkdirSync(outputDir, { recursive: true });
  } catch (error) {
    throw fileSystemError("write", outputDir, error);
  }
  const log = join(outputDir, `log${ranks.rank}.txt`);
  return (line) => {
    show(line);
    try {
      appendFileSync(log, `${line}\n`);
    } catch {
      // The line was shown; what cannot be saved is said where it matters.
    }
  };
}

/**
 * Every rank must run the same program with the same settings on the same tokens.
 * @throws {RarityError} "bad-config" on the rank that differs, naming what does
 */
function agree(ranks: Ranks, own: PlainMap): void {
  if (ranks.size === 1) return;
  const theirs = JSON.parse(fromRankZero(ranks, JSON.stringify(own))) as PlainMap;
  const differing = differences(theirs, JSON.parse(JSON.stringify(own)) as PlainMap);
  if (differing.length === 0) return;
  throw new RarityError(
    "bad-config",
    `Rank ${ranks.rank} differs from rank 0 in ${differing.join("; ")}. Start all ranks with the same version, files and words.`,
  );
}

async function findCheckpoint(
  { outputDir, resume }: RunSettings,
  say: (line: string) => void,
): Promise<Checkpoint | undefined> {
  const found = await latestCheckpoint(outputDir, say);
  if (found !== undefined && !resume)
    throw new RarityError(
      "bad-config",
      `experiment.resume is false, and "${outputDir}" holds a run that has come to step ${found.step}. Give another experiment.output_dir, or move its checkpoints away.`,
    );
  await removeHalfWritten(outputDir);
  return found;
}

function machineOf({ device, threads }: TrainRequest, settings: RunSettings, ranks: Ranks): Machine {
  const wanted = device ?? (torch.cudaDevices() > 0 ? "cuda" : "cpu");
  return {
    ranks: ranks.size,
    batch: settings.batch,
    microBatches: settings.microBatches,
    device: wanted === "cuda" ? `cuda:${ranks.local}` : wanted,
    threads: threads ?? Math.max(1, Math.floor(availableParallelism() / ranks.localSize)),
    libtorch: torch.runtimeInfo().version,
  };
}

/** The configuration's; where it says null, which is "any" in the reference, one that the checkpoints keep. */
function seedOf(config: RarConfig, state: RunState | undefined, ranks: Ranks): number {
  const own = config.training.seed ?? state?.seed;
  return own ?? Number(fromRankZero(ranks, String(randomInt(2 ** 32))));
}

/** Refuses to go on where what matters was changed. */
function checkState(
  folder: string,
  state: RunState,
  {
    loaded,
    allowChanged = [],
    settings,
    ranks,
    rows,
    say,
  }: TrainRequest & { readonly settings: RunSettings; readonly ranks: Ranks; readonly rows: TokenRows },
): void {
  const changes = changesBetween(state.config, JSON.parse(JSON.stringify(loaded.config)) as PlainMap);
  const { ranks: processes, batch, microBatches } = state.machine;
  const [was, is] = [processes * batch * microBatches, ranks.size * settings.batch * settings.microBatches];
  if (was !== is)
    changes.push({
      key: "rows_a_step",
      was: `${processes} x ${batch} x ${microBatches} = ${was}`,
      is: `${ranks.size} x ${settings.batch} x ${settings.microBatches} = ${is}`,
    });
  if (state.data.identity !== rows.identity)
    changes.push({
      key: "tokens",
      was: `${state.data.path} (${state.data.rows} rows)`,
      is: `${rows.path} (${rows.rows} rows)`,
    });
  for (const line of checkChanges(folder, changes, allowChanged)) say(`Note: since the checkpoint, ${line}.`);
}
