/** Orders of an image's places that are not random: the one a model ends its training with, and is sampled in. */

/**
 * The orders that the paper's study compares (its appendix, after Esser et al. 2021, Taming Transformers). In `config.yaml` under
 * `model.generator.order`, which is rarity's own key.
 */
export const orderKinds = ["raster", "z-curve", "spiral-in", "spiral-out", "alternate", "subsample"] as const;
export type OrderKind = (typeof orderKinds)[number];

/**
 * Raster index of each place, [side * side]:
 * - raster: row by row;
 * - alternate: row by row, every second one from right to left;
 * - spiral-in: clockwise along the edge from the top left corner, and so inwards; spiral-out: the same backwards;
 * - z-curve: the four quarters one after the other, each again so (Morton's curve), row by row;
 * - subsample: first every cell of even row and column, then even and odd, odd and even, odd and odd, each part again so:
 *   a coarse picture first.
 *
 * @throws {RangeError} when there is no such order of this size, see {@link orderProblem}
 */
export function finalOrder(kind: OrderKind, side: number): Int32Array {
  const problem = orderProblem(kind, side);
  if (problem !== undefined) throw new RangeError(`The order "${kind}" ${problem}.`);
  const places = Array.from({ length: side * side }, (_, i) => i);
  const row = (place: number): number => Math.floor(place / side);
  const column = (place: number): number => place % side;
  switch (kind) {
    case "raster":
      return Int32Array.from(places);
    case "alternate":
      return Int32Array.from(places, (i) => (row(i) % 2 === 0 ? i : row(i) * side + (side - 1 - column(i))));
    case "spiral-in":
      return spiral(side);
    case "spiral-out":
      return spiral(side).reverse();
    case "z-curve":
      return sortedBy(places, (i) => interleaved(row(i), column(i)));
    case "subsample":
      // The lowest bits decide first: the reverse of the curve's.
      return sortedBy(places, (i) => interleaved(mirrored(row(i), side), mirrored(column(i), side)));
    default:
      return kind satisfies never;
  }
}

/** Why an image of `side` places a side has no such order: words after its name; undefined where it has. */
export function orderProblem(kind: OrderKind, side: number): string | undefined {
  if (!Number.isInteger(side) || side < 1)
    return `needs a square image with a whole number of tokens a side, not ${side}`;
  if ((kind === "z-curve" || kind === "subsample") && !Number.isInteger(Math.log2(side)))
    return `halves the image again and again: it needs a power of two of tokens a side, not ${side}`;
  return undefined;
}

const sortedBy = (places: readonly number[], key: (place: number) => number): Int32Array =>
  Int32Array.from([...places].sort((a, b) => key(a) - key(b)));

/** Bits of both numbers in turn, the row's above the column's. */
function interleaved(row: number, column: number): number {
  let code = 0;
  for (let bit = 0; row >> bit !== 0 || column >> bit !== 0; bit++)
    code += (2 * ((row >> bit) & 1) + ((column >> bit) & 1)) * 4 ** bit;
  return code;
}

/** The bits of a number below `side` in the other direction. */
function mirrored(x: number, side: number): number {
  let result = 0;
  for (let bit = 1; bit < side; bit *= 2) result = 2 * result + (x & bit ? 1 : 0);
  return result;
}

function spiral(side: number): Int32Array {
  const order: number[] = [];
  for (let ring = 0; 2 * ring < side; ring++) {
    const [first, last] = [ring, side - 1 - ring];
    for (let x = first; x <= last; x++) order.push(first * side + x);
    for (let y = first + 1; y <= last; y++) order.push(y * side + last);
    if (first === last) break;
    for (let x = last - 1; x >= first; x--) order.push(last * side + x);
    for (let y = last - 1; y > first; y--) order.push(y * side + first);
  }
  return Int32Array.from(order);
}
