/** Where the lines of a large text file begin: every sixteenth is kept, so that millions of lines cost a few megabytes. */
import type { ByteSource, Bytes } from "../weights/byte-source.js";
import { longestLine, tooLong } from "./lines.js";

/** Lines between two offsets that are kept. A read takes so many lines and passes over those it does not want. */
const stride = 16;
const readsAtOnce = 16;
const chunkBytes = 4 * 1024 * 1024;
const [lineFeed, carriageReturn] = [0x0a, 0x0d];

export interface LineIndex {
  readonly lines: number;
  /** Gives the bytes of each of these lines (from 0), without their ends, to `use` with its place among `indices`; in any order. */
  read(indices: ArrayLike<number>, use: (bytes: Uint8Array, place: number) => void): Promise<void>;
}

export interface LineIndexOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Goes through the file once. Lines end at \n, \r\n or \r, as Python's text files do; the last may lack its end.
 *
 * @throws RarityError "bad-file" where a line is longer than 64 MB
 */
export async function indexLines(source: ByteSource, options: LineIndexOptions = {}): Promise<LineIndex> {
  const { signal, onProgress } = options;
  const { name, size } = source;
  let starts = new Float64Array(1024);
  let kept = 1; // the first line begins at 0
  let lines = 0;
  let begin = 0;
  let afterReturn = false;
  const endLine = (next: number): void => {
    if (next - begin > longestLine) throw tooLong(name, lines + 1);
    lines++;
    begin = next;
    if (lines % stride !== 0) return;
    if (kept === starts.length) starts = grown(starts);
    starts[kept++] = next;
  };
  for (let at = 0; at < size; at += chunkBytes) {
    signal?.throwIfAborted();
    const chunk = searchable(await source.read(at, Math.min(chunkBytes, size - at)));
    // The feed that ends a line begun to end in the chunk before.
    let from = 0;
    if (afterReturn) {
      if (chunk[0] === lineFeed) from = 1;
      endLine(at + from);
      afterReturn = false;
    }
    let feed = chunk.indexOf(lineFeed, from);
    let turn = chunk.indexOf(carriageReturn, from);
    while (feed >= 0 || turn >= 0) {
      if (turn >= 0 && (feed < 0 || turn < feed)) {
        if (turn + 1 === chunk.length) {
          afterReturn = true;
          break;
        }
        from = turn + (feed === turn + 1 ? 2 : 1);
      } else from = feed + 1;
      endLine(at + from);
      if (feed >= 0 && feed < from) feed = chunk.indexOf(lineFeed, from);
      if (turn >= 0 && turn < from) turn = chunk.indexOf(carriageReturn, from);
    }
    if (at + chunk.length - begin > longestLine) throw tooLong(name, lines + 1);
    onProgress?.(at + chunk.length, size);
  }
  if (afterReturn || begin < size) endLine(size);
  const offsets = starts.slice(0, kept);

  return {
    lines,
    async read(indices, use) {
      const groups = new Map<number, number[]>(); // places among `indices`
      for (let place = 0; place < indices.length; place++) {
        const group = Math.floor(indices[place]! / stride);
        const members = groups.get(group);
        if (members) members.push(place);
        else groups.set(group, [place]);
      }
      const wanted = [...groups];
      for (let i = 0; i < wanted.length; i += readsAtOnce)
        await Promise.all(
          wanted.slice(i, i + readsAtOnce).map(async ([group, members]) => {
            const from = offsets[group]!;
            const bytes = await source.read(from, (offsets[group + 1] ?? size) - from);
            const found = splitGroup(searchable(bytes));
            for (const place of members) use(found[indices[place]! % stride]!, place);
          }),
        );
    },
  };
}

/** The same bytes, as the kind of array whose search is ten times as fast. */
const searchable = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer);

/** The lines of a piece that ends where a line ends. */
function splitGroup(bytes: Buffer): Uint8Array[] {
  const found: Uint8Array[] = [];
  for (let begin = 0; begin < bytes.length; ) {
    const end = lineEnd(bytes, begin);
    found.push(bytes.subarray(begin, end));
    begin = end + (bytes[end] === carriageReturn && bytes[end + 1] === lineFeed ? 2 : 1);
  }
  return found;
}

function lineEnd(bytes: Buffer, begin: number): number {
  const feed = bytes.indexOf(lineFeed, begin);
  const end = feed < 0 ? bytes.length : feed;
  const turn = bytes.subarray(begin, end).indexOf(carriageReturn);
  return turn < 0 ? end : begin + turn;
}

function grown(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}
