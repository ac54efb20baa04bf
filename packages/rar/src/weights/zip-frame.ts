/** What stands around the members of a zip archive: headers, directory, end records; placed before any data is there. */

export interface FrameMember {
  readonly name: string;
  /** Bytes of its data, stored as they are. */
  readonly size: number;
}

export interface FrameOptions {
  /** Begin every member's data at a multiple of this. */
  readonly align?: number | undefined;
  /** Use the 64-bit form even where 32 bits suffice; for tests. */
  readonly forceZip64?: boolean | undefined;
}

/** An archive in which the data of all members is still missing. */
export interface ZipFrame {
  readonly members: readonly FramedMember[];
  /** Directory and end records, which follow the last member's data. */
  end(checksums: readonly number[]): { readonly offset: number; readonly bytes: Uint8Array };
}

export interface FramedMember extends FrameMember {
  readonly headerOffset: number;
  readonly dataOffset: number;
  /** The header in front of the data, with the CRC-32 of that data. */
  header(checksum: number): Uint8Array;
}

const full = 0xffffffff;
const mostMembers = 0xffff;

export function zipFrame(
  members: readonly FrameMember[],
  { align = 1, forceZip64 = false }: FrameOptions = {},
): ZipFrame {
  const placed: FramedMember[] = [];
  let offset = 0;
  for (const member of members) {
    const framed = place(member, offset, align, forceZip64);
    placed.push(framed);
    offset = framed.dataOffset + member.size;
  }
  return {
    members: placed,
    end(checksums) {
      const entries = placed.map((member, i) => directoryEntry(member, checksums[i]!, forceZip64));
      const bytes = Buffer.concat(entries);
      return {
        offset,
        bytes: Buffer.concat([bytes, endRecords(offset, offset + bytes.length, placed.length, forceZip64)]),
      };
    },
  };
}

function place(member: FrameMember, headerOffset: number, align: number, force: boolean): FramedMember {
  const { size } = member;
  const name = new TextEncoder().encode(member.name);
  const zip64 = force || size >= full;
  const before = headerOffset + 30 + name.length + (zip64 ? 20 : 0);
  const padding = align > 1 ? (align - ((before + 4) % align)) % align : 0;
  const extraBytes = (zip64 ? 20 : 0) + (align > 1 ? 4 + padding : 0);
  const length = 30 + name.length + extraBytes;
  return {
    ...member,
    headerOffset,
    dataOffset: headerOffset + length,
    header(checksum) {
      const header = new Uint8Array(length);
      const view = new DataView(header.buffer);
      view.setUint32(0, 0x04034b50, true);
      view.setUint16(4, zip64 ? 45 : 20, true);
      view.setUint16(6, 0x800, true); // the name is UTF-8
      view.setUint16(12, 0x21, true); // 1 January 1980: the same tensors give the same file
      view.setUint32(14, checksum, true);
      view.setUint32(18, zip64 ? full : size, true);
      view.setUint32(22, zip64 ? full : size, true);
      view.setUint16(26, name.length, true);
      view.setUint16(28, extraBytes, true);
      header.set(name, 30);
      let at = 30 + name.length;
      if (zip64) at = setZip64(view, at, [size, size]);
      if (align > 1) {
        view.setUint16(at, 0x4246, true); // "FB", PyTorch's padding field
        view.setUint16(at + 2, padding, true);
      }
      return header;
    },
  };
}

function directoryEntry(member: FramedMember, checksum: number, force: boolean): Uint8Array {
  const { size, headerOffset: offset } = member;
  const name = new TextEncoder().encode(member.name);
  const wide = [...(force || size >= full ? [size, size] : []), ...(force || offset >= full ? [offset] : [])];
  const extraBytes = wide.length > 0 ? 4 + 8 * wide.length : 0;
  const entry = new Uint8Array(46 + name.length + extraBytes);
  const view = new DataView(entry.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, 45, true);
  view.setUint16(6, wide.length > 0 ? 45 : 20, true);
  view.setUint16(8, 0x800, true);
  view.setUint16(14, 0x21, true);
  view.setUint32(16, checksum, true);
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
  const zip64 = force || count >= mostMembers || start >= full || end - start >= full;
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
  view.setUint16(at + 8, zip64 ? mostMembers : count, true);
  view.setUint16(at + 10, zip64 ? mostMembers : count, true);
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
