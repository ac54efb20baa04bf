/** Rows of a file as one writes them: `0-15`, `3,5,9-12`. */
import { RarityError } from "../config/errors.js";

/**
 * The rows of a text, in its order.
 *
 * @param rows - how many the file has
 * @param most - how many may be asked for at once
 * @throws {RarityError} "bad-usage" for anything else, and for rows that are not there
 */
export function rowRanges(text: string, rows: number, most: number): number[] {
  const found: number[] = [];
  for (const part of text.split(",")) {
    const range = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    const [first, last] = [Number(range?.[1]), Number(range?.[2] ?? range?.[1])];
    if (range === null || last < first)
      throw new RarityError("bad-usage", `--rows ${text}: write rows as 0-15 or 3,5,9-12.`);
    if (last >= rows)
      throw new RarityError(
        "bad-usage",
        `--rows ${text}: there is no row ${last}; rows are 0 to ${rows - 1}.`,
      );
    if (found.length + last - first + 1 > most)
      throw new RarityError("bad-usage", `--rows ${text}: at most ${most} rows are shown at once.`);
    for (let row = first; row <= last; row++) found.push(row);
  }
  return found;
}
