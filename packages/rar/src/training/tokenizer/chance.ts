/** Everything random in training a tokenizer: pure functions of the seed and a position, so that nothing needs saving. */
import { philox4x32 } from "../../drawing/philox.js";

/** What a number is for, so that one position gives several independent ones. */
const purposes = { flip: 1, left: 2, top: 3, codes: 4 } as const;

/** In the counter's last word: these numbers never meet another random stream of the same seed. */
const domain = 5 << 24;

const words = new Uint32Array(4);

/** A random whole number below 2^32 for each seed, position and purpose. */
export function chance(seed: number, position: number, purpose: keyof typeof purposes): number {
  const [high, low] = [Math.floor(position / 2 ** 32), position >>> 0];
  philox4x32(low, high, purposes[purpose], domain, seed >>> 0, Math.floor(seed / 2 ** 32), words);
  return words[0]!;
}
