/** What a tar archive is read from, front to back: a file (parts are skipped unread), a stream, or bytes in memory. */
import type { ByteSource } from "../weights/byte-source.js";

export interface TarInput {
  /** Path or address, for messages. */
  readonly name: string;
  /** Bytes read or skipped so far. */
  readonly position: number;
  /** The next bytes; fewer than asked for at the end. */
  read(length: number): Promise<Uint8Array>;
  /** Whether so many bytes follow, as far as that can be told without reading them. */
  has(length: number): Promise<boolean>;
  /** Passes over bytes; false where there were fewer. */
  skip(length: number): Promise<boolean>;
}

/** Enough for a few small pictures with their headers; a large picture is skipped without reading it. */
const windowBytes = 16 * 1024;

/** A file or memory, read in windows where headers lie close together. */
export function sourceInput(source: ByteSource): TarInput {
  let position = 0;
  let window: Uint8Array = new Uint8Array();
  let windowStart = 0;
  return {
    name: source.name,
    get position() {
      return position;
    },
    async read(length) {
      const take = Math.min(length, source.size - position);
      if (position < windowStart || position + take > windowStart + window.length) {
        window = await source.read(position, Math.min(Math.max(take, windowBytes), source.size - position));
        windowStart = position;
      }
      const from = position - windowStart;
      position += take;
      return window.slice(from, from + take);
    },
    async has(length) {
      return position + length <= source.size;
    },
    async skip(length) {
      const whole = position + length <= source.size;
      position = Math.min(position + length, source.size);
      return whole;
    },
  };
}

/** Pieces as they come from a decompressor or the network. */
export function streamInput(name: string, pieces: AsyncIterable<Uint8Array>): TarInput {
  const iterator = pieces[Symbol.asyncIterator]();
  let position = 0;
  let piece: Uint8Array = new Uint8Array();
  /** Hands up to `length` bytes to `take`, piece by piece; returns how many there were. */
  const pass = async (length: number, take: (bytes: Uint8Array) => void): Promise<number> => {
    let passed = 0;
    while (passed < length) {
      if (piece.length === 0) {
        const { value, done } = await iterator.next();
        if (done) break;
        piece = value;
        continue;
      }
      const part = piece.subarray(0, length - passed);
      take(part);
      piece = piece.subarray(part.length);
      passed += part.length;
    }
    position += passed;
    return passed;
  };
  return {
    name,
    get position() {
      return position;
    },
    async read(length) {
      const parts: Uint8Array[] = [];
      await pass(length, (part) => parts.push(part));
      return parts.length === 1 ? parts[0]!.slice() : Buffer.concat(parts);
    },
    async has() {
      return true; // a stream ends when it ends; the read that comes short says so
    },
    async skip(length) {
      return (await pass(length, () => {})) === length;
    },
  };
}
