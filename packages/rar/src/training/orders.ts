/**
 * What is random about one sample, as pure functions of the seed and of the sample's position in training: whether its
 * class is dropped, and in which order its tokens are learned. So they do not depend on batches, ranks or restarts.
 */
import { philox4x32 } from "../drawing/philox.js";

/** Set in the counter's last word above the bits of a position, so that no number is one of sampling's. */
const trainingDomain = 4 << 24;
/** Counters of one sample: the first holds the two decisions, the others shuffle. */
const decisions = 0;
const shuffles = 1;

/** Fills `words` with random words of one sample, four a counter. */
function wordsOf(seed: number, position: number, counter: number, words: Uint32Array): void {
  const [seedLow, seedHigh] = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  const [low, high] = [position >>> 0, Math.floor(position / 2 ** 32) | trainingDomain];
  for (let i = 0; i < words.length; i += 4)
    philox4x32(counter + i / 4, 0, low, high, seedLow, seedHigh, words, i);
}

function decision(seed: number, position: number, word: number): number {
  const words = new Uint32Array(4);
  wordsOf(checked("seed", seed), checked("position", position), decisions, words);
  return words[word]! / 2 ** 32;
}

/** Whether a thing of probability `share` happens; uniform: in [0, 1), so that a share of 1 always does and one of 0 never. */
export const happens = (uniform: number, share: number): boolean => uniform < share;

/**
 * Whether a sample is trained without its class.
 *
 * @param position - number of the sample since the start of training, over all ranks, 0 ≤ position < 2^53
 * @param share - probability, from 0 to 1
 */
export const dropsClass = (seed: number, position: number, share: number): boolean =>
  happens(decision(seed, position, 0), share);

/** Whether a sample is trained in a random order. */
export const isRandom = (seed: number, position: number, ratio: number): boolean =>
  happens(decision(seed, position, 1), ratio);

/**
 * Writes a permutation of 0 .. length - 1 to `order`, by Fisher and Yates' shuffle from the front, as PyTorch's randperm has it.
 *
 * @param below - a random whole number of 0 .. n - 1
 */
export function shuffle(order: Int32Array, below: (n: number) => number): void {
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let i = 0; i < order.length - 1; i++) {
    const j = i + below(order.length - i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
}

/**
 * Writes a sample's random order to `order`: every permutation of 0 .. length - 1 is as likely as any other, up to
 * length / 2^32.
 */
export function randomOrder(seed: number, position: number, order: Int32Array): void {
  const words = new Uint32Array(Math.ceil(order.length / 4) * 4);
  wordsOf(checked("seed", seed), checked("position", position), shuffles, words);
  let used = 0;
  shuffle(order, (n) => Math.floor((words[used++]! / 2 ** 32) * n));
}

/**
 * The order in which a sample is trained, written to `order`.
 *
 * @param ratio - probability of a random order
 * @param otherwise - the order that the sample has else, [length]
 * @returns whether the order is random
 */
export function sampleOrder(
  seed: number,
  position: number,
  ratio: number,
  otherwise: Int32Array,
  order: Int32Array,
): boolean {
  const random = isRandom(seed, position, ratio);
  if (random) randomOrder(seed, position, order);
  else order.set(otherwise);
  return random;
}

/** Seed of the networks' dropout in one micro-batch of one rank, below 2^53. */
export function dropoutSeed(seed: number, step: number, microBatch: number, rank: number): number {
  const words = new Uint32Array(4);
  const high = Math.floor(step / 2 ** 32) | dropoutDomain;
  philox4x32(step >>> 0, microBatch, rank, high, seed >>> 0, Math.floor(seed / 2 ** 32), words);
  return words[0]! + (words[1]! >>> 11) * 2 ** 32;
}
const dropoutDomain = 3 << 24;

function checked(what: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(
    `The ${what} of a training sample is ${value}: it must be a whole number, at least 0 and below 2^53.`,
  );
}
