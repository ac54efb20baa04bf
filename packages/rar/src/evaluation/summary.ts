/** What the metrics need of one set of pictures, computed in one pass: nothing beyond it is held. */
import { createHash } from "node:crypto";
import { INCEPTION_CLASSES, POOLED, SPATIAL } from "../networks/inception.js";
import type { Inception } from "./inception-features.js";
import { ADM_PART, inceptionScore } from "./inception-score.js";
import { type Matrix, matrix } from "./matrix.js";
import type { PictureSource } from "./picture-source.js";
import { type Gaussian, StatisticsSum } from "./statistics.js";

export interface Summary {
  readonly count: number;
  /** Pooled features of every picture, for precision and recall. */
  readonly pooled: Matrix;
  /** Statistics of the pictures; undefined with fewer than two. */
  readonly pooledStatistics: Gaussian | undefined;
  readonly spatialStatistics: Gaussian | undefined;
  /** Inception Score of each part of 5,000 pictures. */
  readonly scores: readonly number[];
  /** Pictures that are byte for byte another one of the set. */
  readonly duplicates: number;
}

export interface SummaryOptions {
  /** Pictures at a time; changes no result but the last digits. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export async function summarize(
  pictures: PictureSource,
  network: Inception,
  { batch = 16, signal, onProgress }: SummaryOptions = {},
): Promise<Summary> {
  const { count } = pictures;
  const pooled = new Float32Array(count * POOLED);
  using pooledSum = new StatisticsSum(POOLED);
  using spatialSum = new StatisticsSum(SPATIAL);
  const part = new Float32Array(Math.min(count, ADM_PART) * INCEPTION_CLASSES);
  const scores: number[] = [];
  const seen = new Set<string>();
  let [done, inPart] = [0, 0];
  const closePart = (): void => {
    if (inPart > 0)
      scores.push(inceptionScore(matrix(part.subarray(0, inPart * INCEPTION_CLASSES), INCEPTION_CLASSES)));
    inPart = 0;
  };
  for await (const some of pictures.batches(batch)) {
    signal?.throwIfAborted();
    const features = network.features(some);
    pooled.set(features.pooled.data, done * POOLED);
    pooledSum.add(features.pooled);
    spatialSum.add(features.spatial);
    for (let i = 0; i < some.count; i++) {
      const row = features.probabilities.data.subarray(i * INCEPTION_CLASSES, (i + 1) * INCEPTION_CLASSES);
      part.set(row, inPart++ * INCEPTION_CLASSES);
      if (inPart === ADM_PART) closePart();
      const bytes = some.data.length / some.count;
      seen.add(
        createHash("sha1")
          .update(some.data.subarray(i * bytes, (i + 1) * bytes))
          .digest("base64"),
      );
    }
    done += some.count;
    onProgress?.(done, count);
    await new Promise(setImmediate); // features block this thread: let signals and progress through
  }
  closePart();
  const enough = done >= 2;
  return {
    count: done,
    pooled: matrix(pooled, POOLED),
    pooledStatistics: enough ? pooledSum.gaussian() : undefined,
    spatialStatistics: enough ? spatialSum.gaussian() : undefined,
    scores,
    duplicates: done - seen.size,
  };
}
