/** The rows of each training step, dealt to ranks and micro-batches; the next step is read while this one is computed. */
import { sampleAt } from "./order.js";
import type { TokenBatch, TokenRows } from "./token-rows.js";

/** Who takes which part of a step. Positions and their rows are the same for any number of ranks that gives the same step size. */
export interface BatchPlan {
  /** Decides the order of data. */
  readonly seed: number;
  readonly rank: number;
  readonly ranks: number;
  /** Rows of one micro-batch on one rank. */
  readonly batch: number;
  /** Micro-batches of one rank in a step (gradient accumulation). */
  readonly microBatches: number;
}

export interface MicroBatch {
  readonly batch: TokenBatch;
  /** Global sample position of each row, counted since training began. */
  readonly positions: number[];
}

/** Rows of a step, over all ranks. */
export const stepSize = ({ batch, ranks, microBatches }: BatchPlan): number => batch * ranks * microBatches;

/**
 * Global positions of a micro-batch. A step takes consecutive positions; they are dealt in blocks of `batch`, first to every rank for
 * micro-batch 0, then to every rank for micro-batch 1, so that two ranks with one micro-batch see what one rank with two sees.
 */
export function positionsOf(plan: BatchPlan, step: number, microBatch: number): number[] {
  const { batch, ranks, rank } = plan;
  const first = step * stepSize(plan) + (microBatch * ranks + rank) * batch;
  return Array.from({ length: batch }, (_, i) => first + i);
}

/**
 * Reads steps, one ahead of the one asked for. Disposing of it waits for the read under way; the rows stay open, they are their
 * owner's.
 */
export class TokenBatches implements AsyncDisposable {
  readonly #rows: Pick<TokenRows, "rows" | "read">;
  readonly #plan: BatchPlan;
  readonly #signal: AbortSignal | undefined;
  #ahead: { readonly step: number; readonly batches: Promise<MicroBatch[]> } | undefined;

  /** @throws {RangeError} for a plan whose numbers do not fit together */
  constructor(rows: Pick<TokenRows, "rows" | "read">, plan: BatchPlan, signal?: AbortSignal | undefined) {
    const { rank, ...counts } = plan;
    for (const key of ["ranks", "batch", "microBatches"] as const)
      if (!Number.isInteger(counts[key]) || counts[key] < 1)
        throw new RangeError(`${key} is ${counts[key]}; give a whole number of at least 1.`);
    if (!Number.isInteger(rank) || rank < 0 || rank >= plan.ranks)
      throw new RangeError(`rank is ${rank}; there are ranks 0 to ${plan.ranks - 1}.`);
    this.#rows = rows;
    this.#plan = plan;
    this.#signal = signal;
  }

  /**
   * This rank's micro-batches of a step (from 0). Steps asked for one after the other are there at once; any other is read when
   * asked for.
   *
   * @throws what reading throws, or the signal's reason once it is aborted
   */
  async step(step: number): Promise<MicroBatch[]> {
    this.#signal?.throwIfAborted();
    const batches = await (this.#ahead?.step === step ? this.#ahead.batches : this.#read(step));
    this.#signal?.throwIfAborted();
    const next = this.#read(step + 1);
    next.catch(() => {}); // said when that step is asked for
    this.#ahead = { step: step + 1, batches: next };
    return batches;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#ahead?.batches.catch(() => {});
    this.#ahead = undefined;
  }

  async #read(step: number): Promise<MicroBatch[]> {
    const { seed, microBatches } = this.#plan;
    const batches: MicroBatch[] = [];
    for (let g = 0; g < microBatches; g++) {
      this.#signal?.throwIfAborted();
      const positions = positionsOf(this.#plan, step, g);
      const indices = positions.map((position) => sampleAt(seed, this.#rows.rows, position));
      batches.push({ batch: await this.#rows.read(indices, positions), positions });
    }
    return batches;
  }
}
