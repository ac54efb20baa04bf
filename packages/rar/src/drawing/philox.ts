/**
 * Philox 4x32-10: four random 32-bit words from a 128-bit counter and a 64-bit key, with no state.
 *
 * @see Salmon et al. 2011, Parallel Random Numbers: As Easy as 1, 2, 3 (multipliers and key increments: table 2
 *   and section 4 there)
 */

const rounds = 10;

/** The two multipliers, each cut into halves of 16 bits, so that no product leaves 32 bits. */
const multiplierA = 0xd2511f53 | 0;
const multiplierAHigh = multiplierA >>> 16;
const multiplierALow = multiplierA & 0xffff;
const multiplierB = 0xcd9e8d57 | 0;
const multiplierBHigh = multiplierB >>> 16;
const multiplierBLow = multiplierB & 0xffff;

/** What a round adds to the two words of the key: golden ratio and sqrt(3) - 1, as fractions of 2^32. */
const keyStepA = 0x9e3779b9 | 0;
const keyStepB = 0xbb67ae85 | 0;

/**
 * Writes the four words of one counter to `out[offset .. offset + 3]`, or of several counters that follow each other in the
 * first word. Every argument is read as a 32-bit word, signed or not; the words written are unsigned.
 */
export function philox4x32(
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
  out: Uint32Array,
  offset = 0,
  counters = 1,
): void {
  for (let n = 0; n < counters; n++) {
    let a = (counter0 + n) | 0;
    let b = counter1 | 0;
    let c = counter2 | 0;
    let d = counter3 | 0;
    let keyA = key0 | 0;
    let keyB = key1 | 0;
    for (let round = 0; round < rounds; round++) {
      const highA = highWord(multiplierAHigh, multiplierALow, a);
      const highC = highWord(multiplierBHigh, multiplierBLow, c);
      const lowA = Math.imul(multiplierA, a);
      const lowC = Math.imul(multiplierB, c);
      a = highC ^ b ^ keyA;
      b = lowC;
      c = highA ^ d ^ keyB;
      d = lowA;
      keyA = (keyA + keyStepA) | 0;
      keyB = (keyB + keyStepB) | 0;
    }
    const at = offset + 4 * n;
    out[at] = a;
    out[at + 1] = b;
    out[at + 2] = c;
    out[at + 3] = d;
  }
}

/** Upper 32 bits of the 64-bit product (high * 2^16 + low) * x, both factors unsigned. Long multiplication. */
function highWord(high: number, low: number, x: number): number {
  const xHigh = x >>> 16;
  const xLow = x & 0xffff;
  const crossA = Math.imul(high, xLow) + (Math.imul(low, xLow) >>> 16);
  const crossB = Math.imul(low, xHigh) + (crossA & 0xffff);
  return (Math.imul(high, xHigh) + (crossA >>> 16) + (crossB >>> 16)) | 0;
}
