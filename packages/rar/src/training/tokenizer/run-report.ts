/** What a tokenizer's run says of itself: console lines, and the numbers of its trackers. */
import type { CurvePanel } from "../trackers/curves.js";
import type { Quality } from "./evaluate.js";
import type { TokenizerStepReport } from "./tokenizer-trainer.js";

/** What `curves.svg` shows. */
export const tokenizerPanels: readonly CurvePanel[] = [
  { title: "PSNR of held-out pictures (dB)", lines: { "eval/psnr": "PSNR" } },
  { title: "loss", lines: { "train/loss": "all", "train/reconstruction": "reconstruction" } },
  {
    title: "codes in use",
    lines: { "eval/codes_used": "used, held out", "eval/perplexity": "perplexity, held out" },
  },
  { title: "learning rate", lines: { lr: "learning rate" } },
];

/** Averages of what steps report, between two lines of the log. */
export class Means {
  readonly #sums = new Map<string, { sum: number; count: number }>();

  /** @param times - seconds spent waiting for pictures, and for the whole step */
  add(report: TokenizerStepReport, times: { readonly data: number; readonly batch: number }): void {
    this.#add("time/data_time", times.data);
    this.#add("time/batch_time", times.batch);
    for (const [name, value] of Object.entries(report)) {
      if (name === "skipped" || (report.skipped && name !== "lr")) continue;
      this.#add(name === "lr" ? name : `train/${name}`, value, name === "lr");
    }
  }

  /** The averages since the last call. @param batch - pictures of this rank in a step */
  take(batch: number): Record<string, number> {
    const means = Object.fromEntries([...this.#sums].map(([name, { sum, count }]) => [name, sum / count]));
    this.#sums.clear();
    return { ...means, "samples/sec/gpu": batch / means["time/batch_time"]! };
  }

  #add(name: string, value: number, last = false): void {
    const { sum, count } = (last ? undefined : this.#sums.get(name)) ?? { sum: 0, count: 0 };
    this.#sums.set(name, { sum: sum + value, count: count + 1 });
  }
}

/** `Step: 50 Loss: 0.4123 L1: 0.0812 ... LR: 0.000600, 412.5/s/gpu Batch (t): 0.0776` */
export function consoleLine(step: number, values: Readonly<Record<string, number>>): string {
  const part = (label: string, name: string, digits = 4): string[] =>
    values[name] === undefined ? [] : [`${label}: ${values[name].toFixed(digits)}`];
  return [
    `Step: ${step}`,
    ...part("Loss", "train/loss"),
    ...part("L1", "train/l1"),
    ...part("L2", "train/l2"),
    ...part("Commitment", "train/commitment"),
    ...part("Perplexity", "train/code_perplexity", 1),
    ...part("Discriminator", "train/discriminator_loss"),
    ...part("LR", "lr", 6),
    ...part("Batch (t)", "time/batch_time"),
    ...part("Data (t)", "time/data_time"),
    `${values["samples/sec/gpu"]!.toFixed(1)}/s/gpu`,
  ].join(" ");
}

export function qualityLine(step: number, quality: Quality, codes: number): string {
  const { psnr, images, used, perplexity } = quality;
  const usage =
    used === undefined
      ? "without codes yet"
      : `${used} of ${codes} codes used, perplexity ${perplexity!.toFixed(1)}`;
  return `Held out, step ${step}: PSNR ${psnr.toFixed(2)} dB on ${images} pictures, ${usage}.`;
}

export const qualityScalars = ({
  psnr,
  psnrOfMean,
  l1,
  used,
  perplexity,
}: Quality): Record<string, number> => ({
  "eval/psnr": psnr,
  "eval/psnr_of_mean": psnrOfMean,
  "eval/l1": l1,
  ...(used !== undefined && { "eval/codes_used": used }),
  ...(perplexity !== undefined && { "eval/perplexity": perplexity }),
});
