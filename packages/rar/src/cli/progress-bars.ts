/** Progress of work that has several parts: one bar at a time, below the lines that are said meanwhile. */
import { type Progress, startProgress } from "./progress.js";

export interface ProgressBars {
  /** A new bar for each thing that is being done. */
  show(what: string, done: number, total: number): void;
  /** Takes the bar away, until there is something to show. */
  clear(): void;
}

export function progressBars(): ProgressBars {
  let current: { readonly what: string; readonly progress: Progress } | undefined;
  return {
    show(what, done, total) {
      if (current?.what !== what) {
        current?.progress.finish();
        const progress = startProgress({
          label: what,
          total,
          amount: (n, all) => `${n.toLocaleString("en")} of ${all.toLocaleString("en")}`,
          rate: (perSecond) => `${perSecond.toFixed(perSecond < 10 ? 1 : 0)}/s`,
          quietFor: 1,
        });
        current = { what, progress };
      }
      current.progress.update(done);
    },
    clear: () => current?.progress.finish(),
  };
}
