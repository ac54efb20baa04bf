/** The Inception Score: how sure a classifier is of each picture, and how varied its answers are. */
import type { Matrix } from "./matrix.js";
import { someRows } from "./matrix.js";

/** Rows of one part, as in the ADM evaluator: the size of a part, not their number. */
export const ADM_PART = 5000;

/**
 * Mean over consecutive parts of exp(mean over rows of KL(p, mean p)); a shorter last part weighs as much as a whole
 * one. 0 ln 0 is 0, where the ADM evaluator gives NaN.
 *
 * @param probabilities - one row a picture, each summing to 1, in the order of the file
 * @see Salimans et al. 2016, arXiv 1606.03498
 */
export function inceptionScore(probabilities: Matrix, part = ADM_PART): number {
  const scores = inceptionScores(probabilities, part);
  return scores.reduce((sum, score) => sum + score, 0) / scores.length;
}

/** The score of each part. */
export function inceptionScores(probabilities: Matrix, part = ADM_PART): number[] {
  if (probabilities.rows === 0) throw new RangeError("An Inception Score needs at least one picture.");
  const scores: number[] = [];
  for (let first = 0; first < probabilities.rows; first += part)
    scores.push(scoreOf(someRows(probabilities, first, Math.min(first + part, probabilities.rows))));
  return scores;
}

function scoreOf({ rows, columns, data }: Matrix): number {
  const mean = new Float64Array(columns);
  for (let i = 0; i < data.length; i++) mean[i % columns]! += data[i]! / rows;
  let divergence = 0;
  for (let i = 0; i < data.length; i++) {
    const p = data[i]!;
    if (p > 0) divergence += (p * (Math.log(p) - Math.log(mean[i % columns]!))) / rows;
  }
  return Math.exp(divergence);
}
