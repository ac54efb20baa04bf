/**
 * Keys and values of one batch. Those of whole blocks of positions lie in one piece a layer, [rows * heads, S, d], and those of the
 * block under way in another, [rows * heads, BLOCK, d], so that what a step reads has the same form wherever its block began.
 */

/** Positions of a block. */
export const BLOCK = 32;

export interface CacheShape {
  readonly layers: number;
  readonly rows: number;
  readonly heads: number;
  /** d, even */
  readonly headWidth: number;
  /** positions that will be stored at most */
  readonly positions: number;
}

/** The last block stays where it is when it is full: nothing is stored after it, and joining it to the others would copy all of them. */
const wholeBlocks = (positions: number): number => BLOCK * Math.floor((positions - 1) / BLOCK);

export const cacheBytes = ({ layers, rows, heads, headWidth, positions }: CacheShape): number =>
  2 * layers * rows * heads * (wholeBlocks(positions) + BLOCK) * headWidth * 4;

export class KeyValueCache {
  readonly #shape: CacheShape;
  /** k of layer 0, v of layer 0, k of layer 1, ...: whole blocks, each as large as it will ever get. */
  readonly #past: Float32Array[];
  readonly #recent: Float32Array[];
  #whole = 0;
  #length = 0;

  constructor(shape: CacheShape) {
    if (shape.headWidth % 2 !== 0) throw new RangeError(`head width must be even, it is ${shape.headWidth}`);
    this.#shape = shape;
    const each = shape.rows * shape.heads * shape.headWidth;
    const buffers = (positions: number): Float32Array[] =>
      Array.from({ length: 2 * shape.layers }, () => new Float32Array(each * positions));
    this.#past = buffers(wholeBlocks(shape.positions));
    this.#recent = buffers(BLOCK);
  }

  /** Positions stored so far. */
  get length(): number {
    return this.#length;
  }

  /** Positions of the whole blocks, S. */
  get whole(): number {
    return this.#whole;
  }

  /** Whole blocks of buffer i as [rows * heads, S, d], without a copy. Valid until S grows. */
  past(i: number): Float32Array {
    const { rows, heads, headWidth } = this.#shape;
    return this.#past[i]!.subarray(0, rows * heads * this.#whole * headWidth);
  }

  /** The block under way of buffer i, [rows * heads, BLOCK, d]; those past `length` are to be masked. Full only when nothing will follow. */
  recent(i: number): Float32Array {
    return this.#recent[i]!;
  }

  /**
   * Appends the first `count` of a step's positions; they must fit the block.
   *
   * @param packed - the new keys and values in the order of the buffers, [2 * layers, rows, heads, positions, d]
   * @param positions - of the step, for each row
   * @returns whether a block became whole, so that views must be taken anew
   */
  append(packed: Float32Array, positions = 1, count = 1): boolean {
    const { rows, heads, headWidth } = this.#shape;
    const filled = this.#length - this.#whole;
    if (filled + count > BLOCK) throw new RangeError(`${count} positions do not fit a block with ${filled}`);
    // Pairs of float32 as one float64 halve the loop; the bits pass unchanged (no arithmetic touches them).
    const pairs = headWidth / 2;
    const from = new Float64Array(packed.buffer, packed.byteOffset, packed.length / 2);
    for (const [i, buffer] of this.#recent.entries()) {
      const to = new Float64Array(buffer.buffer);
      for (let s = 0; s < rows * heads; s++) {
        let source = (i * rows * heads + s) * positions * pairs;
        let target = (s * BLOCK + filled) * pairs;
        for (let j = 0; j < count * pairs; j++) to[target++] = from[source++]!;
      }
    }
    this.#length += count;
    const grew = filled + count === BLOCK && this.#length < this.#shape.positions;
    if (grew) this.#join();
    return grew;
  }

  /** The block under way becomes the last whole one. Sequences are spread in place, the last one first, so that no page is touched anew. */
  #join(): void {
    const { rows, heads, headWidth } = this.#shape;
    const [old, block] = [this.#whole * headWidth, BLOCK * headWidth];
    const wide = old + block;
    for (const [i, buffer] of this.#past.entries()) {
      for (let s = rows * heads - 1; s >= 0; s--) {
        buffer.copyWithin(s * wide, s * old, (s + 1) * old);
        buffer.set(this.#recent[i]!.subarray(s * block, (s + 1) * block), s * wide + old);
      }
    }
    this.#whole += BLOCK;
  }
}
