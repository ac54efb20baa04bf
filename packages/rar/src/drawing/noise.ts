/** The noise that decides an image: standard Gumbel numbers, a pure function of seed, image, position and code. */
import { philox4x32 } from "./philox.js";

/**
 * Set in the counter's last word, above the 21 bits an image index can reach there, so that noise for anything
 * but drawing tokens can take another number and never meet this stream.
 */
export const tokenDomain = 1 << 24;

/** Noise of every code of one row. */
export interface Noise {
  readonly codes: number;
  of(code: number): number;
  /** No less than {@link of}, and found without a logarithm: what cannot win even so need not be computed. */
  atMost(code: number): number;
}

/**
 * Gumbel noise of one image's place. The number of a code does not depend on how many codes there are, nor on what else is
 * computed: argmax over codes of `logits / temperature + noise` draws a code from softmax(logits / temperature), the same one
 * however the images are batched.
 *
 * Philox 4x32-10 with key (seed low, seed high) and counter (code >> 2, position, index low, index high | domain);
 * lane code & 3 gives a word w, u = (w + 0.5) / 2^32, and the noise is -log(-log(u)): between -3.14 and 22.9.
 */
export class GumbelNoise implements Noise {
  readonly codes: number;
  readonly #words: Uint32Array<ArrayBuffer>;

  /** Of no place yet: see {@link at}. */
  constructor(codes: number) {
    this.codes = codes;
    this.#words = new Uint32Array(4 * Math.ceil(codes / 4));
  }

  /**
   * Becomes the noise of a place.
   *
   * @param seed - whole number, 0 ≤ seed < 2^53
   * @param imageIndex - index of the image under the seed, 0 ≤ imageIndex < 2^53
   * @param position - place of the token in generation order, 0 ≤ position < 2^32
   * @throws {RangeError} when one of the three is not such a number
   */
  at(seed: number, imageIndex: number, position: number): this {
    checkWhole("seed", seed, Number.MAX_SAFE_INTEGER, "2^53");
    checkWhole("image index", imageIndex, Number.MAX_SAFE_INTEGER, "2^53");
    checkWhole("position", position, 0xffffffff, "2^32");
    const [keyLow, keyHigh] = [seed >>> 0, Math.floor(seed / 2 ** 32)];
    const [indexLow, indexHigh] = [imageIndex >>> 0, Math.floor(imageIndex / 2 ** 32) | tokenDomain];
    const words = this.#words;
    philox4x32(0, position, indexLow, indexHigh, keyLow, keyHigh, words, 0, words.length / 4);
    return this;
  }

  of(code: number): number {
    return gumbel(this.#words[code]!);
  }

  atMost(code: number): number {
    return mostByOnes[Math.clz32(~this.#words[code]!)]!;
  }
}

const gumbel = (word: number): number => -Math.log(-Math.log((word + 0.5) * 2 ** -32));

/** By how many ones a word begins with: the noise of the largest such word, and a little for what rounding may do. */
const mostByOnes = Float64Array.from(
  { length: 33 },
  (_, ones) => gumbel(Math.min(2 ** 32 - 2 ** (31 - ones), 2 ** 32 - 1)) + 1e-9,
);

function checkWhole(what: string, value: number, largest: number, bound: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return;
  throw new RangeError(
    `Cannot draw tokens with ${what} ${value}: it must be a whole number, at least 0 and below ${bound}.`,
  );
}
