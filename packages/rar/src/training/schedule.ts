/** What changes over a run as a function of the finished optimizer steps alone: learning rate, share of random orders. */
import { warmupConstant, warmupCosine } from "libtorch";
import type { Recipe } from "./recipe.js";

export interface Annealing {
  /** Finished steps up to which every order is random. */
  readonly start: number;
  /** Finished steps from which none is. */
  readonly end: number;
}

/**
 * Probability of a random order: 1 before `start`, then linear down to 0 at `end`.
 *
 * @param floor - what it never falls below: with one, a model can be sampled in any order after training too
 * @see Yu et al. 2024, Randomized Autoregressive Visual Generation, section 3.2
 */
export const randomRatioAt = (step: number, annealing: Annealing, floor = 0): number =>
  Math.max(floor, annealed(step, annealing));

function annealed(step: number, { start, end }: Annealing): number {
  if (step < start) return 1;
  if (step > end) return 0;
  return end === start ? 1 : 1 - (step - start) / (end - start);
}

/** Rate of the update after `step` finished ones: 0 for the first where there is a warm-up (REFERENCE 6.3). */
export function learningRateAt(
  step: number,
  {
    learningRate: lr,
    schedule,
    warmupSteps,
    maxSteps,
    endLearningRate: endLr,
  }: Pick<Recipe, "learningRate" | "schedule" | "warmupSteps" | "maxSteps" | "endLearningRate">,
): number {
  return schedule === "constant"
    ? warmupConstant(step, { lr, warmupSteps })
    : warmupCosine(step, { lr, warmupSteps, maxSteps, endLr });
}
