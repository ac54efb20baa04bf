/** Builds zip archives in memory, sound or with any field made to lie: for hostile-file tests and fuzzing. */
import { crc32, deflateRawSync } from "node:zlib";

/** Numbers of a header that a test may set; the others are what they should be. */
export interface ZipFields {
  readonly name?: string;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly packed?: number;
  readonly size?: number;
  /** Of the directory only: where the local header is. */
  readonly offset?: number;
}

export interface ZipPart {
  readonly name: string;
  /** Unpacked bytes. */
  readonly data: Uint8Array;
  readonly deflate?: boolean;
  /** Sizes and CRC follow the data instead of standing in the local header. */
  readonly descriptor?: boolean;
  /** Sizes and offset in 64-bit extra fields. */
  readonly zip64?: boolean;
  readonly local?: ZipFields;
  readonly directory?: ZipFields;
}

export interface ZipEnd {
  readonly entries?: number;
  readonly directoryBytes?: number;
  readonly directoryOffset?: number;
  readonly comment?: string;
}

export function buildZip(parts: readonly ZipPart[], end: ZipEnd = {}): Uint8Array {
  const pieces: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let position = 0;
  const put = (bytes: Uint8Array): void => {
    pieces.push(bytes);
    position += bytes.length;
  };
  for (const part of parts) {
    const packed = part.deflate ? deflateRawSync(part.data) : part.data;
    const facts = {
      name: part.name,
      flags: part.descriptor ? 8 : 0,
      method: part.deflate ? 8 : 0,
      crc: crc32(part.data),
      packed: packed.length,
      size: part.data.length,
      offset: position,
    };
    const empty = part.descriptor ? { crc: 0, packed: 0, size: 0 } : {};
    put(header("local", { ...facts, ...empty, ...part.local }, part.zip64 ?? false));
    put(packed);
    if (part.descriptor) put(words(0x08074b50, facts.crc, facts.packed, facts.size));
    directory.push(header("directory", { ...facts, ...part.directory }, part.zip64 ?? false));
  }
  const start = position;
  for (const entry of directory) put(entry);
  const size = position - start;
  const comment = new TextEncoder().encode(end.comment ?? "");
  const record = new Uint8Array(22 + comment.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, 0x06054b50, true);
  view.setUint16(8, end.entries ?? parts.length, true);
  view.setUint16(10, end.entries ?? parts.length, true);
  view.setUint32(12, end.directoryBytes ?? size, true);
  view.setUint32(16, end.directoryOffset ?? start, true);
  view.setUint16(20, comment.length, true);
  record.set(comment, 22);
  put(record);
  return Buffer.concat(pieces);
}

function header(kind: "local" | "directory", fields: Required<ZipFields>, zip64: boolean): Uint8Array {
  const name = new TextEncoder().encode(fields.name);
  const fixed = kind === "local" ? 30 : 46;
  const wide = [fields.size, fields.packed, ...(kind === "directory" ? [fields.offset] : [])];
  const extra = zip64 ? 4 + 8 * wide.length : 0;
  const bytes = new Uint8Array(fixed + name.length + extra);
  const view = new DataView(bytes.buffer);
  const shift = kind === "local" ? 0 : 2;
  view.setUint32(0, kind === "local" ? 0x04034b50 : 0x02014b50, true);
  view.setUint16(4 + shift, 20, true);
  view.setUint16(6 + shift, fields.flags, true);
  view.setUint16(8 + shift, fields.method, true);
  view.setUint32(14 + shift, fields.crc, true);
  view.setUint32(18 + shift, zip64 ? 0xffffffff : fields.packed, true);
  view.setUint32(22 + shift, zip64 ? 0xffffffff : fields.size, true);
  view.setUint16(26 + shift, name.length, true);
  view.setUint16(28 + shift, extra, true);
  if (kind === "directory") view.setUint32(42, zip64 ? 0xffffffff : fields.offset, true);
  bytes.set(name, fixed);
  if (zip64) {
    view.setUint16(fixed + name.length, 1, true);
    view.setUint16(fixed + name.length + 2, 8 * wide.length, true);
    for (const [i, value] of wide.entries())
      view.setBigUint64(fixed + name.length + 4 + 8 * i, BigInt.asUintN(64, BigInt(value)), true);
  }
  return bytes;
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value, true);
  return bytes;
}
