/** What changes over a run as a function of the finished optimizer steps alone: how often orders are random. */

export interface Annealing {
  /** Finished steps up to which every order is random. */
  readonly start: number;
  /** Finished steps from which none is. */
  readonly end: number;
}

/**
 * Probability of a random order: 1 before `start`, then linear down to 0 at `end`.
 * @see Yu et al. 2024, Randomized Autoregressive Visual Generation, section 3.2
 */
export function randomRatioAt(step: number, { start, end }: Annealing): number {
  if (step < start) return 1;
  if (step > end) return 0;
  return end === start ? 1 : 1 - (step - start) / (end - start);
}
