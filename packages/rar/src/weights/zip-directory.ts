/** The central directory of a zip archive: found from the end of the file, read, and checked against itself. */
import { badFile, quote } from "./bad-file.js";
import type { ByteSource, Bytes } from "./byte-source.js";

export interface ZipMember {
  readonly name: string;
  readonly rawName: Uint8Array;
  readonly method: "stored" | "deflated";
  readonly crc: number;
  /** Bytes in the archive. */
  readonly packed: number;
  /** Bytes once unpacked. */
  readonly size: number;
  readonly headerOffset: number;
  /** Where the next member or the directory begins. */
  readonly end: number;
}

/** A directory of a million members: far beyond any model, small enough to hold. */
const maxMembers = 1_000_000;
const maxDirectoryBytes = 128 * 1024 * 1024;
const endRecord = 0x06054b50;
const endRecordBytes = 22;
const zip64EndRecord = 0x06064b50;
const zip64Locator = 0x07064b50;
const directoryEntry = 0x02014b50;
/** deflate makes at most 1032 bytes of one. */
const deflateRatio = 1032;

/** Members by name. Folders are left out. */
export async function readDirectory(source: ByteSource): Promise<ReadonlyMap<string, ZipMember>> {
  const place = await findDirectory(source);
  const bytes = await source.read(place.offset, place.bytes);
  const members = parseEntries(source, bytes, place);
  checkOverlap(source.name, members, place.offset);
  return new Map(members.filter(({ name }) => !name.endsWith("/")).map((member) => [member.name, member]));
}

interface DirectoryPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly entries: number;
}

async function findDirectory(source: ByteSource): Promise<DirectoryPlace> {
  const { name: file, size } = source;
  const wrong = (text: string): Error => badFile(file, `${text}. Download it again.`);
  const tailBytes = Math.min(size, endRecordBytes + 0xffff + 20);
  const tail = await source.read(size - tailBytes, tailBytes);
  const view = new DataView(tail.buffer);
  let at = tailBytes - endRecordBytes;
  const isEnd = (i: number): boolean =>
    view.getUint32(i, true) === endRecord && i + endRecordBytes + view.getUint16(i + 20, true) === tailBytes;
  while (at >= 0 && !isEnd(at)) at--;
  if (at < 0) throw wrong("it begins like a zip archive but has no end record: it was cut short");

  const short = {
    disk: view.getUint16(at + 4, true),
    directoryDisk: view.getUint16(at + 6, true),
    entriesHere: view.getUint16(at + 8, true),
    entries: view.getUint16(at + 10, true),
    bytes: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
  };
  let end = size - tailBytes + at; // where the directory must end
  let place: DirectoryPlace = short;
  if (at >= 20 && view.getUint32(at - 20, true) === zip64Locator) {
    const recordOffset = Number(view.getBigUint64(at - 20 + 8, true));
    if (recordOffset + 56 > end - 20) throw wrong("the zip64 end record lies out of range");
    const record = new DataView((await source.read(recordOffset, 56)).buffer);
    const recordBytes = Number(record.getBigUint64(4, true)) + 12;
    if (record.getUint32(0, true) !== zip64EndRecord || recordOffset + recordBytes !== end - 20)
      throw wrong("the zip64 end record is not where its locator says");
    place = {
      entries: Number(record.getBigUint64(32, true)),
      bytes: Number(record.getBigUint64(40, true)),
      offset: Number(record.getBigUint64(48, true)),
    };
    const agree = (narrow: number, wide: number, full: number): boolean => narrow === full || narrow === wide;
    if (
      !agree(short.entries, place.entries, 0xffff) ||
      !agree(short.bytes, place.bytes, 0xffffffff) ||
      !agree(short.offset, place.offset, 0xffffffff)
    )
      throw wrong("the zip end record and its zip64 form disagree");
    end = recordOffset;
  } else if (short.disk !== 0 || short.directoryDisk !== 0 || short.entriesHere !== short.entries)
    throw wrong("it is one part of a zip archive of several");
  if (place.entries > maxMembers || place.bytes > maxDirectoryBytes)
    throw wrong(
      `the zip directory claims ${place.entries} members in ${place.bytes} bytes, more than any model has`,
    );
  if (place.offset + place.bytes !== end) throw wrong("the zip directory lies out of range");
  return place;
}

function parseEntries(source: ByteSource, bytes: Bytes, place: DirectoryPlace): ZipMember[] {
  const { name: file } = source;
  const view = new DataView(bytes.buffer);
  const members: ZipMember[] = [];
  const names = new Set<string>();
  let at = 0;
  for (let i = 0; i < place.entries; i++) {
    const truncated = (): Error =>
      badFile(file, `the zip directory ends inside entry ${i + 1}. Download it again.`);
    if (at + 46 > bytes.length) throw truncated();
    if (view.getUint32(at, true) !== directoryEntry)
      throw badFile(file, `entry ${i + 1} of the zip directory is damaged. Download it again.`);
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + 46 + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > bytes.length) throw truncated();
    const rawName = bytes.subarray(at + 46, at + 46 + nameBytes);
    const name = checkName(file, rawName);
    if (names.has(name)) throw badFile(file, `it has two members called ${quote(name)}.`);
    names.add(name);
    const extra = new DataView(bytes.buffer, at + 46 + nameBytes, extraBytes);
    members.push(checkEntry(file, name, rawName, new DataView(bytes.buffer, at, 46), extra));
    at = next;
  }
  if (at !== bytes.length)
    throw badFile(file, "the zip directory has more bytes than entries. Download it again.");
  return members;
}

function checkEntry(
  file: string,
  name: string,
  rawName: Uint8Array,
  entry: DataView,
  extra: DataView,
): ZipMember {
  const wrong = (text: string): Error => badFile(file, `zip member ${quote(name)} ${text}.`);
  const flags = entry.getUint16(8, true);
  if ((flags & 0x2041) !== 0) throw wrong("is encrypted. Save it without a password");
  const methodNumber = entry.getUint16(10, true);
  if (methodNumber !== 0 && methodNumber !== 8)
    throw wrong(`is packed with method ${methodNumber}; only stored and deflated members can be read`);
  const method = methodNumber === 0 ? "stored" : "deflated";
  const wide = zip64Field(extra);
  const widen = (value: number): number => {
    if (value !== 0xffffffff) return value;
    const next = wide.shift();
    if (next === undefined) throw wrong("lacks the zip64 numbers it refers to");
    return next;
  };
  const size = widen(entry.getUint32(24, true));
  const packed = widen(entry.getUint32(20, true));
  const headerOffset = widen(entry.getUint32(42, true));
  if (![size, packed, headerOffset].every(Number.isSafeInteger)) throw wrong("has absurd zip64 numbers");
  if (method === "stored" && packed !== size)
    throw wrong(`has sizes that disagree: ${packed} bytes stored, ${size} promised`);
  if (method === "deflated" && size > packed * deflateRatio)
    throw wrong(`promises ${size} bytes out of ${packed}, more than deflate can give`);
  return { name, rawName, method, crc: entry.getUint32(16, true), size, packed, headerOffset, end: 0 };
}

/** Numbers of the zip64 extra field, in order; empty where there is none. */
function zip64Field(extra: DataView): number[] {
  for (let at = 0; at + 4 <= extra.byteLength; ) {
    const length = extra.getUint16(at + 2, true);
    if (at + 4 + length > extra.byteLength) return [];
    if (extra.getUint16(at, true) === 1) {
      const numbers: number[] = [];
      for (let i = at + 4; i + 8 <= at + 4 + length; i += 8)
        numbers.push(Number(extra.getBigUint64(i, true)));
      return numbers;
    }
    at += 4 + length;
  }
  return [];
}

function checkName(file: string, raw: Uint8Array): string {
  let name: string;
  try {
    name = new TextDecoder("utf-8", { fatal: true }).decode(raw);
  } catch {
    name = Buffer.from(raw).toString("latin1");
  }
  const unsafe = name === "" || /^[/\\]|^[A-Za-z]:|\0|\\/.test(name) || name.split("/").includes("..");
  if (unsafe) throw badFile(file, `the zip member name ${quote(name)} points outside the archive.`);
  return name;
}

/** Sets every member's end, and refuses archives whose members share bytes. */
function checkOverlap(file: string, members: ZipMember[], directoryOffset: number): void {
  const order = members.map((_, i) => i).sort((a, b) => members[a]!.headerOffset - members[b]!.headerOffset);
  for (const [rank, i] of order.entries()) {
    const member = members[i]!;
    const following = order[rank + 1];
    const end = following === undefined ? directoryOffset : members[following]!.headerOffset;
    if (member.headerOffset + 30 + member.rawName.length + member.packed > end)
      throw badFile(
        file,
        `zip member ${quote(member.name)} overlaps ${following === undefined ? "the directory" : quote(members[following]!.name)}.`,
      );
    members[i] = { ...member, end };
  }
}
