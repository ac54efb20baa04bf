/** The shuffle buffer of WebDataset: a stream in nearly random order, in the memory of a buffer (DATA.md 8.2). */

/**
 * Yields every item once. The buffer fills at two items for one given out, until it holds `size`.
 *
 * @param initial - items in the buffer before the first is given out
 * @param draw - a whole number from 0 to below its argument
 */
export function* shuffled<Item>(
  items: Iterable<Item>,
  { size, initial }: { readonly size: number; readonly initial: number },
  draw: (below: number) => number,
): Generator<Item> {
  const enough = Math.min(initial, size);
  const buffer: Item[] = [];
  const source = items[Symbol.iterator]();
  const take = (): Item => {
    const slot = draw(buffer.length);
    const item = buffer[slot]!;
    buffer[slot] = buffer.at(-1)!;
    buffer.pop();
    return item;
  };
  const fill = (): boolean => {
    const { value, done } = source.next();
    if (!done) buffer.push(value);
    return !done;
  };
  while (fill()) {
    if (buffer.length < size) fill();
    if (buffer.length >= enough) yield take();
  }
  while (buffer.length > 0) yield take();
}
