/** What the kernels of a step ask the memory for on behalf of later ones, so that it has work while they wait for each other. */
import type { Tensor } from "libtorch";

/** Parameters of a kernel that reads ahead, as `Ahead` in `common.ts` has them. */
export const aheadParameters = ["tensor", "int", "int", "tensor", "int"] as const;
/** Two parts of weights at most: the first from some byte on, the second from its beginning. */
export type Ahead = readonly [
  first: Tensor | null,
  from: number,
  bytes: number,
  second: Tensor | null,
  more: number,
];
export const NOTHING_AHEAD: Ahead = [null, 0, 0, null, 0];

/** Walks through a step's weights in the order in which its kernels read them. Everything is asked for once. */
export class ReadAhead {
  readonly #weights: readonly { readonly tensor: Tensor; readonly start: number; readonly end: number }[];
  /** Bytes of all weights in a row: to here kernels read themselves, and to here they were asked to read ahead. */
  #own = 0;
  #reach = 0;
  #reading = 0;

  constructor(weights: readonly Tensor[]) {
    let end = 0;
    this.#weights = weights.map((tensor) => {
      const start = end;
      end += bytesOf(tensor);
      return { tensor, start, end };
    });
  }

  /** For the kernel that reads the next weight: what lies at most so many bytes behind it. */
  reading(distance: number): Ahead {
    this.#own = this.#weights[this.#reading++]!.end;
    return this.beside(distance);
  }

  /** For a kernel that reads none: the same, seen from the last weight that a kernel before it reads. */
  beside(distance: number): Ahead {
    const from = Math.max(this.#own, this.#reach);
    const to = Math.floor((this.#own + distance) / 128) * 128;
    const at = this.#weights.findIndex(({ end }) => from < end);
    if (at < 0 || to <= from) return NOTHING_AHEAD;
    const [first, second] = [this.#weights[at]!, this.#weights[at + 1]];
    const bytes = Math.min(to, first.end) - from;
    const more = second ? Math.max(0, Math.min(to, second.end) - second.start) : 0;
    this.#reach = from + bytes + more;
    return [first.tensor, from - first.start, bytes, more > 0 ? second!.tensor : null, more];
  }
}

const bytesOf = (tensor: Tensor): number =>
  tensor.shape.reduce((n: number, size) => n * size, tensor.dtype === "float32" ? 4 : 2);
