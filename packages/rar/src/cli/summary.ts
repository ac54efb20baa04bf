/** One line about a run, for people. */
import type { DrawReport } from "./draw.js";
import { counted, duration } from "./words.js";

export function summary(report: DrawReport): string {
  const { images, asked, folder, sheet, seconds, secondsPerImage, model, precision, seed } = report;
  if (images.length === 0) return "No image was finished.";
  const all = counted(asked, "image");
  const drawn = images.length < asked ? `${images.length} of ${all} (stopped; these are kept)` : all;
  const parts = [
    `${drawn} by ${model} in ${folder}`,
    `${duration(secondsPerImage)} an image (${duration(seconds)} in all, ${precision})`,
    `seed ${seed}`,
    ...(sheet ? [`sheet: ${sheet}`] : []),
  ];
  return parts.join("; ");
}
