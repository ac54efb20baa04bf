/** What a step says of itself: the reference's console line and the numbers of its trackers (REFERENCE 6.6). */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { StepReport } from "./trainer.js";

export interface StepTimes {
  /** Seconds spent waiting for rows, and for the whole step. */
  readonly data: number;
  readonly batch: number;
  /** Rows of this process in the step. */
  readonly rows: number;
}

/** `Data (t): 0.0012, 41.50/s/gpu Batch (t): 1.5422 LR: 0.000400 Step: 50 Loss: 6.1432 Accuracy: 0.0213 ` */
export function consoleLine(report: StepReport, { data, batch, rows }: StepTimes): string {
  const fixed = (value: number, digits: number): string => value.toFixed(digits);
  return (
    `Data (t): ${fixed(data, 4)}, ${fixed(rows / batch, 2)}/s/gpu Batch (t): ${fixed(batch, 4)} ` +
    `LR: ${fixed(report.nextLearningRate, 6)} Step: ${report.step} Loss: ${fixed(report.loss, 4)} ` +
    `Accuracy: ${fixed(report.correctTokens, 4)} `
  );
}

/** The reference's names, and rarity's own after them. */
export function stepScalars(
  report: StepReport,
  { data, batch, rows }: StepTimes,
  run: { readonly samples: number; readonly skipped: number; readonly device: string },
): Record<string, number> {
  const { rss } = process.memoryUsage();
  return {
    "train/loss": report.loss,
    "train/correct_tokens": report.correctTokens,
    lr: report.nextLearningRate,
    "lr/generator": report.nextLearningRate,
    "samples/sec/gpu": rows / batch,
    "time/data_time": data,
    "time/batch_time": batch,
    "train/grad_norm": report.gradNorm,
    "train/random_ratio": report.randomRatio,
    "train/samples_seen": run.samples,
    "train/skipped_steps": run.skipped,
    "memory/process": rss,
    ...(run.device !== "cpu" && { "memory/device_peak": torch.cuda.memory(run.device).allocatedPeak }),
  };
}

/** Each gradient's 2-norm by its number of elements, after clipping; the names begin with `module.` among several processes, as the reference's do. */
export const gradNormScalars = (
  gradients: ReadonlyMap<string, Tensor>,
  ranks: number,
): Record<string, number> => {
  const names = [...gradients.keys()];
  const norms = torch.noGrad(() =>
    torch.scope(() =>
      torch.numbers(
        torch.stack(
          [...gradients.values()].map((x) =>
            torch.mul(torch.linalg_vector_norm(torch.to(x, { dtype: "float32" })), 1 / x.size),
          ),
        ),
      ),
    ),
  );
  return Object.fromEntries(
    names.map((name, i) => [`grad_norm/${ranks > 1 ? "module." : ""}${name}`, norms[i]!]),
  );
};
