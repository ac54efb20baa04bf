/** Room in a growing memory, given out and taken back: the first gap that is large enough. */
import { PAGE } from "./kernels.js";
import type { Memory } from "./webassembly.js";

export class Space {
  readonly #memory: Memory;
  /** Taken pieces by address, in order. */
  readonly #taken: { at: number; bytes: number }[] = [];
  readonly #start: number;

  /** @param start - the first byte that may be given out */
  constructor(memory: Memory, start: number) {
    this.#memory = memory;
    this.#start = start;
  }

  /** Address of so many bytes, all 0; undefined where the memory cannot grow so far. */
  take(bytes: number): number | undefined {
    const size = PAGE * Math.ceil(bytes / PAGE);
    let at = this.#start;
    let index = 0;
    for (; index < this.#taken.length; index++) {
      const next = this.#taken[index]!;
      if (next.at - at >= size) break;
      at = next.at + next.bytes;
    }
    const missing = (at + size - this.#memory.buffer.byteLength) / PAGE;
    if (missing > 0) {
      try {
        this.#memory.grow(missing);
      } catch {
        return undefined;
      }
    }
    // Also touches every page once, so that no step does.
    new Uint8Array(this.#memory.buffer, at, size).fill(0);
    this.#taken.splice(index, 0, { at, bytes: size });
    return at;
  }

  give(at: number): void {
    const index = this.#taken.findIndex((piece) => piece.at === at);
    if (index >= 0) this.#taken.splice(index, 1);
  }
}
