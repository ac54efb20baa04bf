/** The paper's orders as pictures: the number of each place, read row by row. */
import { describe, expect, it } from "vitest";
import { finalOrder, orderKinds } from "./orders.js";

/** Step at which each place of the grid is filled. */
function picture(kind: (typeof orderKinds)[number], side: number): number[][] {
  const order = finalOrder(kind, side);
  return Array.from({ length: side }, (_, y) =>
    Array.from({ length: side }, (_, x) => order.indexOf(y * side + x)),
  );
}

describe("orders of places", () => {
  it.each([
    [
      "raster",
      [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9, 10, 11],
        [12, 13, 14, 15],
      ],
    ],
    [
      "alternate",
      [
        [0, 1, 2, 3],
        [7, 6, 5, 4],
        [8, 9, 10, 11],
        [15, 14, 13, 12],
      ],
    ],
    [
      "spiral-in",
      [
        [0, 1, 2, 3],
        [11, 12, 13, 4],
        [10, 15, 14, 5],
        [9, 8, 7, 6],
      ],
    ],
    [
      "spiral-out",
      [
        [15, 14, 13, 12],
        [4, 3, 2, 11],
        [5, 0, 1, 10],
        [6, 7, 8, 9],
      ],
    ],
    [
      "z-curve",
      [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
      ],
    ],
    [
      "subsample",
      [
        [0, 4, 1, 5],
        [8, 12, 9, 13],
        [2, 6, 3, 7],
        [10, 14, 11, 15],
      ],
    ],
  ] as const)("%s", (kind, wanted) => {
    expect(picture(kind, 4)).toEqual(wanted);
  });

  it.each(orderKinds)("%s names every place once, at any size that it has", (kind) => {
    for (const side of [1, 2, 3, 5, 8, 16]) {
      if ((kind === "z-curve" || kind === "subsample") && Math.log2(side) % 1 !== 0)
        expect(() => finalOrder(kind, side)).toThrow(/power of two of tokens a side, not/);
      else
        expect([...finalOrder(kind, side)].sort((a, b) => a - b)).toEqual(
          Array.from({ length: side * side }, (_, i) => i),
        );
    }
  });

  it("a grid that is no square is refused", () => {
    expect(() => finalOrder("raster", Math.sqrt(12))).toThrow(/whole number of tokens a side/);
  });
});
