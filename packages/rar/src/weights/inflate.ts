/** Unpacks a deflated zip member as a stream, and never makes more bytes than the archive's directory promised. */
import { Inflate } from "fflate";
import { badFile, quote } from "./bad-file.js";
import type { ZipMember } from "./zip-directory.js";

/** @throws RarityError "bad-file" where the packed bytes are no deflate stream of the promised length */
export async function* inflated(
  file: string,
  member: ZipMember,
  packed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  let total = 0;
  const inflate = new Inflate((chunk) => {
    if (chunk.length > 0) ready.push(chunk);
  });
  let taken = 0;
  for await (const part of packed) {
    taken += part.length;
    try {
      inflate.push(part, taken === member.packed);
    } catch (error) {
      throw badFile(file, `zip member ${quote(member.name)} cannot be unpacked. Download it again.`, error);
    }
    for (const chunk of ready) {
      total += chunk.length;
      if (total > member.size) throw wrongSize(file, member, "more");
      yield chunk;
    }
    ready = [];
  }
  if (total !== member.size) throw wrongSize(file, member, "fewer");
}

const wrongSize = (file: string, member: ZipMember, what: string): Error =>
  badFile(
    file,
    `zip member ${quote(member.name)} unpacks to ${what} bytes than the ${member.size} it promises. Download it again.`,
  );
