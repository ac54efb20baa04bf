/** Improved precision and recall: how many samples lie among the real pictures, and the reverse. */
import * as torch from "libtorch";
import { type Matrix, someRows } from "./matrix.js";

export interface PrecisionRecall {
  /** Part of the samples that lie in at least one reference's ball. */
  readonly precision: number;
  /** Part of the references that lie in at least one sample's ball. */
  readonly recall: number;
  /** Per sample and per reference, whether it does. */
  readonly samplesInside: Uint8Array;
  readonly referencesInside: Uint8Array;
}

export interface NeighbourOptions {
  /** Neighbours that decide the radius of a ball, default 3. */
  readonly k?: number | undefined;
  /** Type of the distances. Default float32: the ADM evaluator's half precision depends on the device. */
  readonly dtype?: "float32" | "float64" | undefined;
  /** Rows compared at a time, default 2048: bounds the memory, changes no result. */
  readonly block?: number | undefined;
  readonly device?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Squared distances, balls that reach to the k-th other neighbour, borders included, nothing sampled or clamped.
 *
 * @throws {RangeError} when a set has no more than k rows, or their widths differ
 * @see Kynkäänniemi et al. 2019, arXiv 1904.06991; EVALUATION 7
 */
export function precisionRecall(
  references: Matrix,
  samples: Matrix,
  options: NeighbourOptions = {},
): PrecisionRecall {
  const { k = 3 } = options;
  if (references.columns !== samples.columns)
    throw new RangeError(`features of ${references.columns} and of ${samples.columns} cannot be compared`);
  for (const { rows } of [references, samples])
    if (rows <= k) throw new RangeError(`${rows} pictures are too few for ${k} neighbours each: take more`);
  const work = blocks(references.rows) ** 2 + blocks(samples.rows) ** 2;
  const total = work + blocks(references.rows) * blocks(samples.rows);
  let done = 0;
  const tick = (): void => {
    options.signal?.throwIfAborted();
    options.onProgress?.(++done, total);
  };
  function blocks(rows: number): number {
    return Math.ceil(rows / (options.block ?? BLOCK));
  }
  return torch.noGrad(() =>
    torch.scope(() => {
      const R = new Points(references, options);
      const S = new Points(samples, options);
      const radii = [R.radii(k, tick), S.radii(k, tick)] as const;
      const samplesInside = new Uint8Array(samples.rows);
      const referencesInside = new Uint8Array(references.rows);
      for (const r of R.blocks)
        for (const s of S.blocks) {
          torch.scope(() => {
            const distances = between(r, s); // [references, samples]
            const inReference = torch.amax(torch.le(distances, part(radii[0], r, 1)), 0);
            const inSample = torch.amax(torch.le(distances, part(radii[1], s, 0)), 1);
            merge(samplesInside, s.first, inReference);
            merge(referencesInside, r.first, inSample);
          });
          tick();
        }
      return {
        precision: share(samplesInside),
        recall: share(referencesInside),
        samplesInside,
        referencesInside,
      };
    }),
  );
}

const BLOCK = 2048;

interface Block {
  readonly first: number;
  readonly points: torch.Tensor; // [n, d]
  readonly squares: torch.Tensor; // [n]
}

class Points {
  readonly blocks: readonly Block[];
  readonly #rows: number;

  constructor(rows: Matrix, { dtype = "float32", block = BLOCK, device = "cpu" }: NeighbourOptions) {
    this.#rows = rows.rows;
    this.blocks = Array.from({ length: Math.ceil(rows.rows / block) }, (_, i) => {
      const some = someRows(rows, i * block, Math.min((i + 1) * block, rows.rows));
      const points = torch.to(torch.tensor(some.data, { shape: [some.rows, some.columns] }), {
        dtype,
        device,
      });
      return { first: i * block, points, squares: torch.sum(torch.mul(points, points), [1]) };
    });
  }

  /** Squared distance to the k-th other neighbour: index k among all, itself included. [rows] */
  radii(k: number, tick: () => void): torch.Tensor {
    const radii = this.blocks.map((a) =>
      torch.scope(() => {
        let nearest: torch.Tensor | undefined; // [n, k + 1], of the blocks so far
        for (const b of this.blocks) {
          const previous = nearest;
          nearest = torch.scope(() => {
            const distances = between(a, b);
            const all = previous ? torch.cat([previous, distances], 1) : distances;
            return torch.contiguous(torch.topk(all, Math.min(k + 1, all.shape[1]!), 1, false, true)[0]);
          });
          previous?.dispose();
          tick();
        }
        return torch.contiguous(torch.select(nearest!, 1, k));
      }),
    );
    const whole = torch.cat(radii, 0);
    if (whole.shape[0] !== this.#rows) throw new Error("a row has no radius");
    return whole;
  }
}

/** max(|u|² - 2 u·v + |v|², 0) of all pairs. [a rows, b rows] */
function between(a: Block, b: Block): torch.Tensor {
  const products = torch.mm(a.points, torch.t(b.points));
  const sums = torch.add(torch.unsqueeze(a.squares, 1), torch.unsqueeze(b.squares, 0));
  return torch.clamp(torch.sub(sums, torch.mul(products, 2)), 0);
}

/** The radii of one block, to be compared along an axis: [n, 1] or [1, n] */
const part = (radii: torch.Tensor, { first, points }: Block, axis: 0 | 1): torch.Tensor =>
  torch.unsqueeze(torch.narrow(radii, 0, first, points.shape[0]!), axis);

function merge(into: Uint8Array, first: number, inside: torch.Tensor): void {
  torch.numbers(torch.to(inside, { dtype: "uint8" })).forEach((flag, i) => {
    into[first + i]! |= flag;
  });
}

const share = (flags: Uint8Array): number => flags.reduce((sum, flag) => sum + flag, 0) / flags.length;
