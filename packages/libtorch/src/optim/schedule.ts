/** Learning rates as functions of the number of finished optimizer steps. */

export interface WarmupOptions {
  /** Rate after the warm-up. */
  readonly lr: number;
  /** Steps over which the rate rises from 0. */
  readonly warmupSteps: number;
}

export interface CosineOptions extends WarmupOptions {
  /** Step at which the rate arrives at `endLr`. */
  readonly maxSteps: number;
  readonly endLr: number;
}

/**
 * Linear from 0 to `lr`, then constant.
 * @param step - finished optimizer steps: the first update (step 0) has rate 0 where there is a warm-up
 */
export function warmupConstant(step: number, { lr, warmupSteps }: WarmupOptions): number {
  return step < warmupSteps ? lr * (step / warmupSteps) : lr;
}

/**
 * Linear from 0 to `lr`, then half a cosine down to `endLr`.
 * @param step - finished optimizer steps; after `maxSteps` the cosine goes on and the rate rises again
 */
export function warmupCosine(step: number, { lr, warmupSteps, maxSteps, endLr }: CosineOptions): number {
  if (step < warmupSteps) return lr * (step / warmupSteps);
  const progress = (step - warmupSteps) / Math.max(1, maxSteps - warmupSteps);
  return endLr + (lr - endLr) * Math.max(0, (1 + Math.cos(Math.PI * progress)) / 2);
}
