/** Writes zip archives of stored members as PyTorch and numpy do: aligned data, checksums, zip64 where needed. */
import { crc32 } from "node:zlib";
import { type FileSink, writeAtomically } from "./atomic-file.js";

export interface NewMember {
  readonly name: string;
  /** Bytes in all, known before they are written. */
  readonly size: number;
  /** Gives exactly `size` bytes to the sink. */
  pour(sink: (bytes: Uint8Array) => Promise<void>): Promise<void>;
}

export interface ZipWriteOptions {
  /** Begin every member's data at a multiple of this. */
  readonly align?: number | undefined;
  /** Use the 64-bit form even where 32 bits suffice; for tests. */
  readonly forceZip64?: boolean | undefined;
}

interface Written {
  readonly name: Uint8Array;
  readonly size: number;
  readonly crc: number;
  readonly offset: number;
}

const full = 0xffffffff;

/** Writes `path` whole or not at all. */
export async function writeZip(
  path: string,
  members: readonly NewMember[],
  { align = 1, forceZip64 = false }: ZipWriteOptions = {},
): Promise<void> {
  await writeAtomically(path, async (sink) => {
    const written: Written[] = [];
    for (const member of members) written.push(await writeMember(sink, member, align, forceZip64));
    const start = sink.position;
    for (const member of written) await sink.append(directoryEntry(member, forceZip64));
    await sink.append(endRecords(start, sink.position, written.length, forceZip64));
  });
}

/** A member from bytes in memory. */
export function smallMember(name: string, bytes: Uint8Array): NewMember {
  return { name, size: bytes.length, pour: (sink) => sink(bytes) };
}

async function writeMember(
  sink: FileSink,
  member: NewMember,
  align: number,
  force: boolean,
): Promise<Written> {
  const name = new TextEncoder().encode(member.name);
  const offset = sink.position;
  const zip64 = force || member.size >= full;
  const before = offset + 30 + name.length + (zip64 ? 20 : 0);
  const padding = align > 1 ? (align - ((before + 4) % align)) % align : 0;
  const extraBytes = (zip64 ? 20 : 0) + (align > 1 ? 4 + padding : 0);
  const header = new Uint8Array(30 + name.length + extraBytes);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0x04034b50, true);
  view.setUint16(4, zip64 ? 45 : 20, true);
  view.setUint16(6, 0x800, true); // the name is UTF-8
  view.setUint16(12, 0x21, true); // 1 January 1980: the same tensors give the same file
  view.setUint32(18, zip64 ? full : member.size, true);
  view.setUint32(22, zip64 ? full : member.size, true);
  view.setUint16(26, name.length, true);
  view.setUint16(28, extraBytes, true);
  header.set(name, 30);
  let at = 30 + name.length;
  if (zip64) at = setZip64(view, at, [member.size, member.size]);
  if (align > 1) {
    view.setUint16(at, 0x4246, true); // "FB", PyTorch's padding field
    view.setUint16(at + 2, padding, true);
  }
  await sink.append(header);
  const begin = sink.position;
  let crc = 0;
  await member.pour(async (bytes) => {
    crc = crc32(bytes, crc);
    await sink.append(bytes);
  });
  if (sink.position - begin !== member.size)
    throw new RangeError(`"${member.name}" gave ${sink.position - begin} bytes of ${member.size}.`);
  view.setUint32(14, crc, true);
  await sink.patch(offset + 14, header.subarray(14, 18));
  return { name, size: member.size, crc, offset };
}

function directoryEntry({ name, size, crc, offset }: Written, force: boolean): Uint8Array {
  const wide = [...(force || size >= full ? [size, size] : []), ...(force || offset >= full ? [offset] : [])];
  const extraBytes = wide.length > 0 ? 4 + 8 * wide.length : 0;
  const entry = new Uint8Array(46 + name.length + extraBytes);
  const view = new DataView(entry.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 45, true);
  view.setUint16(6, wide.length > 0 ? 45 : 20, true);
  view.setUint16(8, 0x800, true);
  view.setUint16(14, 0x21, true);
  view.setUint32(16, crc, true);
  view.setUint32(20, force ? full : Math.min(size, full), true);
  view.setUint32(24, force ? full : Math.min(size, full), true);
  view.setUint16(28, name.length, true);
  view.setUint16(30, extraBytes, true);
  view.setUint32(42, force ? full : Math.min(offset, full), true);
  entry.set(name, 46);
  if (wide.length > 0) setZip64(view, 46 + name.length, wide);
  return entry;
}

function endRecords(start: number, end: number, count: number, force: boolean): Uint8Array {
  const zip64 = force || count >= 0xffff || start >= full || end - start >= full;
  const bytes = new Uint8Array((zip64 ? 76 : 0) + 22);
  const view = new DataView(bytes.buffer);
  let at = 0;
  if (zip64) {
    view.setUint32(0, 0x06064b50, true);
    view.setBigUint64(4, 44n, true);
    view.setUint16(12, 45, true);
    view.setUint16(14, 45, true);
    view.setBigUint64(24, BigInt(count), true);
    view.setBigUint64(32, BigInt(count), true);
    view.setBigUint64(40, BigInt(end - start), true);
    view.setBigUint64(48, BigInt(start), true);
    view.setUint32(56, 0x07064b50, true);
    view.setBigUint64(64, BigInt(end), true);
    view.setUint32(72, 1, true);
    at = 76;
  }
  view.setUint32(at, 0x06054b50, true);
  view.setUint16(at + 8, zip64 ? 0xffff : count, true);
  view.setUint16(at + 10, zip64 ? 0xffff : count, true);
  view.setUint32(at + 12, zip64 ? full : end - start, true);
  view.setUint32(at + 16, zip64 ? full : start, true);
  return bytes;
}

function setZip64(view: DataView, at: number, numbers: readonly number[]): number {
  view.setUint16(at, 1, true);
  view.setUint16(at + 2, 8 * numbers.length, true);
  for (const [i, value] of numbers.entries()) view.setBigUint64(at + 4 + 8 * i, BigInt(value), true);
  return at + 4 + 8 * numbers.length;
}
