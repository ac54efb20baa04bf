/**
 * The benchmark's images, drawn by one process or by several that meet in files alone. A batch belongs to the process of its number
 * modulo their count, and is always drawn whole: so its images are the same for any number of processes, and after any interruption.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RarityError } from "../config/errors.js";
import { pause } from "../weights/hub-timing.js";
import type { SampleLayout } from "./sample-layout.js";
import type { SampledImage, SampleStore } from "./sample-store.js";

export interface SampleRun {
  readonly layout: SampleLayout;
  readonly store: SampleStore;
  readonly rank: number;
  readonly ranks: number;
  readonly signal?: AbortSignal | undefined;
}

export interface DrawRun extends SampleRun {
  /**
   * Draws the images at consecutive positions.
   * @param onShare - to be told how much of them is done, from 0 to 1
   */
  readonly draw: (
    positions: readonly number[],
    onShare: (share: number) => void,
  ) => Promise<readonly SampledImage[]>;
  /** Images of this process that are done, and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Batches of this process that are still to be drawn. */
export async function batchesToDraw({ layout, store, rank, ranks }: SampleRun): Promise<readonly number[]> {
  const finished = await store.finished();
  return batchesOf(layout, rank, ranks).filter((batch) => !finished(batch));
}

const batchesOf = (layout: SampleLayout, rank: number, ranks: number): number[] =>
  Array.from({ length: layout.batches }, (_, batch) => batch).filter((batch) => batch % ranks === rank);

const imagesOf = (layout: SampleLayout, batches: readonly number[]): number =>
  batches.reduce((sum, batch) => sum + layout.positions(batch).length, 0);

/**
 * Draws these batches. One is saved while the next is drawn.
 * @returns how many images were drawn
 */
export async function drawBatches(run: DrawRun, batches: readonly number[]): Promise<number> {
  const { layout, store, rank, ranks, draw, onProgress, signal } = run;
  const total = imagesOf(layout, batchesOf(layout, rank, ranks));
  const left = imagesOf(layout, batches);
  let drawn = 0;
  let saving: Promise<void> = Promise.resolve();
  onProgress?.(total - left, total);
  try {
    for (const batch of batches) {
      signal?.throwIfAborted();
      const positions = layout.positions(batch);
      const images = await draw(positions, (share) =>
        onProgress?.(total - left + drawn + share * positions.length, total),
      );
      await saving;
      saving = store.save(batch, images);
      saving.catch(() => {}); // said below
      drawn += positions.length;
    }
  } finally {
    await saving; // what was drawn is kept, whatever ended the loop
  }
  return drawn;
}

export interface WaitOptions extends SampleRun {
  /** Where the locks of the processes lie, which they touch while they live. */
  readonly folder: string;
  /** Seconds to wait while nothing moves. Default 300. */
  readonly patience?: number | undefined;
  readonly say?: ((line: string) => void) | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const lookEvery = 500; // ms

/**
 * Waits until the batches of all processes are there.
 * @throws {RarityError} "ranks" where nothing has moved for too long, naming the processes whose images are missing
 */
export async function waitForAll(options: WaitOptions): Promise<void> {
  const { layout, store, ranks, folder, patience = 300, say, onProgress, signal } = options;
  let seen = "";
  let since = performance.now();
  for (let round = 0; ; round++) {
    const finished = await store.finished();
    const missing = Array.from({ length: layout.batches }, (_, batch) => batch).filter((b) => !finished(b));
    if (missing.length === 0) return;
    const late = [...new Set(missing.map((batch) => batch % ranks))].sort((a, b) => a - b);
    const names = late.join(", ");
    const now = `${missing.length} ${await Promise.all(late.map((rank) => touched(folder, rank)))}`;
    if (now !== seen) [seen, since] = [now, performance.now()];
    if (performance.now() - since > patience * 1000)
      throw new RarityError(
        "ranks",
        `${missing.length} batches of rank ${names} are missing, and nothing has moved for ${patience} seconds. Look at what these ranks said; then start all ranks again: they go on where they were.`,
      );
    if (round === 0) say?.(`Waiting for rank ${names}.`);
    onProgress?.(layout.count - imagesOf(layout, missing), layout.count);
    await pause(lookEvery, signal);
  }
}

/** What `withLock` is given for a process of this run. */
export const lockOf = (folder: string, rank: number): string => join(folder, `rank-${rank}`);

const touched = (folder: string, rank: number): Promise<number> =>
  stat(`${lockOf(folder, rank)}.rarity.lock`).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );

/** Removes locks of processes that were killed, once everything is done; this process's own goes by itself. */
export async function removeLocks(folder: string, own: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const rank = /^rank-(\d+)\.rarity\.lock/.exec(name)?.[1];
    if (rank !== undefined && Number(rank) !== own) await rm(join(folder, name), { force: true });
  }
}
