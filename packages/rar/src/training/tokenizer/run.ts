/** A whole run of `rarity train-tokenizer`: from pictures to a model folder, going on from its last checkpoint where there is one. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { downsampling } from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import type { PlainMap } from "../../config/plain.js";
import { sampleAt } from "../../data/order.js";
import { saveCheckpoint } from "../checkpoint.js";
import { onRankZero, sumOverRanks } from "../ranks.js";
import { openTrackers } from "../trackers/open.js";
import { noTracker, type Tracker } from "../trackers/tracker.js";
import { type Quality, QualityMeter } from "./evaluate.js";
import { reconstructionGrid } from "./grid.js";
import { writeTokenizerFolder } from "./model-folder.js";
import { augmented, plain } from "./pictures.js";
import { consoleLine, Means, qualityLine, qualityScalars, tokenizerPanels } from "./run-report.js";
import { type PreparedTokenizerRun, prepareTokenizerRun, type TokenizerTrainRequest } from "./run-start.js";
import type { TokenizerRunState } from "./run-state.js";
import { trainerState } from "./state.js";
import type { TokenizerTrainer } from "./tokenizer-trainer.js";

export type { TokenizerTrainRequest } from "./run-start.js";

/** How a run ended. */
export interface TokenizerTrainResult {
  readonly outcome: "planned" | "finished" | "finished before" | "stopped";
  /** Finished optimizer steps. */
  readonly step: number;
  readonly outputDir: string;
  /** Of the last evaluation. */
  readonly quality: Quality | undefined;
}

/**
 * Trains a tokenizer as the configuration says.
 *
 * @throws {RarityError} for a configuration, pictures or checkpoints that cannot be used; "engine" where a rank is lost, or too many
 *   steps were not finite; "io" where the end cannot be written
 */
export async function trainTokenizer(request: TokenizerTrainRequest): Promise<TokenizerTrainResult> {
  const prepared = await prepareTokenizerRun(request);
  try {
    const { done, trainer, settings } = prepared;
    const ended = { step: trainer.finished, outputDir: settings.outputDir, quality: undefined };
    if (done) return { outcome: "finished before", ...ended };
    if (request.dryRun) return { outcome: "planned", ...ended };
    return await new Run(request, prepared).toTheEnd();
  } finally {
    await prepared.close();
  }
}

/** Pictures of the grid. */
const gridPictures = 32;

class Run {
  readonly #request: TokenizerTrainRequest;
  readonly #prepared: PreparedTokenizerRun;
  readonly #trainer: TokenizerTrainer;
  readonly #isFirst: boolean;
  readonly #means = new Means();
  #tracker: Tracker = noTracker;
  #skipped: number;
  #saved: number | undefined;
  #quality: Quality | undefined;

  constructor(request: TokenizerTrainRequest, prepared: PreparedTokenizerRun) {
    this.#request = request;
    this.#prepared = prepared;
    this.#trainer = prepared.trainer;
    this.#isFirst = prepared.ranks.rank === 0;
    this.#skipped = prepared.state?.skipped ?? 0;
    this.#saved = prepared.state && prepared.trainer.finished;
  }

  async toTheEnd(): Promise<TokenizerTrainResult> {
    const { settings, say } = this.#prepared;
    const { outputDir, recipe, name } = settings;
    const { config, raw } = this.#request.loaded;
    if (this.#isFirst)
      this.#tracker = await openTrackers(outputDir, {
        step: this.#trainer.finished,
        name,
        say,
        panels: tokenizerPanels,
        wandb: config.training.enable_wandb ? { config: raw } : undefined,
      });
    let next: Promise<Tensor> | undefined;
    try {
      while (this.#trainer.finished < recipe.steps) {
        if (await this.#isAskedToStop()) return await this.#stop();
        if (this.#trainer.needsCodebook) await this.#startCodebook();
        const begin = performance.now();
        const bytes = await (next ?? this.#take(this.#trainer.finished));
        // Read while this step computes.
        next = this.#trainer.finished + 1 < recipe.steps ? this.#take(this.#trainer.finished + 1) : undefined;
        await this.#step(bytes, (performance.now() - begin) / 1000);
      }
      await this.#save();
      await onRankZero(this.#prepared.ranks, () => this.#writeModel());
      say(`Finished: ${recipe.steps} steps. The tokenizer is in "${outputDir}".`);
      return { outcome: "finished", step: recipe.steps, outputDir, quality: this.#quality };
    } finally {
      const left = await next?.catch(() => undefined);
      left?.dispose();
      await this.#tracker.close();
    }
  }

  /** Positions of this rank's pictures of a step: the ranks' parts one after the other are the step's pictures. */
  #positions(step: number): number[] {
    const { ranks, settings } = this.#prepared;
    const { batch } = settings.recipe;
    return Array.from({ length: batch }, (_, i) => (step * ranks.size + ranks.rank) * batch + i);
  }

  #take(step: number): Promise<Tensor> {
    const { data, settings } = this.#prepared;
    const { seed } = settings.recipe;
    const taken = data.pictures.take(
      this.#positions(step).map((at) => sampleAt(seed, data.pictures.count, at)),
    );
    taken.catch(() => {}); // told to who awaits it
    return taken;
  }

  #planes(bytes: Tensor, step: number): Tensor {
    const { flip, crop, recipe } = this.#prepared.settings;
    return augmented(bytes, this.#positions(step), { seed: recipe.seed, flip, crop });
  }

  /** k-means on the latents of the next steps' pictures. */
  async #startCodebook(): Promise<void> {
    const { settings, ranks, say } = this.#prepared;
    const { model, recipe, crop } = settings;
    const perStep = recipe.batch * ranks.size * (crop / downsampling(model)) ** 2;
    const wanted = recipe.codebook.startLatents * model.codebookSize;
    const batches = Math.max(1, Math.ceil(wanted / perStep));
    const begin = performance.now();
    const planes: Tensor[] = [];
    for (let i = 0; i < batches; i++) {
      using bytes = await this.#take(this.#trainer.finished + i);
      planes.push(torch.keep(this.#planes(bytes, this.#trainer.finished + i)));
    }
    this.#trainer.startCodebook(planes);
    for (const x of planes) x.dispose();
    say(
      `Step ${this.#trainer.finished}: the codebook starts from k-means on ${(batches * perStep).toLocaleString("en")} latents (${((performance.now() - begin) / 1000).toFixed(1)} s).`,
    );
  }

  /** One optimizer step, and what is due after it. */
  async #step(bytes: Tensor, waited: number): Promise<void> {
    const { settings } = this.#prepared;
    const begin = performance.now();
    const report = torch.scope(() => {
      const images = this.#planes(bytes, this.#trainer.finished);
      bytes.dispose();
      return this.#trainer.step(images);
    });
    this.#means.add(report, { data: waited, batch: waited + (performance.now() - begin) / 1000 });
    const step = this.#trainer.finished;
    if (report.skipped) this.#countSkipped(step);
    const due = (every: number | undefined): boolean => every !== undefined && step % every === 0;
    const last = step === settings.recipe.steps;
    if (due(settings.logEvery) || last) this.#log(step);
    if (due(settings.saveEvery) && !last) await this.#save();
    if (due(settings.evalEvery) || last) await onRankZero(this.#prepared.ranks, () => this.#evaluate(step));
    if (due(settings.generateEvery) || last)
      await onRankZero(this.#prepared.ranks, () => this.#drawGrid(step));
    this.#request.onStep?.(step, settings.recipe.steps);
  }

  #log(step: number): void {
    const { settings, ranks, say } = this.#prepared;
    const { batch } = settings.recipe;
    const values = this.#means.take(batch);
    say(consoleLine(step, values));
    this.#tracker.scalars(step, {
      ...values,
      "train/samples_seen": step * batch * ranks.size,
      "train/skipped_steps": this.#skipped,
      "memory/process": process.memoryUsage().rss,
      ...(this.#trainer.device !== "cpu" && {
        "memory/device_peak": torch.cuda.memory(this.#trainer.device).allocatedPeak,
      }),
    });
  }

  #countSkipped(step: number): void {
    const { settings, say } = this.#prepared;
    this.#skipped++;
    say(
      `Step ${step} was skipped: a gradient was not finite (${this.#skipped} so far, at most ${settings.maxSkipped} may be).`,
    );
    if (this.#skipped <= settings.maxSkipped) return;
    throw new RarityError(
      "engine",
      `${this.#skipped} steps had gradients that are not finite, the last at step ${step}. The run stops; ` +
        `${this.#saved === undefined ? "there is no checkpoint yet" : `the checkpoint of step ${this.#saved} is whole`}. ` +
        "Lower optimizer.params.learning_rate, or set training.mixed_precision=no; training.max_skipped_steps allows more.",
    );
  }

  async #evaluate(step: number): Promise<void> {
    const { data, settings, say } = this.#prepared;
    const { batch } = settings.recipe;
    const meter = new QualityMeter(settings.model.codebookSize);
    for (let at = 0; at < data.heldOut.count; at += batch) {
      using images = await this.#heldOut(at, Math.min(at + batch, data.heldOut.count));
      meter.add(this.#trainer, images);
    }
    this.#quality = meter.result();
    this.#tracker.scalars(step, qualityScalars(this.#quality));
    say(qualityLine(step, this.#quality, settings.model.codebookSize));
  }

  async #drawGrid(step: number): Promise<void> {
    using images = await this.#heldOut(0, Math.min(gridPictures, this.#prepared.data.heldOut.count));
    this.#tracker.image(step, "Reconstructions", await reconstructionGrid(this.#trainer, images));
  }

  /** Held-out pictures from one number to below another, a kept tensor. [n, 3, crop, crop] */
  async #heldOut(from: number, to: number): Promise<Tensor> {
    const { data, settings } = this.#prepared;
    using bytes = await data.heldOut.take(Array.from({ length: to - from }, (_, i) => from + i));
    return torch.keep(plain(bytes, settings.crop));
  }

  /** All ranks stop at the same step, whichever of them was asked to. */
  async #isAskedToStop(): Promise<boolean> {
    await new Promise(setImmediate); // signals are heard here
    return sumOverRanks(this.#prepared.ranks, [this.#request.signal?.aborted ? 1 : 0])[0]! > 0;
  }

  async #stop(): Promise<TokenizerTrainResult> {
    const { settings, say } = this.#prepared;
    const step = this.#trainer.finished;
    await this.#save();
    say(`Stopped after step ${step} of ${settings.recipe.steps}. The same command goes on from there.`);
    return { outcome: "stopped", step, outputDir: settings.outputDir, quality: this.#quality };
  }

  /** A full disk costs a checkpoint, not the run. */
  async #save(): Promise<void> {
    const { settings, say } = this.#prepared;
    const step = this.#trainer.finished;
    if (!this.#isFirst || this.#saved === step) return;
    const { tensors, counts } = trainerState(this.#trainer);
    try {
      const state = this.#state(counts);
      await saveCheckpoint(settings.outputDir, step, { tensors, state }, { keep: settings.keep });
      this.#saved = step;
      say(`Saved ${settings.outputDir}/checkpoint-${step}.`);
    } catch (error) {
      if (this.#request.signal?.aborted || step === settings.recipe.steps) throw error;
      const why = error instanceof Error ? error.message : String(error);
      say(`Checkpoint ${step} was not saved. ${why} Training goes on; the checkpoints before it are whole.`);
    }
  }

  #state(trainer: TokenizerRunState["trainer"]): TokenizerRunState {
    const { settings, ranks, data } = this.#prepared;
    return {
      format: 1,
      verb: "train-tokenizer",
      trainer,
      skipped: this.#skipped,
      pictures: data.identity,
      batch: settings.recipe.batch * ranks.size,
      config: this.#request.loaded.config as unknown as PlainMap,
    };
  }

  #writeModel(): Promise<void> {
    const { settings } = this.#prepared;
    const weights = this.#trainer.ema?.shadows ?? this.#trainer.parameters;
    return writeTokenizerFolder(settings, this.#request.loaded.raw, this.#trainer.finished, weights);
  }
}
