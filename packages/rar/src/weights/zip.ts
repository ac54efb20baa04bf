/**
 * Reads zip archives (PyTorch's and numpy's files): zip64, data descriptors, comments. Members are read by range
 * or as a stream; nothing is unpacked to disk, and every number of the archive is distrusted.
 */
import { crc32 } from "node:zlib";
import { badFile, quote } from "./bad-file.js";
import { allocate, type ByteSource, type Bytes } from "./byte-source.js";
import { inflated } from "./inflate.js";
import { readDirectory, type ZipMember } from "./zip-directory.js";

export type { ZipMember } from "./zip-directory.js";

export interface Zip {
  readonly members: ReadonlyMap<string, ZipMember>;
  /** Where the member's bytes begin in the file, after its local header was held against the directory. */
  dataOffset(member: ZipMember): Promise<number>;
  /** All of a member, unpacked, its CRC-32 checked. */
  read(member: ZipMember): Promise<Bytes>;
  /** A member in parts, unpacked; the CRC-32 is checked at the end, so act on nothing before that. */
  stream(member: ZipMember): AsyncIterable<Uint8Array>;
  /** The first bytes of a member, unpacked, not checked; fewer where it has fewer. */
  head(member: ZipMember, length: number): Promise<Bytes>;
  /** Checks the CRC-32 of a member, once however often it is called. */
  check(member: ZipMember): Promise<void>;
}

/** Parts of a streamed member that is stored as it is; large enough to keep a disk busy. */
const storedPart = 4 * 1024 * 1024;
/** Packed bytes unpacked at a time: deflate makes at most 1032 times as many of them. */
const packedPart = 16 * 1024;

/**
 * Opens an archive: reads its directory.
 * @throws RarityError "bad-file" saying what is wrong with which member
 */
export async function openZip(source: ByteSource): Promise<Zip> {
  const members = await readDirectory(source);
  const checked = new Map<string, Promise<void>>();
  const { name: file } = source;

  const dataOffset = (member: ZipMember): Promise<number> => checkLocalHeader(source, member);

  async function* parts(member: ZipMember): AsyncGenerator<Uint8Array> {
    const offset = await dataOffset(member);
    const part = member.method === "stored" ? storedPart : packedPart;
    for (let done = 0; done < member.packed; done += part)
      yield await source.read(offset + done, Math.min(part, member.packed - done));
  }

  async function* stream(member: ZipMember): AsyncGenerator<Uint8Array> {
    let crc = 0;
    for await (const bytes of member.method === "stored"
      ? parts(member)
      : inflated(file, member, parts(member))) {
      crc = crc32(bytes, crc);
      yield bytes;
    }
    checkCrc(file, member, crc);
  }

  return {
    members,
    dataOffset,
    stream,
    async read(member) {
      if (member.method === "deflated") return collect(file, stream(member), member.size);
      const bytes = await source.read(await dataOffset(member), member.size);
      checkCrc(file, member, crc32(bytes));
      return bytes;
    },
    async head(member, length) {
      const wanted = Math.min(length, member.size);
      if (member.method === "stored") return source.read(await dataOffset(member), wanted);
      return collectHead(inflated(file, member, parts(member)), wanted);
    },
    check(member) {
      let check = checked.get(member.name);
      if (check === undefined) {
        check = drain(stream(member));
        checked.set(member.name, check);
      }
      return check;
    },
  };
}

/** @throws RarityError where the bytes are not the ones that were packed */
export function checkCrc(file: string, member: ZipMember, crc: number): void {
  if (crc !== member.crc)
    throw badFile(
      file,
      `the CRC-32 of member ${quote(member.name)} is wrong: it is damaged. Download it again.`,
    );
}

/** The local header before a member must say what the directory says. */
async function checkLocalHeader(source: ByteSource, member: ZipMember): Promise<number> {
  const { name: file } = source;
  const wrong = (text: string): Error =>
    badFile(file, `the header of zip member ${quote(member.name)} ${text}. Download it again.`);
  if (member.headerOffset + 30 > member.end) throw wrong("lies beyond its place");
  const fixed = new DataView((await source.read(member.headerOffset, 30)).buffer);
  if (fixed.getUint32(0, true) !== 0x04034b50) throw wrong("is not there");
  const nameLength = fixed.getUint16(26, true);
  const extraLength = fixed.getUint16(28, true);
  const start = member.headerOffset + 30 + nameLength + extraLength;
  if (start + member.packed > member.end) throw wrong("makes it overlap what follows");
  const rest = await source.read(member.headerOffset + 30, nameLength + extraLength);
  if (!Buffer.from(rest.buffer, 0, nameLength).equals(member.rawName)) throw wrong("has another name");
  const flags = fixed.getUint16(6, true);
  if ((flags & 1) !== 0) throw wrong("says it is encrypted");
  if (fixed.getUint16(8, true) !== (member.method === "stored" ? 0 : 8)) throw wrong("has another method");
  if ((flags & 8) === 0) {
    // without a data descriptor the numbers stand here; 0xFFFFFFFF means: see the zip64 field
    const sizes = [fixed.getUint32(22, true), fixed.getUint32(18, true)];
    const wide = sizes.includes(0xffffffff) ? zip64Sizes(rest, nameLength) : undefined;
    const [size, packed] = sizes.map((value) => (value === 0xffffffff ? (wide?.shift() ?? value) : value));
    if (size !== member.size || packed !== member.packed) throw wrong("gives another size");
    if (fixed.getUint32(14, true) !== member.crc) throw wrong("gives another CRC-32");
  }
  return start;
}

/** 64-bit numbers of the zip64 field among the extra fields that begin at `start`. */
function zip64Sizes(bytes: Bytes, start: number): number[] {
  const view = new DataView(bytes.buffer);
  for (let at = start; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === 1 && at + 4 + length <= bytes.length) {
      const count = Math.floor(length / 8);
      return Array.from({ length: count }, (_, i) => Number(view.getBigUint64(at + 4 + 8 * i, true)));
    }
    at += 4 + length;
  }
  return [];
}

/** A stream of `length` bytes in one array; read to its very end, where it is checked. */
async function collect(file: string, stream: AsyncIterable<Uint8Array>, length: number): Promise<Bytes> {
  const out = allocate(file, length);
  let done = 0;
  for await (const part of stream) {
    out.set(part, done);
    done += part.length;
  }
  return out;
}

/** The first `length` bytes of a stream that has that many; the rest is not asked for. */
async function collectHead(stream: AsyncIterable<Uint8Array>, length: number): Promise<Bytes> {
  const out = new Uint8Array(length);
  let done = 0;
  for await (const part of stream) {
    out.set(part.subarray(0, length - done), done);
    done += part.length;
    if (done >= length) break;
  }
  return out;
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of stream);
}
