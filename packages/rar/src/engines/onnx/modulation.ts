/** Modulation vectors of (condition, position), computed once by chunks of positions and kept while there is room. */

/** Positions of one chunk, about 32: such that all chunks are full, for a short last one would cost as much. */
export const chunkSize = (positions: number): number =>
  Math.ceil(positions / Math.max(1, Math.round(positions / 32)));

/** Bytes of conditional chunks kept for the next request of the same class. */
export const KEEP_BYTES = 128 * 2 ** 20;

/** Computes [n, parts * D] for n pairs of condition and position. */
export type ComputeModulation = (conditions: Int32Array, positions: Int32Array) => Promise<Float32Array>;

export class ModulationTables {
  readonly #compute: ComputeModulation;
  readonly #positions: number;
  /** Positions of one chunk. */
  readonly chunk: number;
  /** Conditions of one call. */
  readonly #together: number;
  /** The condition whose chunks are never dropped: "none", part of every guided request. */
  readonly #pinned: number;
  readonly #chunks = new Map<string, Float32Array>();

  /**
   * `together`: conditions that one call computes, default 1. Two are faster in float32 and take more memory (docs/log.md), but more than
   * one must not be asked for where a row's bits depend on its place among the call's rows, as with 4-bit weights: an image must not
   * depend on which other classes happened to be computed with its own.
   */
  constructor(options: {
    compute: ComputeModulation;
    positions: number;
    pinned: number;
    together?: number | undefined;
  }) {
    this.#compute = options.compute;
    this.#together = options.together ?? 1;
    this.#positions = options.positions;
    this.chunk = chunkSize(options.positions);
    this.#pinned = options.pinned;
  }

  /** Chunk number `chunk` of each condition, each [positions, parts * D] (the last one shorter). */
  async get(conditions: readonly number[], chunk: number): Promise<Map<number, Float32Array>> {
    const found = new Map<number, Float32Array>();
    const absent: number[] = [];
    for (const condition of new Set(conditions)) {
      const key = `${condition}/${chunk}`;
      const known = this.#chunks.get(key);
      if (!known) {
        absent.push(condition);
        continue;
      }
      this.#chunks.delete(key); // most recently used last
      this.#chunks.set(key, known);
      found.set(condition, known);
    }
    const start = chunk * this.chunk;
    const length = Math.min(this.chunk, this.#positions - start);
    for (const some of this.#calls(absent)) {
      const packed = await this.#compute(
        Int32Array.from({ length: some.length * length }, (_, row) => some[Math.floor(row / length)]!),
        Int32Array.from({ length: some.length * length }, (_, row) => start + (row % length)),
      );
      const each = packed.length / some.length;
      for (const [k, condition] of some.entries()) {
        const own = packed.subarray(k * each, (k + 1) * each); // in one piece with its neighbours, with which it goes
        this.#chunks.set(`${condition}/${chunk}`, own);
        found.set(condition, own);
      }
    }
    this.#trim();
    return found;
  }

  /** The conditions of each call. The pinned one stands alone: it stays, and must not hold others' memory. */
  #calls(absent: readonly number[]): number[][] {
    const others = absent.filter((condition) => condition !== this.#pinned);
    const calls: number[][] = [];
    for (let i = 0; i < others.length; i += this.#together) calls.push(others.slice(i, i + this.#together));
    if (absent.length > others.length) calls.push([this.#pinned]);
    return calls;
  }

  #trim(): void {
    for (const key of [...this.#chunks.keys()]) {
      if (this.#bytes() <= KEEP_BYTES) break;
      if (!this.#stays(key)) this.#chunks.delete(key);
    }
  }

  #stays(key: string): boolean {
    return key.startsWith(`${this.#pinned}/`);
  }

  /** Of the chunks that may go; what several share counts once, and as long as one of them is kept. */
  #bytes(): number {
    const others = [...this.#chunks].filter(([key]) => !this.#stays(key));
    const buffers = new Set(others.map(([, { buffer }]) => buffer));
    return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
}
