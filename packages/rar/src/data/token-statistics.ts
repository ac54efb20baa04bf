/** Counts what a token file holds: rows of each class, how often each code comes, and rows that are wrong. */
import { RarityError } from "../config/errors.js";
import { sampleAt } from "./order.js";
import type { TokenBatch, TokenRows } from "./token-rows.js";

export interface TokenStatistics {
  /** Rows looked at, those that are wrong included. */
  readonly rows: number;
  /** Rows of each class, by its number, up to the largest seen or known. */
  readonly classRows: readonly number[];
  /** Codes that come at all, out of `codebookSize` where that is known. */
  readonly codesUsed: number;
  /** The largest code seen; -1 where there is none. */
  readonly largestCode: number;
  /** Entropy of single codes, bits: at most log2 of the codebook's size. */
  readonly entropy: number;
  readonly wrong: {
    readonly count: number;
    /** What was said of the first of them. */
    readonly first: readonly string[];
  };
}

export interface StatisticsOptions {
  /** Look at so many rows only, spread over the file at random. Default: all, in order. */
  readonly sample?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const rowsAtOnce = 1024;
const mostSentences = 20;

/** @throws RarityError "io" where the disk fails; rows that are wrong are counted, and not thrown */
export async function tokenStatistics(
  rows: TokenRows,
  options: StatisticsOptions = {},
): Promise<TokenStatistics> {
  const { sample = rows.rows, signal, onProgress } = options;
  const total = Math.min(sample, rows.rows);
  const classRows = new Counter(rows.classes);
  const codes = new Counter(rows.codebookSize);
  const first: string[] = [];
  let wrong = 0;
  const count = ({ classes, tokens }: TokenBatch): void => {
    for (const label of classes) classRows.add(label);
    for (const token of tokens) codes.add(token);
  };
  for (let at = 0; at < total; at += rowsAtOnce) {
    signal?.throwIfAborted();
    const indices = Array.from({ length: Math.min(rowsAtOnce, total - at) }, (_, i) =>
      total === rows.rows ? at + i : sampleAt(0, rows.rows, at + i),
    );
    try {
      count(await rows.read(indices));
    } catch (error) {
      if (!isWrongRow(error)) throw error;
      for (const index of indices)
        try {
          count(await rows.read([index]));
        } catch (reason) {
          if (!isWrongRow(reason)) throw reason;
          wrong++;
          if (first.length < mostSentences) first.push(reason.message);
        }
    }
    onProgress?.(at + indices.length, total);
  }
  return {
    rows: total,
    classRows: classRows.counts(),
    codesUsed: codes.counts().filter((n) => n > 0).length,
    largestCode: codes.largest,
    entropy: entropyOf(codes.counts()),
    wrong: { count: wrong, first },
  };
}

const isWrongRow = (error: unknown): error is RarityError =>
  error instanceof RarityError && error.code === "bad-file";

/** Counts of numbers of which the largest may not be known; those far beyond any codebook share one count. */
class Counter {
  largest = -1;
  readonly #known: number;
  #counts: Float64Array;

  constructor(size = 0) {
    this.#known = Math.min(size, mostNumbers);
    this.#counts = new Float64Array(Math.max(this.#known, 1024));
  }

  add(number: number): void {
    if (number > this.largest) this.largest = number;
    const place = Math.min(number, mostNumbers - 1);
    if (place >= this.#counts.length) {
      const larger = new Float64Array(Math.min(mostNumbers, 2 ** Math.ceil(Math.log2(place + 1))));
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts[place]!++;
  }

  counts(): number[] {
    return Array.from(this.#counts.subarray(0, Math.max(this.#known, this.largest + 1)));
  }
}

const mostNumbers = 2 ** 20;

function entropyOf(counts: readonly number[]): number {
  const total = counts.reduce((sum, n) => sum + n, 0);
  let bits = 0;
  for (const n of counts) if (n > 0) bits -= (n / total) * Math.log2(n / total);
  return bits;
}
