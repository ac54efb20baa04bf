/** The noise that decides an image: standard Gumbel numbers, a pure function of seed, image, position and code. */
import { philox4x32 } from "./philox.js";

/**
 * Set in the counter's last word, above the 21 bits an image index can reach there, so that noise for anything
 * but drawing tokens can take another number and never meet this stream.
 */
export const tokenDomain = 1 << 24;

/**
 * Fills `out[code]` with the noise of each code 0 .. out.length - 1. The number of a code does not depend on how
 * many codes there are, nor on what else is computed: argmax over codes of `logits / temperature + out` draws a
 * code from softmax(logits / temperature), the same one however the images are batched.
 *
 * Philox 4x32-10 with key (seed low, seed high) and counter (code >> 2, position, index low, index high | domain);
 * lane code & 3 gives a word w, u = (w + 0.5) / 2^32, and the noise is -log(-log(u)): between -3.14 and 22.9.
 *
 * @param seed - whole number, 0 ≤ seed < 2^53
 * @param imageIndex - index of the image under the seed, 0 ≤ imageIndex < 2^53
 * @param position - place of the token in generation order, 0 ≤ position < 2^32
 * @throws {RangeError} when one of the three is not such a number
 */
export function gumbelNoise(seed: number, imageIndex: number, position: number, out: Float64Array): void {
  checkWhole("seed", seed, Number.MAX_SAFE_INTEGER, "2^53");
  checkWhole("image index", imageIndex, Number.MAX_SAFE_INTEGER, "2^53");
  checkWhole("position", position, 0xffffffff, "2^32");
  const [keyLow, keyHigh] = [seed >>> 0, Math.floor(seed / 2 ** 32)];
  const [indexLow, indexHigh] = [imageIndex >>> 0, Math.floor(imageIndex / 2 ** 32)];
  const words = new Uint32Array(4);
  for (let code = 0; code < out.length; code++) {
    if ((code & 3) === 0)
      philox4x32(code >>> 2, position, indexLow, indexHigh | tokenDomain, keyLow, keyHigh, words);
    const u = (words[code & 3]! + 0.5) * 2 ** -32;
    out[code] = -Math.log(-Math.log(u));
  }
}

function checkWhole(what: string, value: number, largest: number, bound: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return;
  throw new RangeError(
    `Cannot draw tokens with ${what} ${value}: it must be a whole number, at least 0 and below ${bound}.`,
  );
}
