/** Modulation vectors of (condition, position), computed once by chunks of positions and kept while there is room. */

/** Positions of one chunk, about 32: such that all chunks are full, for a short last one would cost as much. */
export const chunkSize = (positions: number): number =>
  Math.ceil(positions / Math.max(1, Math.round(positions / 32)));

/** Bytes of one call's output: more conditions than fit are computed in several calls. */
const CALL_BYTES = 64 * 2 ** 20;
/** Bytes of conditional chunks kept for the next request of the same class. */
const KEEP_BYTES = 256 * 2 ** 20;

/** Computes [n, parts * D] for n pairs of condition and position. */
export type ComputeModulation = (conditions: Int32Array, positions: Int32Array) => Promise<Float32Array>;

export class ModulationTables {
  readonly #compute: ComputeModulation;
  readonly #width: number;
  readonly #positions: number;
  /** Positions of one chunk. */
  readonly chunk: number;
  /** The condition whose chunks are never dropped: "none", part of every guided request. */
  readonly #pinned: number;
  readonly #chunks = new Map<string, Float32Array>();

  /** @param width - parts * D, numbers of one position */
  constructor(options: { compute: ComputeModulation; width: number; positions: number; pinned: number }) {
    this.#compute = options.compute;
    this.#width = options.width;
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
    const group = Math.max(1, Math.floor(CALL_BYTES / (length * this.#width * 4)));
    for (let i = 0; i < absent.length; i += group) {
      const some = absent.slice(i, i + group);
      const rows = some.length * length;
      const packed = await this.#compute(
        Int32Array.from({ length: rows }, (_, row) => some[Math.floor(row / length)]!),
        Int32Array.from({ length: rows }, (_, row) => start + (row % length)),
      );
      for (const [j, condition] of some.entries()) {
        const size = length * this.#width;
        const part = some.length === 1 ? packed : packed.slice(j * size, (j + 1) * size);
        this.#chunks.set(`${condition}/${chunk}`, part);
        found.set(condition, part);
      }
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
