/** Mean and covariance of features, summed up batch by batch in float64: nothing is kept but the sums. */
import * as torch from "libtorch";
import type { Matrix } from "./matrix.js";

/** What the Fréchet distance compares. */
export interface Gaussian {
  /** Rows it was computed from; undefined for statistics that a file gives without their images. */
  readonly count?: number | undefined;
  /** [d] */
  readonly mean: Float64Array;
  /** [d, d], with N - 1 in the denominator. */
  readonly covariance: Float64Array;
}

export class StatisticsSum {
  readonly columns: number;
  #count = 0;
  /** Sums are of x - origin, the first batch's mean: sums of squares of features far from 0 would lose their digits. */
  #origin: torch.Tensor | undefined;
  readonly #sum: torch.Tensor; // [d]
  readonly #products: torch.Tensor; // [d, d]

  constructor(columns: number) {
    this.columns = columns;
    this.#sum = torch.keep(torch.zeros([columns], { dtype: "float64" }));
    this.#products = torch.keep(torch.zeros([columns, columns], { dtype: "float64" }));
  }

  get count(): number {
    return this.#count;
  }

  /** @throws {RangeError} for rows of another width */
  add(batch: Matrix): void {
    if (batch.columns !== this.columns)
      throw new RangeError(`features of ${batch.columns} numbers do not belong to those of ${this.columns}`);
    if (batch.rows === 0) return;
    torch.scope(() => {
      const rows = torch.to(torch.tensor(batch.data, { shape: [batch.rows, batch.columns] }), {
        dtype: "float64",
      });
      this.#origin ??= torch.keep(torch.mean(rows, [0]));
      const shifted = torch.sub(rows, this.#origin); // [n, d]
      torch.add_(this.#sum, torch.sum(shifted, [0]));
      torch.addmm_(this.#products, torch.t(shifted), shifted);
    });
    this.#count += batch.rows;
  }

  /** @throws {RangeError} with fewer than two rows */
  gaussian(): Gaussian {
    const n = this.#count;
    if (n < 2)
      throw new RangeError(`A covariance needs at least 2 images, there ${n === 1 ? "is 1" : `are ${n}`}.`);
    return torch.scope(() => {
      const shift = torch.div(this.#sum, n);
      const mean = torch.add(shift, this.#origin!);
      const outer = torch.mul(torch.unsqueeze(shift, 1), torch.unsqueeze(shift, 0));
      const covariance = torch.div(torch.sub(this.#products, torch.mul(outer, n)), n - 1);
      return {
        count: n,
        mean: mean.data() as Float64Array,
        covariance: torch.contiguous(covariance).data() as Float64Array,
      };
    });
  }

  dispose(): void {
    for (const tensor of [this.#origin, this.#sum, this.#products]) tensor?.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Statistics of rows that are all at hand. */
export function statistics(rows: Matrix): Gaussian {
  using sum = new StatisticsSum(rows.columns);
  sum.add(rows);
  return sum.gaussian();
}
