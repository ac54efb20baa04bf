/** Modulation vectors of (condition, position), computed once by chunks of positions and kept while there is room. */

/** Positions of one chunk, about 32: such that all chunks are full, for a short last one would cost as much. */
export const chunkSize = (positions: number): number =>
  Math.ceil(positions / Math.max(1, Math.round(positions / 32)));

/** Bytes of conditional chunks kept for the next request of the same class. */
export const KEEP_BYTES = 128 * 2 ** 20;

/** Computes [n, parts * D] for n pairs of condition and position; the condition is the same in all of them. */
export type ComputeModulation = (conditions: Int32Array, positions: Int32Array) => Promise<Float32Array>;

export class ModulationTables {
  readonly #compute: ComputeModulation;
  readonly #positions: number;
  /** Positions of one chunk. */
  readonly chunk: number;
  /** The condition whose chunks are never dropped: "none", part of every guided request. */
  readonly #pinned: number;
  readonly #chunks = new Map<string, Float32Array>();

  constructor(options: { compute: ComputeModulation; positions: number; pinned: number }) {
    this.#compute = options.compute;
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
    // One condition a call: with 8- and 4-bit weights the bits of a row depend on its place among the call's rows, and
    // an image must not depend on which other classes happened to be computed with its own.
    for (const condition of absent) {
      const packed = await this.#compute(
        new Int32Array(length).fill(condition),
        Int32Array.from({ length }, (_, row) => start + row),
      );
      this.#chunks.set(`${condition}/${chunk}`, packed);
      found.set(condition, packed);
    }
    this.#trim();
    return found;
  }

  #trim(): void {
    const own = `${this.#pinned}/`;
    let bytes = 0;
    for (const [key, chunk] of this.#chunks) if (!key.startsWith(own)) bytes += chunk.byteLength;
    for (const [key, chunk] of this.#chunks) {
      if (bytes <= KEEP_BYTES) break;
      if (key.startsWith(own)) continue;
      this.#chunks.delete(key);
      bytes -= chunk.byteLength;
    }
  }
}
