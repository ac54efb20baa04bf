/** A grid of sampling settings: each point drawn as a run of its own, all of them scored, a table. */
import { join } from "node:path";
import type { Evaluation } from "../evaluation/evaluate.js";
import { type SweepPoint, sweepName } from "../evaluation/sweep.js";
import { type InceptionFlags, loadInception } from "./load-inception.js";
import { startProgress } from "./progress.js";
import { npzOf, type SampleRunOptions, sampleOnce } from "./sample-run.js";
import { print, say } from "./streams.js";

export interface SweepOptions {
  readonly run: SampleRunOptions;
  readonly points: readonly SweepPoint[];
  /** What the samples are scored against. */
  readonly reference: string;
  readonly inception: InceptionFlags;
  readonly json?: boolean | undefined;
}

export interface SweepRow {
  readonly point: SweepPoint;
  readonly npz: string;
  readonly scores: Readonly<Record<string, number | undefined>>;
}

/** Every process draws its share of every point; rank 0 scores them in the end. */
export async function sweep({ run, points, reference, inception, json }: SweepOptions): Promise<void> {
  const { openPictures } = await import("../evaluation/picture-source.js");
  const { evaluate } = await import("../evaluation/evaluate.js");
  // What scoring needs is looked at before hours are spent on drawing.
  await using real = await openPictures(reference);
  const scoring = run.rank === 0 ? await loadInception(inception, run.signal, fetching()) : undefined;
  try {
    for (const [i, point] of points.entries()) {
      if (run.rank === 0) say(`Run ${i + 1} of ${points.length}: ${sweepName(point)}.`);
      await sampleOnce({
        ...run,
        sampling: withPoint(run, point),
        folder: join(run.folder, sweepName(point)),
        png: false,
      });
    }
    if (scoring === undefined) return;
    const rows: SweepRow[] = [];
    let last: Evaluation | undefined;
    for (const [i, point] of points.entries()) {
      const npz = npzOf(join(run.folder, sweepName(point)));
      await using samples = await openPictures(npz);
      const bar = startProgress({
        label: `scoring ${i + 1} of ${points.length}`,
        total: samples.count,
        quietFor: 1,
      });
      try {
        last = await evaluate(real, samples, scoring.network, {
          weightsId: scoring.weightsId,
          device: inception.device,
          signal: run.signal,
          onProgress: (stage, done) => {
            if (stage === "samples") bar.update(done);
          },
        });
      } finally {
        bar.finish();
      }
      rows.push({
        point,
        npz,
        scores: Object.fromEntries(last.scores.map(({ name, value }) => [name, value])),
      });
    }
    if (scoring.weightsId === "formula")
      say("Weights by formula: these numbers check the installation, and compare with nothing.");
    for (const warning of last?.warnings ?? []) say(`Note: ${warning}`);
    if (json) print(JSON.stringify({ reference, inception: scoring.weightsId, runs: rows }));
    else for (const line of table(rows)) print(line);
  } finally {
    scoring?.network.dispose();
  }
}

function withPoint({ sampling }: SampleRunOptions, point: SweepPoint): SampleRunOptions["sampling"] {
  return {
    ...sampling,
    temperature: point.temperature ?? sampling.temperature,
    guidanceScale: point.guidance ?? sampling.guidanceScale,
    guidanceScalePow: point.pow ?? sampling.guidanceScalePow,
  };
}

function fetching(): (done: number, total: number) => void {
  let bar: ReturnType<typeof startProgress> | undefined;
  return (done, total) => {
    bar ??= startProgress({ label: "fetching Inception", total });
    bar.update(done);
    if (done === total) bar.finish();
  };
}

const shownDigits: Readonly<Record<string, number>> = { Precision: 4, Recall: 4 };

/** Columns right-aligned under their names, the best FID first. */
export function table(rows: readonly SweepRow[]): string[] {
  const best = [...rows].sort((a, b) => (a.scores.FID ?? Infinity) - (b.scores.FID ?? Infinity));
  const keys = Object.keys(rows[0]?.point ?? {}) as (keyof SweepPoint)[];
  const names = Object.keys(rows[0]?.scores ?? {});
  const cells = [
    [...keys, ...names],
    ...best.map(({ point, scores }) => [
      ...keys.map((key) => String(point[key])),
      ...names.map((name) => scores[name]?.toFixed(shownDigits[name] ?? 3) ?? "-"),
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) => row.map((cell, i) => cell.padStart(widths[i]!)).join("  "));
}
