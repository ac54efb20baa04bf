/** Writes zip archives of stored members as PyTorch and numpy do: aligned data, checksums, zip64 where needed. */
import { crc32 } from "node:zlib";
import { type FileSink, writeAtomically } from "./atomic-file.js";
import { type FramedMember, type FrameMember, type FrameOptions, zipFrame } from "./zip-frame.js";

export interface NewMember extends FrameMember {
  /** Gives exactly `size` bytes to the sink. */
  pour(sink: (bytes: Uint8Array) => Promise<void>): Promise<void>;
}

export type ZipWriteOptions = FrameOptions;

/** Writes `path` whole or not at all. */
export async function writeZip(
  path: string,
  members: readonly NewMember[],
  options: ZipWriteOptions = {},
): Promise<void> {
  const frame = zipFrame(members, options);
  await writeAtomically(path, async (sink) => {
    const checksums: number[] = [];
    for (const [i, member] of members.entries())
      checksums.push(await writeMember(sink, member, frame.members[i]!));
    await sink.append(frame.end(checksums).bytes);
  });
}

/** A member from bytes in memory. */
export function smallMember(name: string, bytes: Uint8Array): NewMember {
  return { name, size: bytes.length, pour: (sink) => sink(bytes) };
}

/** The checksum is known last: the header is written without it first. */
async function writeMember(sink: FileSink, member: NewMember, framed: FramedMember): Promise<number> {
  await sink.append(framed.header(0));
  let checksum = 0;
  await member.pour(async (bytes) => {
    checksum = crc32(bytes, checksum);
    await sink.append(bytes);
  });
  const given = sink.position - framed.dataOffset;
  if (given !== member.size) throw new RangeError(`"${member.name}" gave ${given} bytes of ${member.size}.`);
  await sink.patch(framed.headerOffset, framed.header(checksum));
  return checksum;
}
