/** A whole training run: from a configuration to a model folder, going on from its last checkpoint where there is one. */

import { distributed } from "libtorch";
import { RarityError } from "../config/errors.js";
import { samplingConfig } from "../config/load.js";
import { finalOrder } from "../config/orders.js";
import { TokenBatches } from "../data/token-batches.js";
import { heldOutLoss } from "./held-out.js";
import { writeGenerator, writeModelParts } from "./model-output.js";
import { onRankZero, type Ranks, sumOverRanks } from "./ranks.js";
import { consoleLine, gradNormScalars, type StepTimes, stepScalars } from "./run-report.js";
import { Saver } from "./run-save.js";
import { type Prepared, prepareRun, type TrainRequest } from "./run-start.js";
import type { RunState } from "./run-state.js";
import { makeTrainer } from "./run-trainer.js";
import { SampleGrid } from "./sample-grid.js";
import { openTrackers } from "./trackers/open.js";
import { noTracker, type Tracker } from "./trackers/tracker.js";
import type { StepReport, Trainer } from "./trainer.js";

export type { TrainRequest } from "./run-start.js";

/** How a run ended. */
export interface TrainResult {
  readonly outcome: "planned" | "finished" | "finished before" | "stopped";
  /** Finished optimizer steps. */
  readonly step: number;
  readonly outputDir: string;
}

/**
 * Trains a generator as the configuration says.
 *
 * @throws {RarityError} for a configuration, files or checkpoints that cannot be used; "engine" where a rank is lost, or too many steps were
 *   not finite; "io" where the end cannot be written
 */
export async function train(request: TrainRequest): Promise<TrainResult> {
  try {
    return await trainAmongRanks(request);
  } catch (error) {
    if (!(error instanceof distributed.DistributedError)) throw error;
    const message = `${error.message} Start all processes again: the run goes on from its last checkpoint.`;
    throw new RarityError("engine", message, { cause: error });
  }
}

async function trainAmongRanks(request: TrainRequest): Promise<TrainResult> {
  const prepared = await prepareRun(request);
  const { settings, from, done } = prepared;
  const { outputDir } = settings;
  try {
    if (done) return { outcome: "finished before", step: from, outputDir };
    if (request.dryRun) return { outcome: "planned", step: from, outputDir };
    using trainer = await makeTrainer(prepared);
    return await new Run(request, prepared, trainer).toTheEnd();
  } finally {
    await prepared.close();
  }
}

class Run {
  readonly #request: TrainRequest;
  readonly #prepared: Prepared;
  readonly #trainer: Trainer;
  readonly #saver: Saver;
  readonly #isFirst: boolean;
  #tracker: Tracker = noTracker;
  #grid: SampleGrid | undefined;
  #skipped: number;

  constructor(request: TrainRequest, prepared: Prepared, trainer: Trainer) {
    this.#request = request;
    this.#prepared = prepared;
    this.#trainer = trainer;
    const { outputDir, keep } = prepared.settings;
    const { say, told } = prepared;
    this.#saver = new Saver({ outputDir, keep, say, saved: told.state?.step });
    this.#isFirst = prepared.ranks.rank === 0;
    this.#skipped = prepared.told.state?.skipped ?? 0;
  }

  async toTheEnd(): Promise<TrainResult> {
    const { settings, rows, ranks, recipe, say } = this.#prepared;
    const { outputDir, steps, batch, microBatches } = settings;
    try {
      await this.#open();
      const plan = { seed: recipe.seed, rank: ranks.rank, ranks: ranks.size, batch, microBatches };
      await using batches = new TokenBatches(rows!, plan);
      while (this.#trainer.steps < steps) {
        if (await this.#isAskedToStop()) return await this.#stop();
        await this.#step(batches);
      }
      await this.#finish();
      say(`Finished: ${steps} steps. The model is in "${outputDir}".`);
      return { outcome: "finished", step: steps, outputDir };
    } finally {
      await this.#grid?.[Symbol.asyncDispose]();
      await this.#tracker.close();
    }
  }

  async #open(): Promise<void> {
    const { settings, from, say, tokenizer } = this.#prepared;
    const { outputDir, name } = settings;
    if (!this.#isFirst) return;
    const { raw, config } = this.#request.loaded;
    await writeModelParts({ ...this.#prepared, raw });
    const wandb = config.training.enable_wandb ? { config: raw } : undefined;
    this.#tracker = await openTrackers(outputDir, { step: from, name, say, wandb });
    if (settings.generateEvery !== undefined && tokenizer === undefined)
      say(
        "There will be no sample grids: model.vq_model.pretrained_tokenizer_weight is not set, and tokens alone are no pictures.",
      );
  }

  /** One optimizer step, and what is due after it. */
  async #step(batches: TokenBatches): Promise<void> {
    const { settings, recipe } = this.#prepared;
    const begin = performance.now();
    const micro = await batches.step(this.#trainer.steps);
    const read = performance.now();
    const report = this.#trainer.step(micro);
    const end = performance.now();
    const times = {
      data: (read - begin) / 1000,
      batch: (end - begin) / 1000,
      rows: settings.batch * settings.microBatches,
    };
    const { step } = report;
    if (report.skipped !== undefined) this.#countSkipped(report);
    const due = (every: number | undefined): boolean => every !== undefined && step % every === 0;
    if (due(settings.logEvery)) this.#log(report, times);
    if (due(settings.gradNormEvery) && report.skipped === undefined)
      this.#tracker.scalars(step, gradNormScalars(this.#trainer.parameters, this.#prepared.ranks.size));
    if (due(settings.saveEvery)) await this.#save();
    if (due(settings.generateEvery)) await this.#drawGrid(step, recipe.seed);
    if (due(settings.evalEvery)) await this.#evaluate(step);
    this.#request.onStep?.(step, settings.steps, report);
  }

  #log(report: StepReport, times: StepTimes): void {
    const { say, machine } = this.#prepared;
    say(consoleLine(report, times));
    const run = { samples: this.#samples(), skipped: this.#skipped, device: machine.device };
    this.#tracker.scalars(report.step, stepScalars(report, times, run));
  }

  #samples(): number {
    const { settings, ranks } = this.#prepared;
    return this.#trainer.steps * settings.batch * settings.microBatches * ranks.size;
  }

  #countSkipped({ step, skipped }: StepReport): void {
    const { settings, say } = this.#prepared;
    this.#skipped++;
    say(
      `Step ${step} was skipped: ${skipped} (${this.#skipped} so far, at most ${settings.maxSkipped} may be).`,
    );
    if (this.#skipped <= settings.maxSkipped) return;
    const last = this.#saver.saved;
    throw new RarityError(
      "engine",
      `${this.#skipped} steps had numbers that are not finite, the last at step ${step}: ${skipped}. The run stops; ` +
        `${last === undefined ? "there is no checkpoint yet" : `the checkpoint of step ${last} is whole`}. ` +
        "Lower optimizer.params.learning_rate, or set training.mixed_precision=no; training.max_skipped_steps allows more.",
    );
  }

  /** All ranks stop at the same step, whichever of them was asked to. */
  async #isAskedToStop(): Promise<boolean> {
    await new Promise(setImmediate); // signals are heard here
    const asked = this.#request.signal?.aborted ? 1 : 0;
    return sumOverRanks(this.#prepared.ranks, [asked])[0]! > 0;
  }

  async #stop(): Promise<TrainResult> {
    const { settings, ranks, say } = this.#prepared;
    const step = this.#trainer.steps;
    await this.#save();
    await onRankZero(ranks, () => this.#saver.settled());
    say(`Stopped after step ${step} of ${settings.steps}. The same command goes on from there.`);
    return { outcome: "stopped", step, outputDir: settings.outputDir };
  }

  async #save(): Promise<void> {
    const state = this.#state();
    await onRankZero(this.#prepared.ranks, () => this.#saver.save(this.#trainer.parts(), state));
  }

  #state(): RunState {
    const { config, recipe, rows, machine } = this.#prepared;
    return {
      format: 1,
      verb: "train",
      step: this.#trainer.steps,
      samples: this.#samples(),
      skipped: this.#skipped,
      seed: recipe.seed,
      counters: this.#trainer.counters(),
      data: { path: rows!.path, identity: rows!.identity, rows: rows!.rows },
      machine,
      rarity: this.#request.version,
      config: config as never,
    };
  }

  /** Weights as they are used: the average's where there is one. */
  #weights(): ReturnType<Trainer["parts"]>["generator"] {
    const { generator, ema } = this.#trainer.parts();
    return ema ?? generator;
  }

  async #drawGrid(step: number, seed: number): Promise<void> {
    const { settings, config, tokenizer, machine, recipe, ranks, say } = this.#prepared;
    const { signal } = this.#request;
    if (tokenizer === undefined) return;
    const { model } = settings;
    await this.#whileNotStopped(ranks, async () => {
      this.#grid ??= await SampleGrid.create({
        model,
        sampling: samplingConfig(config),
        tokenizer,
        device: machine.device,
        threads: machine.threads,
        seed,
        order: finalOrder(recipe.order, Math.sqrt(model.tokens)),
      });
      this.#tracker.image(step, "Train Generated", await this.#grid.draw(this.#weights(), signal));
      say(`Drew train_generated_images/${`${step}`.padStart(8, "0")}_s-generated.png.`);
    });
  }

  async #evaluate(step: number): Promise<void> {
    const { settings, ranks, recipe, heldOut, say } = this.#prepared;
    const { model } = settings;
    const { signal } = this.#request;
    await this.#whileNotStopped(ranks, async () => {
      const order = finalOrder(recipe.order, Math.sqrt(model.tokens));
      const trained = { config: model, parameters: this.#weights() };
      const found = await heldOutLoss(trained, heldOut!, { order, batch: settings.batch, signal });
      this.#tracker.scalars(step, { "eval/loss": found.loss, "eval/correct_tokens": found.accuracy });
      say(
        `Held out, step ${step}: loss ${found.loss.toFixed(4)}, accuracy ${found.accuracy.toFixed(4)} on ${found.rows} rows.`,
      );
    });
  }

  /** Rank 0 looks at the model; a signal ends that, for saving is more urgent. */
  #whileNotStopped(ranks: Ranks, look: () => Promise<void>): Promise<void> {
    return onRankZero(ranks, async () => {
      try {
        await look();
      } catch (error) {
        if (!this.#request.signal?.aborted) throw error;
      }
    });
  }

  async #finish(): Promise<void> {
    const { settings, ranks } = this.#prepared;
    await this.#save();
    await onRankZero(ranks, async () => {
      await this.#saver.settled();
      const { referenceFormat = false } = this.#request;
      await writeGenerator(settings.outputDir, this.#trainer.steps, this.#weights(), referenceFormat);
    });
  }
}
