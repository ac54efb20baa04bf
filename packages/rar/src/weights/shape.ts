/** Counting elements and bytes of shapes that come from files and may lie. */

/** Number of elements, or undefined where a size is no whole number ≥ 0 or the product is over 2^53. */
export function elementCount(shape: readonly number[]): number | undefined {
  let count = 1;
  let empty = false;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0 || Object.is(size, -0)) return undefined;
    if (size === 0) empty = true;
    else count *= size;
    if (count > Number.MAX_SAFE_INTEGER) return undefined;
  }
  return empty ? 0 : count;
}

/** `[2, 3]` */
export function showShape(shape: readonly number[]): string {
  const shown = shape.length > 16 ? [...shape.slice(0, 16), "..."] : shape;
  return `[${shown.join(", ")}]`;
}
