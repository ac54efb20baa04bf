/** How much of a codebook is used, and how evenly. */

export interface CodebookUse {
  /** Distinct codes seen. */
  readonly unique: number;
  /** Their share of the codebook. */
  readonly usage: number;
  /** Bits a code, exact: terms of codes that never occur are 0. */
  readonly entropy: number;
  /** 2^entropy */
  readonly perplexity: number;
}

/** @param counts - how often each code occurred */
export function codebookUse(counts: ArrayLike<number>): CodebookUse {
  const all = Array.from(counts);
  const total = all.reduce((sum, n) => sum + n, 0);
  const unique = all.filter((n) => n > 0).length;
  const entropy = all.reduce((sum, n) => (n > 0 ? sum - (n / total) * Math.log2(n / total) : sum), 0);
  return { unique, usage: unique / all.length, entropy, perplexity: 2 ** entropy };
}

/** Entropy in bits as the reference's evaluator has it: sum of -log2(p + 1e-8) p, slightly negative for a single code. */
export function referenceEntropy(counts: ArrayLike<number>): number {
  const all = Array.from(counts);
  const total = all.reduce((sum, n) => sum + n, 0);
  return all.reduce((sum, n) => sum - Math.log2(n / total + 1e-8) * (n / total), 0);
}

/** Counts how often each code occurs. @throws {RangeError} for a code outside the codebook */
export function countCodes(
  codes: ArrayLike<number>,
  size: number,
  into = new Float64Array(size),
): Float64Array {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (!(code >= 0 && code < size)) throw new RangeError(`code ${code} is outside a codebook of ${size}`);
    into[code]!++;
  }
  return into;
}
