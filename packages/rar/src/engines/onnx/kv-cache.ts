/** Keys and values of one batch, each layer [rows * heads, bucket, d], the bucket growing by 32 positions at a time. */

export const BUCKET = 32;

export interface CacheShape {
  readonly layers: number;
  /** rows * heads: sequences that attend apart from each other */
  readonly sequences: number;
  /** d, even */
  readonly headWidth: number;
  /** positions that will be stored at most */
  readonly positions: number;
}

const roundUp = (n: number): number => Math.max(BUCKET, Math.ceil(n / BUCKET) * BUCKET);

export const cacheBytes = ({ layers, sequences, headWidth, positions }: CacheShape): number =>
  2 * layers * sequences * roundUp(positions) * headWidth * 4;

export class KeyValueCache {
  readonly #shape: CacheShape;
  /** k of layer 0, v of layer 0, k of layer 1, ... each as large as it will ever get. */
  readonly #buffers: Float32Array[];
  #bucket = BUCKET;
  #length = 0;

  constructor(shape: CacheShape) {
    if (shape.headWidth % 2 !== 0) throw new RangeError(`head width must be even, it is ${shape.headWidth}`);
    this.#shape = shape;
    const size = shape.sequences * roundUp(shape.positions) * shape.headWidth;
    this.#buffers = Array.from({ length: 2 * shape.layers }, () => new Float32Array(size));
  }

  /** Positions stored so far. */
  get length(): number {
    return this.#length;
  }

  /** Positions that the arrays of {@link view} span; those past `length` are to be masked. */
  get bucket(): number {
    return this.#bucket;
  }

  /** Buffer i as [sequences, bucket, d], without a copy. Valid until the bucket grows. */
  view(i: number): Float32Array {
    return this.#buffers[i]!.subarray(0, this.#shape.sequences * this.#bucket * this.#shape.headWidth);
  }

  /**
   * Appends one position.
   * @param packed - the new keys and values in the order of the buffers, [2 * layers, sequences, d]
   * @returns whether the bucket grew, so that views must be taken anew
   */
  append(packed: Float32Array): boolean {
    const grew = this.#length === this.#bucket;
    if (grew) this.#grow();
    const { sequences, headWidth } = this.#shape;
    // Pairs of float32 as one float64 halve the loop; the bits pass unchanged (no arithmetic touches them).
    const pairs = headWidth / 2;
    const from = new Float64Array(packed.buffer, packed.byteOffset, packed.length / 2);
    let source = 0;
    for (const buffer of this.#buffers) {
      const to = new Float64Array(buffer.buffer);
      for (let s = 0, start = this.#length * pairs; s < sequences; s++, start += this.#bucket * pairs) {
        for (let j = 0; j < pairs; j++) to[start + j] = from[source++]!;
      }
    }
    this.#length++;
    return grew;
  }

  /** Spreads the sequences in place, the last one first, so that no page is touched anew. */
  #grow(): void {
    const { sequences, headWidth } = this.#shape;
    const [old, wide] = [this.#bucket * headWidth, (this.#bucket + BUCKET) * headWidth];
    for (const buffer of this.#buffers) {
      for (let s = sequences - 1; s > 0; s--) buffer.copyWithin(s * wide, s * old, (s + 1) * old);
      // What lies past the stored positions is masked, but must be finite.
    }
    this.#bucket += BUCKET;
  }
}
