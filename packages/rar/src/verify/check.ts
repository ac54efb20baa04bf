/** One comparison with a recorded number, and how far off it may be (DESIGN 5). */
import type { Engine } from "../engines/engine.js";

export interface CheckResult {
  readonly name: string;
  /** Largest deviation, relative to the largest magnitude of what is compared; a count where `exact`. */
  readonly deviation: number;
  readonly tolerance: number;
  readonly ok: boolean;
  /** What was left out, or why nothing was compared. */
  readonly note?: string | undefined;
}

export const tolerances = {
  /** Tensors in float32 on CPUs. */
  float32: 2e-5,
  /** The same on CUDA, with TF32 off. */
  cuda: 1e-4,
  /** The same in bfloat16. */
  bfloat16: 5e-2,
  /** Float32 tensors of full-size networks on CPUs. */
  fullSize: 1e-4,
  /** Losses, relative. */
  loss: 1e-5,
  /** Smallest recorded gap, as a share of the logits' magnitude, at which greedy ids must agree. */
  gap: 1e-3,
} as const;

/** How far a tensor may be off that the engine computes, relative to its largest magnitude. */
export function tensorTolerance(
  { device, precision }: Pick<Engine, "device" | "precision">,
  fullSize = false,
): number {
  if (precision === "bfloat16") return tolerances.bfloat16;
  if (device !== "cpu") return tolerances.cuda;
  return fullSize ? tolerances.fullSize : tolerances.float32;
}

/** The same of a loss. */
export const lossTolerance = (engine: Pick<Engine, "device" | "precision">): number =>
  Math.max(tolerances.loss, engine.precision === "bfloat16" ? tolerances.bfloat16 : 0);

/** Largest absolute difference over the largest expected magnitude. */
export function deviation(expected: ArrayLike<number>, actual: ArrayLike<number>): number {
  if (expected.length !== actual.length) return Number.POSITIVE_INFINITY;
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const d = Math.abs(expected[i]! - actual[i]!);
    if (!(d <= difference)) difference = d; // also a NaN
    magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  }
  return magnitude === 0 ? difference : difference / magnitude;
}

export function close(
  name: string,
  expected: ArrayLike<number>,
  actual: ArrayLike<number>,
  tolerance: number,
  note?: string,
): CheckResult {
  const d = deviation(expected, actual);
  return { name, deviation: d, tolerance, ok: d <= tolerance, note };
}

/** Counts entries that differ, leaving out those where `nearTie` says that either answer is right. */
export function equal(
  name: string,
  expected: ArrayLike<number>,
  actual: ArrayLike<number>,
  nearTie: (i: number) => boolean = () => false,
): CheckResult {
  let [wrong, ties] = [expected.length === actual.length ? 0 : expected.length, 0];
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    if (expected[i] === actual[i]) continue;
    if (nearTie(i)) ties++;
    else wrong++;
  }
  const note = `${expected.length} compared${ties > 0 ? `, ${ties} near-ties left out` : ""}`;
  return { name, deviation: wrong, tolerance: 0, ok: wrong === 0, note };
}

/**
 * Greedy ids of one row against recorded ones: equal up to the first place whose recorded gap is a near-tie and
 * that went the other way, after which the rest of a row may differ.
 */
export function greedyRow(
  name: string,
  expected: readonly number[],
  actual: ArrayLike<number>,
  gaps: readonly number[],
  magnitude: number,
): CheckResult {
  for (let place = 0; place < expected.length; place++) {
    if (expected[place] === actual[place]) continue;
    const nearTie = gaps[place]! < tolerances.gap * magnitude;
    const note = `differs from place ${place} on${nearTie ? `, a near-tie (gap ${gaps[place]})` : ""}`;
    return { name, deviation: expected.length - place, tolerance: 0, ok: nearTie, note };
  }
  return { name, deviation: 0, tolerance: 0, ok: true, note: `${expected.length} ids` };
}

export const rootMeanSquare = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum / values.length);
};
