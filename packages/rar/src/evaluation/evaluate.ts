/** Scores one set of pictures against another as the ADM evaluator does, each number with what it was computed from. */
import { frechetDistance } from "./frechet.js";
import type { Inception } from "./inception-features.js";
import { ADM_PART } from "./inception-score.js";
import type { PictureSource } from "./picture-source.js";
import { precisionRecall } from "./precision-recall.js";
import { type Summary, summarize } from "./summary.js";
import { cachedSummary, keepSummary } from "./summary-cache.js";

export interface Score {
  readonly name: "Inception Score" | "FID" | "sFID" | "Precision" | "Recall";
  /** undefined where it cannot be computed; the protocol then says why. */
  readonly value: number | undefined;
  readonly protocol: string;
}

export interface Evaluation {
  readonly scores: readonly Score[];
  /** What makes a comparison with published numbers unfair, a sentence each. */
  readonly warnings: readonly string[];
}

export interface EvaluateOptions {
  /** Says which weights the network has: features are kept under it. */
  readonly weightsId: string;
  /** False: features are computed anew and not kept. Default true. */
  readonly cache?: boolean | undefined;
  readonly device?: string | undefined;
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: string, done: number, total: number) => void) | undefined;
}

const POOLED_DIMENSIONS = 2048;
/** Samples of a published score. */
const PUBLISHED_COUNT = 50_000;

/** The five numbers of the ADM evaluator, in its order (EVALUATION 1). */
export async function evaluate(
  reference: PictureSource,
  samples: PictureSource,
  network: Inception,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const real = await featuresOf(reference, network, options, "reference");
  const drawn = await featuresOf(samples, network, options, "samples");
  const against = `${count(drawn.count)} samples vs ${name(reference.path)}`;
  const stored = (source: PictureSource): string =>
    source.statistics
      ? `stored statistics of ${name(source.path)}`
      : `${count(source.count)} pictures of ${name(source.path)}`;

  const distance = (part: "pooled" | "spatial", label: "FID" | "sFID"): Score => {
    const own = (source: PictureSource, summary: Summary) =>
      source.statistics?.[part] ?? (part === "pooled" ? summary.pooledStatistics : summary.spatialStatistics);
    const [a, b] = [own(samples, drawn), own(reference, real)];
    const protocol = `ADM, ${samples.statistics ? `${stored(samples)} vs ` : `${count(drawn.count)} samples vs `}${stored(reference)}`;
    if (!a || !b)
      return { name: label, value: undefined, protocol: "not computed: a set needs at least 2 pictures" };
    options.signal?.throwIfAborted();
    options.onProgress?.(label, 0, 1);
    return { name: label, value: frechetDistance(a, b), protocol };
  };
  const parts = Math.ceil(drawn.count / ADM_PART);
  const inception: Score = {
    name: "Inception Score",
    value: drawn.count > 0 ? drawn.scores.reduce((sum, s) => sum + s, 0) / drawn.scores.length : undefined,
    protocol: `ADM, ${count(drawn.count)} samples in ${parts} ${parts === 1 ? "part" : "parts"} of ${count(Math.min(ADM_PART, drawn.count))}`,
  };
  const fid = distance("pooled", "FID");
  const sfid = distance("spatial", "sFID");
  return {
    scores: [inception, fid, sfid, ...neighbours(real, drawn, against, options)],
    warnings: warningsFor(reference, samples, real, drawn),
  };
}

function neighbours(real: Summary, drawn: Summary, against: string, options: EvaluateOptions): Score[] {
  const protocol = `k = 3, float32, ${against} (${count(real.count)} pictures)`;
  if (Math.min(real.count, drawn.count) <= 3)
    return (["Precision", "Recall"] as const).map((label) => ({
      name: label,
      value: undefined,
      protocol: "not computed: each set needs more than 3 pictures",
    }));
  const { precision, recall } = precisionRecall(real.pooled, drawn.pooled, {
    device: options.device,
    signal: options.signal,
    onProgress: (done, total) => options.onProgress?.("precision and recall", done, total),
  });
  return [
    { name: "Precision", value: precision, protocol },
    { name: "Recall", value: recall, protocol },
  ];
}

async function featuresOf(
  pictures: PictureSource,
  network: Inception,
  options: EvaluateOptions,
  stage: string,
): Promise<Summary> {
  const key = options.cache === false ? undefined : `${await pictures.identity()}-${options.weightsId}`;
  const kept = key && (await cachedSummary(key));
  if (kept) return kept;
  const summary = await summarize(pictures, network, {
    batch: options.batch,
    signal: options.signal,
    onProgress: (done, total) => options.onProgress?.(stage, done, total),
  });
  if (key) await keepSummary(key, summary);
  return summary;
}

/** Published numbers are of 50,000 samples, 50 a class, against stored statistics of the training set (EVALUATION 9). */
function warningsFor(
  reference: PictureSource,
  samples: PictureSource,
  real: Summary,
  drawn: Summary,
): string[] {
  const warnings: string[] = [];
  if (drawn.count !== PUBLISHED_COUNT)
    warnings.push(
      `Published scores are of ${count(PUBLISHED_COUNT)} samples; these are ${count(drawn.count)}. FID falls with the number of samples, so compare it with scores of as many only.`,
    );
  for (const [of, { count: n }, { statistics }] of [
    ["samples", drawn, samples],
    ["reference pictures", real, reference],
  ] as const)
    if (!statistics && n < POOLED_DIMENSIONS)
      warnings.push(
        `${count(n)} ${of} are fewer than the ${count(POOLED_DIMENSIONS)} dimensions of the features: FID is then far too high.`,
      );
  if (reference.width !== samples.width || reference.height !== samples.height)
    warnings.push(
      `The reference's pictures are ${reference.width} x ${reference.height} pixels, the samples ${samples.width} x ${samples.height}.`,
    );
  for (const [of, { duplicates }] of [
    ["samples", drawn],
    ["reference pictures", real],
  ] as const)
    if (duplicates > 0) warnings.push(`${count(duplicates)} ${of} are byte for byte equal to another one.`);
  for (const [of, { lossy }] of [
    ["samples", samples],
    ["reference pictures", reference],
  ] as const)
    if (lossy > 0)
      warnings.push(`${count(lossy)} ${of} are JPEG files: compression moves FID. Store PNG files.`);
  if (samples.labels) {
    const counts = new Map<number, number>();
    for (const label of samples.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
    const [least, most] = [Math.min(...counts.values()), Math.max(...counts.values())];
    if (least !== most)
      warnings.push(
        `The classes are not balanced: from ${least} to ${most} samples each, over ${counts.size} classes.`,
      );
  }
  return warnings;
}

const count = (n: number): string => n.toLocaleString("en");
const name = (path: string): string =>
  path
    .replace(/[\\/]+$/, "")
    .split(/[\\/]/)
    .at(-1)!;
