/** Reads tar archives entry by entry in memory; nothing is ever extracted to disk. */
import { RarityError } from "../config/errors.js";

export interface TarEntry {
  readonly name: string;
  readonly data: Uint8Array;
}

const BLOCK = 512;

/**
 * Regular files of an uncompressed ustar archive, in order; links, folders and extended headers are passed over.
 * @throws {RarityError} "bad-file" when the archive ends inside an entry
 */
export function* readTar(bytes: Uint8Array, source = "archive"): Generator<TarEntry> {
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    const size = Number.parseInt(text(header, 124, 12), 8);
    const end = at + BLOCK + size;
    if (!(size >= 0) || end > bytes.length)
      throw new RarityError("bad-file", `"${source}" ends inside an entry at byte ${at}. Fetch it again.`);
    const type = header[156];
    if (type === 0 || type === 0x30) {
      const folder = text(header, 345, 155);
      const name = text(header, 0, 100);
      yield { name: folder ? `${folder}/${name}` : name, data: bytes.subarray(at + BLOCK, end) };
    }
    at = end + ((BLOCK - (size % BLOCK)) % BLOCK);
  }
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end))
    .toString("utf8")
    .trim();
}
