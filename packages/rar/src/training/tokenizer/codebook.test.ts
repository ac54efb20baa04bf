import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { torchOps } from "../../engines/torch/ops.js";
import { randomArray } from "../../testing/random-model.js";
import {
  codeUsage,
  kMeans,
  latentGrid,
  latentRows,
  moveCodes,
  nearestCodes,
  reviveCodes,
  tally,
  trackCounts,
} from "./codebook.js";

const matrix = (rows: number[][]): Tensor => torch.tensor(rows, { dtype: "float32" });
const rowsOf = (x: Tensor): number[][] => {
  const [n, C] = x.shape as [number, number];
  const flat = torch.numbers(x);
  return Array.from({ length: n }, (_, i) => flat.slice(i * C, (i + 1) * C));
};
/** Runs `fn` with operations and frees what it made. */
const withOps = <R>(fn: (ops: ReturnType<typeof torchOps>) => R): R => {
  const ops = torchOps({ device: "cpu", dtype: "float32" });
  try {
    return torch.scope(() => fn(ops));
  } finally {
    ops.dispose();
  }
};
const close = (found: readonly number[], wanted: readonly number[]): void =>
  wanted.forEach((value, i) => {
    expect(found[i]).toBeCloseTo(value, 5);
  });

describeWithLibtorch("the codebook in training", () => {
  it("takes latents as rows in raster order, and back", () => {
    torch.scope(() => {
      const z = torch.tensor(
        Float32Array.from({ length: 24 }, (_, i) => i),
        { shape: [1, 4, 2, 3] },
      );
      const rows = latentRows(z);
      expect(rowsOf(rows)[1]).toEqual([1, 7, 13, 19]); // the second place of the first line, all channels
      expect(torch.numbers(latentGrid(rows, z.shape))).toEqual(torch.numbers(z));
    });
  });

  it("finds the nearest code and its squared distance, the first on ties", () =>
    withOps((ops) => {
      const codebook = matrix([
        [0, 0],
        [3, 4],
        [3, 4],
      ]);
      const rows = matrix([
        [3, 3],
        [1, 0],
      ]);
      const { codes, distances } = nearestCodes(ops, rows, codebook);
      expect(torch.numbers(codes)).toEqual([1, 0]);
      close(torch.numbers(distances), [1, 1]);
    }));

  it("moves codes to the decayed mean of all that fell on them, and leaves others where they are", () =>
    withOps(() => {
      const decay = 0.9;
      const codebook = matrix([
        [1, 1],
        [5, 5],
      ]);
      const count = torch.tensor([2, 3]);
      // By the definition: count and sum are averages of their own, the code is their ratio.
      let [n, sum] = [2, [2, 2]];
      for (const batch of [
        [
          [1, 2],
          [3, 1],
        ],
        [[0, 4]],
      ]) {
        const tallied = tally(matrix(batch), torch.tensor(batch.map(() => 0n)), 2);
        trackCounts(count, tallied, decay);
        moveCodes(codebook, count, tallied, decay);
        n = decay * n + (1 - decay) * batch.length;
        sum = sum.map((s, c) => decay * s + (1 - decay) * batch.reduce((all, row) => all + row[c]!, 0));
      }
      const [first, second] = rowsOf(codebook);
      close(first!, [sum[0]! / n, sum[1]! / n]);
      close(second!, [5, 5]);
      close(torch.numbers(count), [n, 3 * decay * decay]);
    }));

  it("puts dead codes, and only those, on different latents, the badly coded ones first", () =>
    withOps(() => {
      const codebook = matrix([
        [0, 0],
        [9, 9],
        [1, 1],
        [8, 8],
      ]);
      const count = torch.tensor([5, 0.1, 5, 0.2]);
      const rows = matrix([
        [0, 0.1],
        [4, 0],
        [0, 3],
        [1, 1],
      ]);
      const distances = torch.tensor([0.01, 16, 9, 0]);
      const random = torch.tensor([1, 1, 1, 1]);
      const moved = reviveCodes(codebook, count, { rows, distances, random }, { least: 0.25, fresh: 2 });
      expect(torch.numbers(moved)).toEqual([0, 1, 0, 1]);
      expect(rowsOf(codebook)).toEqual([
        [0, 0],
        [4, 0],
        [1, 1],
        [0, 3],
      ]);
      close(torch.numbers(count), [5, 2, 5, 2]);
    }));

  it("moves no more dead codes than there are latents", () =>
    withOps(() => {
      const codebook = matrix([[0], [0], [0]]);
      const count = torch.tensor([0, 0, 0]);
      const one = { rows: matrix([[7]]), distances: torch.tensor([49]), random: torch.tensor([1]) };
      reviveCodes(codebook, count, one, { least: 1, fresh: 1 });
      expect(rowsOf(codebook)).toEqual([[7], [0], [0]]);
    }));

  it("finds separate clusters by k-means, whatever latents it starts from", () =>
    withOps((ops) => {
      const centres = [0, 10, 20, 30];
      const noise = randomArray(5, 400, 0.5);
      const rows = matrix(
        Array.from({ length: 200 }, (_, i) => [centres[i % 4]! + noise[2 * i]!, noise[2 * i + 1]!]),
      );
      for (const seed of [1, 2, 3, 4, 5]) {
        const found = rowsOf(kMeans(ops, rows, 4, seed)).sort((a, b) => a[0]! - b[0]!);
        found.forEach(([x, y], i) => {
          expect(Math.abs(x! - centres[i]!)).toBeLessThan(0.2);
          expect(Math.abs(y!)).toBeLessThan(0.2);
        });
      }
    }));

  it("gives the same codes for the same seed", () =>
    withOps((ops) => {
      const rows = torch.tensor(randomArray(9, 300), { shape: [100, 3] });
      expect(torch.numbers(kMeans(ops, rows, 8, 3))).toEqual(torch.numbers(kMeans(ops, rows, 8, 3)));
    }));

  it("measures usage: codes that occur, and the exponential of the entropy", () => {
    expect(codeUsage([4, 4, 4, 4, 0, 0]).perplexity).toBeCloseTo(4, 9);
    expect(codeUsage([7, 0, 0])).toEqual({ used: 1, perplexity: 1 });
    expect(codeUsage([3, 1]).perplexity).toBeCloseTo(
      Math.exp(-(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25))),
      9,
    );
  });
});
