/** A grid of sampling settings: `guidance=4,8,16 pow=1,2`. */
import { RarityError } from "../config/errors.js";
import { didYouMean } from "../config/suggest.js";

export const sweepKeys = ["guidance", "pow", "temperature"] as const;
export type SweepKey = (typeof sweepKeys)[number];
/** Values of one point of the grid. */
export type SweepPoint = Readonly<Partial<Record<SweepKey, number>>>;

const mostPoints = 1000;

/**
 * All combinations, the last key changing fastest.
 * @throws {RarityError} "bad-usage" for a key that is none, a value that is no number of at least 0, a grid without end
 */
export function sweepPoints(words: readonly string[]): SweepPoint[] {
  let points: SweepPoint[] = [{}];
  const seen = new Set<string>();
  for (const word of words) {
    const [key = "", list = ""] = word.split("=", 2);
    if (!isSweepKey(key))
      throw new RarityError(
        "bad-usage",
        `--sweep knows no "${key}".${didYouMean(key, sweepKeys)} Write ${sweepKeys.join("=..., ")}=... with commas between the values.`,
      );
    if (seen.has(key))
      throw new RarityError("bad-usage", `--sweep has ${key} twice. Give all its values at once.`);
    seen.add(key);
    const values = list.split(",").map((text) => (text.trim() === "" ? Number.NaN : Number(text)));
    const wrong = values.findIndex((value) => !(Number.isFinite(value) && value >= 0));
    if (wrong >= 0)
      throw new RarityError(
        "bad-usage",
        `--sweep ${word}: "${list.split(",")[wrong]}" is no number of at least 0. Write ${key}=4,8,16.`,
      );
    points = points.flatMap((point) => [...new Set(values)].map((value) => ({ ...point, [key]: value })));
    if (points.length > mostPoints)
      throw new RarityError("bad-usage", `--sweep makes more than ${mostPoints} runs. Give fewer values.`);
  }
  return points;
}

const isSweepKey = (key: string): key is SweepKey => (sweepKeys as readonly string[]).includes(key);

/** What the folder of a point is called: `guidance-4_pow-1.5`. */
export const sweepName = (point: SweepPoint): string =>
  Object.entries(point)
    .map(([key, value]) => `${key}-${value}`)
    .join("_");
