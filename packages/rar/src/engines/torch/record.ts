/** Work that is recorded once and started again as a whole: on CUDA some hundreds of launches become one. */

import * as torch from "libtorch";
import { Tensor } from "libtorch";

/** What recorded work yields: one tensor, or several by name. */
export type Result = Tensor | Readonly<{ [name: string]: Tensor | undefined }>;

/** Each start computes it anew from the same tensors into those that it returned. */
export interface Recorded<R extends Result = Tensor> {
  readonly result: R;
  start(): void;
  dispose(): void;
}

/** Records a function. It runs once or more for that, and what it changes in place is changed. */
export type Recorder = <R extends Result>(fn: () => R) => Recorded<R>;

export const tensorsOf = (result: Result): readonly Tensor[] =>
  result instanceof Tensor ? [result] : Object.values(result).filter((x) => x !== undefined);

export const recordGraph =
  (device: string): Recorder =>
  (fn) => {
    const graph = new torch.cuda.Graph({ device, warmUp: 1, mode: "thread_local" });
    try {
      const result = graph.capture(fn);
      for (const x of tensorsOf(result)) torch.keep(x);
      return {
        result,
        start: () => graph.replay(),
        dispose() {
          for (const x of tensorsOf(result)) x.dispose();
          graph.dispose();
        },
      };
    } catch (error) {
      graph.dispose();
      throw error;
    }
  };
