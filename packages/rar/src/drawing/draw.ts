/** Drawing one token from one row of logits: temperature, top-k, top-p, and the Gumbel-max rule. */
import { RarityError } from "../config/errors.js";
import type { Noise } from "./noise.js";

export interface DrawSettings {
  /** Divides the logits; 0 takes the likeliest code, without noise. */
  readonly temperature: number;
  /** Keep only the k likeliest codes. Absent: all. */
  readonly topK?: number | undefined;
  /** Keep only the likeliest codes that make up this probability, 0 < p ≤ 1. Absent or 1: all. */
  readonly topP?: number | undefined;
  /** "torch": PyTorch's own `multinomial` and random stream, for ids that equal the reference's; needs the torch engine. */
  readonly sampler?: Sampler | undefined;
}

export const samplers = ["philox", "torch"] as const;
export type Sampler = (typeof samplers)[number];

/** What {@link checkSampling} checks; whatever is absent passes. */
export interface SamplingSettings {
  readonly temperature?: number | undefined;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
  readonly guidanceScale?: number | undefined;
  readonly guidanceScalePow?: number | undefined;
  readonly seed?: number | undefined;
  readonly firstIndex?: number | undefined;
  readonly batchSize?: number | undefined;
}

/**
 * Draws one token from softmax(logits / temperature), restricted to top-k and then, at that temperature, to
 * top-p: the argmax of logits / temperature + noise, the lowest code on ties.
 *
 * @param logits - [K], one finite number a code
 * @param settings - as {@link checkSampling} lets through
 * @param noise - standard Gumbel noise of K codes; not read at temperature 0
 * @throws {RarityError} "engine" when a logit is not finite: no setting can mend that
 * @throws {RangeError} when the temperature is not 0 and there is not one noise for each logit
 */
export function drawToken(logits: Float32Array, settings: DrawSettings, noise: Noise | undefined): number {
  const { temperature } = settings;
  const likeliest = argmaxFinite(logits);
  if (temperature === 0) return likeliest;
  if (noise?.codes !== logits.length)
    throw new RangeError(
      `Cannot draw one of ${logits.length} codes with ${noise?.codes ?? 0} noise numbers: pass one for each ` +
        "code, or temperature 0.",
    );
  let row = logits;
  if (settings.topK !== undefined) row = topK(row, settings.topK);
  if (settings.topP !== undefined) row = topP(row, settings.topP, temperature);
  // less the maximum, so that however small the temperature, no quotient overflows to +Infinity
  const maximum = logits[likeliest]!;
  const shifted = (code: number): number => (row[code]! - maximum) / temperature;
  let token = likeliest;
  let best = shifted(likeliest) + noise.of(likeliest);
  for (let code = 0; code < row.length; code++) {
    const without = shifted(code);
    if (without + noise.atMost(code) < best) continue; // nearly all of them
    const score = without + noise.of(code);
    if (score > best || (score === best && code < token)) {
      best = score;
      token = code;
    }
  }
  return token;
}

/**
 * Keeps the k codes with the largest logits and masks the others with -Infinity. Exactly k are kept: of equal
 * logits at the boundary those with the lowest codes, so k = 1 keeps what greedy decoding takes.
 *
 * @param logits - [K], without NaN; not written to
 * @param k - whole number ≥ 1
 * @returns a new row, or `logits` itself where nothing is masked
 */
export function topK(logits: Float32Array, k: number): Float32Array {
  if (k >= logits.length) return logits;
  return keepLargest(logits, ascending(logits), k);
}

/**
 * Keeps the fewest codes, likeliest first, whose probabilities reach `p` in sum, and masks the others with
 * -Infinity. Of equal logits at the boundary the lowest codes are kept, and no more than needed. The likeliest
 * code always stays.
 *
 * @param logits - [K], without NaN; -Infinity is probability 0; not written to
 * @param p - 0 < p ≤ 1
 * @param temperature - > 0; the probabilities are softmax(logits / temperature), summed in float64
 * @returns a new row, or `logits` itself where p is 1
 */
export function topP(logits: Float32Array, p: number, temperature = 1): Float32Array {
  if (p >= 1) return logits;
  const sorted = ascending(logits);
  const size = sorted.length;
  const maximum = sorted[size - 1]!;
  const sums = new Float64Array(size); // sums[n - 1]: weight of the n likeliest codes
  let sum = 0;
  for (let n = 1; n <= size; n++) {
    sum += Math.exp((sorted[size - n]! - maximum) / temperature);
    sums[n - 1] = sum;
  }
  const kept = 1 + sums.findIndex((weight) => weight >= p * sum);
  return keepLargest(logits, sorted, kept);
}

/**
 * Refuses settings that cannot be meant, before any work is done.
 *
 * @throws {RangeError} with a sentence that quotes the value and says what is allowed
 */
export function checkSampling(settings: SamplingSettings): void {
  for (const rule of rules) {
    const value = settings[rule.key];
    if (value === undefined || rule.allows(value)) continue;
    throw new RangeError(`Cannot sample with ${rule.name} ${value}: it must be ${rule.wanted}. ${rule.cure}`);
  }
}

interface Rule {
  readonly key: keyof SamplingSettings;
  readonly name: string;
  readonly allows: (value: number) => boolean;
  readonly wanted: string;
  readonly cure: string;
}

const rules: readonly Rule[] = [
  {
    key: "temperature",
    name: "temperature",
    allows: (value) => Number.isFinite(value) && value >= 0,
    wanted: "a finite number of at least 0",
    cure: "Take 1 for the model's own distribution, 0 for the likeliest token every time.",
  },
  {
    key: "topK",
    name: "top-k",
    allows: (value) => Number.isInteger(value) && value >= 1,
    wanted: "a whole number of at least 1",
    cure: "Leave it out to keep all codes.",
  },
  {
    key: "topP",
    name: "top-p",
    allows: (value) => Number.isFinite(value) && value > 0 && value <= 1,
    wanted: "above 0 and at most 1",
    cure: "Leave it out, or take 1, to keep all codes.",
  },
  {
    key: "guidanceScale",
    name: "guidance scale",
    allows: (value) => Number.isFinite(value) && value >= 0,
    wanted: "a finite number of at least 0",
    cure: "Take 0 for no guidance.",
  },
  {
    key: "guidanceScalePow",
    name: "guidance scale power",
    allows: (value) => Number.isFinite(value) && value >= 0,
    wanted: "a finite number of at least 0",
    cure: "Take 0 for the same guidance at every step.",
  },
  {
    key: "seed",
    name: "seed",
    allows: (value) => Number.isSafeInteger(value) && value >= 0,
    wanted: "a whole number, at least 0 and below 2^53",
    cure: "Take 0, for one.",
  },
  {
    key: "firstIndex",
    name: "first index",
    allows: (value) => Number.isSafeInteger(value) && value >= 0,
    wanted: "a whole number, at least 0 and below 2^53",
    cure: "Take 0 for the first image of the seed.",
  },
  {
    key: "batchSize",
    name: "batch size",
    allows: (value) => Number.isSafeInteger(value) && value >= 1,
    wanted: "a whole number of at least 1",
    cure: "Leave it out to have it chosen from the memory at hand.",
  },
];

/** Code of the largest logit, the first on ties; throws where a logit is NaN or infinite. */
function argmaxFinite(logits: Float32Array): number {
  let likeliest = 0;
  for (let code = 0; code < logits.length; code++) {
    const logit = logits[code]!;
    if (!Number.isFinite(logit))
      throw new RarityError(
        "engine",
        `Cannot draw a token: the network's logit for code ${code} is ${logit}. The weights are broken, or ` +
          "overflow at this precision: fetch or convert the generator's file again, or load it with float32.",
      );
    if (logit > logits[likeliest]!) likeliest = code;
  }
  return likeliest;
}

const ascending = (logits: Float32Array): Float32Array => logits.slice().sort();

/** The `kept` largest of the row, given also sorted; of equal ones at the boundary the first. */
function keepLargest(logits: Float32Array, sorted: Float32Array, kept: number): Float32Array {
  const boundary = sorted[sorted.length - kept]!;
  let ties = kept; // how many logits equal to the boundary may stay
  for (let i = sorted.length - 1; sorted[i]! > boundary; i--) ties--;
  return logits.map((logit) => {
    if (logit > boundary || (logit === boundary && ties-- > 0)) return logit;
    return Number.NEGATIVE_INFINITY;
  });
}
