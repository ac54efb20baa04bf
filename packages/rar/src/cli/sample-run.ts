/** One run of the benchmark with a model that is loaded: from its settings to the finished files. */
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { basename, dirname, join, normalize, resolve } from "node:path";
import { defaultPictureThreads } from "../data/picture-pool.js";
import { NpzStore } from "../evaluation/npz-store.js";
import { PngStore } from "../evaluation/png-store.js";
import { batchesToDraw, drawBatches, lockOf, removeLocks, waitForAll } from "../evaluation/sample.js";
import type { SampleLayout } from "../evaluation/sample-layout.js";
import { holdSettings, type SampleSettings } from "../evaluation/sample-settings.js";
import type { SampledImage, SampleStore } from "../evaluation/sample-store.js";
import type { PipelineApi } from "../pipeline.js";
import { withLock } from "../weights/hub-lock.js";
import { hubTiming } from "../weights/hub-timing.js";
import { runSettings } from "./draw-settings.js";
import { pngText } from "./picture-settings.js";
import { type Progress, startProgress } from "./progress.js";
import type { RankOfRanks } from "./ranks.js";
import type { SampleSampling } from "./sample-model.js";
import { say } from "./streams.js";
import { bytes, counted } from "./words.js";

export interface SampleRunOptions extends RankOfRanks {
  readonly pipeline: PipelineApi;
  /** How the model was named. */
  readonly model: string | undefined;
  readonly sampling: SampleSampling;
  readonly layout: SampleLayout;
  /** Side of the images, pixels. */
  readonly side: number;
  readonly folder: string;
  /** PNG files, or straight into the npz file. */
  readonly png: boolean;
  /** Whether PNG files are brought into an npz file at the end. */
  readonly npz: boolean;
  /** What the weights are. */
  readonly weights: SampleSettings;
  readonly signal: AbortSignal;
}

export interface SampleReport {
  readonly folder: string;
  readonly npz?: string | undefined;
  readonly images: number;
  /** Of them by this process, this time. */
  readonly drawn: number;
  readonly seconds: number;
}

/** Beside the folder, as the reference has it. */
export function npzOf(folder: string): string {
  const plain = normalize(folder).replace(/[\\/]+$/, "") || folder;
  const path = /^\.{1,2}$/.test(basename(plain)) ? resolve(plain) : plain;
  return join(dirname(path), `${basename(path)}.npz`);
}

/**
 * Draws this process's share. Rank 0 then waits for the others and writes the npz file.
 * @returns the report; on other ranks undefined
 */
export async function sampleOnce(options: SampleRunOptions): Promise<SampleReport | undefined> {
  const { layout, folder, side, png, rank, signal } = options;
  const npz = npzOf(folder);
  const settings = runSettings(options.pipeline, options.model, options.sampling, 1);
  await holdSettings(folder, npz, {
    ...settings,
    ...options.weights,
    images: png ? "png" : "npz",
    count: layout.count,
    classes: layout.classes,
    batch: layout.batch,
    layout: layout.parts,
  });
  // A second process of this rank, left over or started by mistake, waits and then finds everything done.
  return await withLock(lockOf(folder, rank), hubTiming(process.env), signal, async () => {
    if (!png && existsSync(npz)) return complete(options, npz, 0, 0);
    const text = ({ classIndex, index }: SampledImage) =>
      pngText({
        ...settings,
        classIndex,
        className: options.pipeline.classNames[classIndex] || undefined,
        index,
      });
    await using store = png
      ? new PngStore({ folder, layout, side, threads: defaultPictureThreads(), text })
      : await NpzStore.open({ npz, folder, layout, side, rank });
    return await drawAndCollect(options, store, npz);
  });
}

async function drawAndCollect(
  options: SampleRunOptions,
  store: SampleStore,
  npz: string,
): Promise<SampleReport | undefined> {
  const { layout, folder, rank, ranks, signal } = options;
  const run = { layout, store, rank, ranks, signal };
  const bars = new Bars(rank === 0);
  const start = performance.now();
  try {
    const batches = await batchesToDraw(run);
    if (rank === 0 && batches.length > 0) await noteDisk(options);
    const drawn = await drawBatches(
      {
        ...run,
        draw: drawing(options),
        onProgress: bars.images(ranks === 1 ? "drawing" : `drawing, rank ${rank}`),
      },
      batches,
    );
    const seconds = (performance.now() - start) / 1000;
    bars.finish();
    if (drawn > 0)
      say(
        `${ranks === 1 ? "" : `rank ${rank}: `}${counted(drawn, "image")} drawn, ${(drawn / seconds).toPrecision(3)} images/s.`,
      );
    if (rank !== 0) return undefined;
    await waitForAll({ ...run, folder, say, onProgress: bars.images("all ranks") });
    bars.finish();
    if ((options.npz || !options.png) && !(batches.length === 0 && existsSync(npz)))
      await store.collect({
        npz,
        onProgress: options.png ? bars.images("writing npz") : bars.bytes("checking npz"),
        signal,
      });
    await removeLocks(folder, rank);
    return complete(options, npz, drawn, seconds);
  } finally {
    bars.finish();
    if (signal.aborted && rank === 0) say("What was drawn is kept: the same command goes on with it.");
  }
}

function complete(
  { folder, layout, rank, png, npz: wanted }: SampleRunOptions,
  npz: string,
  drawn: number,
  seconds: number,
): SampleReport | undefined {
  if (rank !== 0) return undefined;
  if (drawn === 0) say(`The images of "${folder}" were drawn already.`);
  return { folder, npz: wanted || !png ? npz : undefined, images: layout.count, drawn, seconds };
}

/** Bytes of a PNG file for each byte of pixels, as photographs come out. */
const pngShare = 0.7;

/** Says where the disk will not hold the files, while there is time to choose another. */
async function noteDisk({ folder, layout, side, png, npz }: SampleRunOptions): Promise<void> {
  const pixels = layout.count * side * side * 3;
  const needed = (png ? pixels * pngShare : 0) + (npz || !png ? pixels : 0);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < needed)
    say(
      `Note: the images take about ${bytes(needed)}, and the disk of "${folder}" has ${bytes(bavail * bsize)} left.`,
    );
}

const drawing =
  ({ pipeline, layout, sampling, signal }: SampleRunOptions) =>
  async (
    positions: readonly number[],
    onShare: (share: number) => void,
  ): Promise<readonly SampledImage[]> => {
    const images: SampledImage[] = [];
    const asked = {
      ...sampling,
      classes: positions.map((position) => layout.label(position)),
      firstIndex: positions[0]!,
      batchSize: positions.length,
      signal,
    };
    for await (const { step, total, finished = [] } of pipeline.stream(asked)) {
      images.push(...finished);
      onShare(step / total);
    }
    return images;
  };

/** One bar at a time; rank 0 shows its own. */
class Bars {
  readonly #shown: boolean;
  #current: { readonly label: string; readonly progress: Progress } | undefined;

  constructor(shown: boolean) {
    this.#shown = shown;
  }

  images = (label: string) => (done: number, total: number) =>
    this.#show(label, done, total, {
      amount: (n, of) => `${Math.floor(n).toLocaleString("en")} of ${of.toLocaleString("en")}`,
      rate: (perSecond) =>
        perSecond >= 1 ? `${perSecond.toFixed(1)} images/s` : `${(1 / perSecond).toFixed(1)} s an image`,
    });

  bytes = (label: string) => (done: number, total: number) =>
    this.#show(label, done, total, {
      amount: (n, of) => `${bytes(n)} of ${bytes(of)}`,
      rate: (perSecond) => `${bytes(perSecond)}/s`,
    });

  #show(
    label: string,
    done: number,
    total: number,
    words: { amount(done: number, total: number): string; rate(perSecond: number): string },
  ): void {
    if (!this.#shown) return;
    if (this.#current?.label !== label) {
      this.finish();
      this.#current = { label, progress: startProgress({ label, total, quietFor: 0.5, ...words }) };
    }
    this.#current.progress.update(done);
  }

  finish(): void {
    this.#current?.progress.finish();
    this.#current = undefined;
  }
}
