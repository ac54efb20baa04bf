/** Reads tar archives entry by entry, from a file, a stream or memory; nothing is ever extracted to disk. */
import { badFile, quote } from "../weights/bad-file.js";
import type { TarInput } from "./tar-input.js";

/** A regular file of an archive. */
export interface TarEntry {
  /** As stored: it may be absolute or hold "..", and is never used as a path. */
  readonly name: string;
  /** Where its bytes begin in the unpacked archive, and how many they are. */
  readonly offset: number;
  readonly size: number;
  /** Its bytes; to be asked for before the next entry is. */
  data(): Promise<Uint8Array>;
}

const block = 512;
/** A name or a set of PAX records longer than this is no name. */
const longestExtension = 1 << 20;

/**
 * The regular files of an archive in their order (ustar, GNU long names, PAX); links and folders are passed over.
 *
 * @throws {RarityError} "bad-file" where the archive ends inside an entry or a header is damaged, after all entries before
 */
export async function* tarEntries(input: TarInput): AsyncGenerator<TarEntry> {
  let longName: string | undefined; // for the next entry only
  let pax: ReadonlyMap<string, string> = new Map();
  for (;;) {
    const at = input.position;
    const header = await input.read(block);
    if (header.length === 0 || header.every((byte) => byte === 0)) return;
    if (header.length < block) throw endsInside(input.name, at);
    checkSum(input.name, header, at);
    const type = String.fromCharCode(header[156]!);
    const size = lengthOf(input.name, header, at, pax);
    const padding = (block - (size % block)) % block;

    if (type === "L" || type === "x") {
      if (size > longestExtension) throw damaged(input.name, at, `its extended header claims ${size} bytes`);
      const bytes = await input.read(size);
      if (bytes.length < size || !(await input.skip(padding))) throw endsInside(input.name, at);
      if (type === "L") longName = text(bytes);
      else pax = paxRecords(input.name, bytes, at);
      continue;
    }

    const name = longName ?? pax.get("path") ?? headerName(header);
    const start = input.position;
    if (type === "S" || pax.has("GNU.sparse.major") || pax.has("GNU.sparse.map"))
      throw damaged(input.name, at, `${quote(name)} is stored as a sparse file, which is not read here`);
    const regular = (type === "0" || type === "\0" || type === "7") && !name.endsWith("/");
    if (regular) {
      let taken: Promise<Uint8Array> | undefined;
      if (!(await input.has(size))) throw endsInside(input.name, at, name);
      yield {
        name,
        offset: start,
        size,
        data: () => {
          taken ??= input.read(size).then((bytes) => {
            if (bytes.length < size) throw endsInside(input.name, at, name);
            return bytes;
          });
          return taken;
        },
      };
      await taken;
    }
    const rest = start + size + padding - input.position;
    // The last entry may lack its padding, as it does after a plain concatenation.
    if (!(await input.skip(rest)) && input.position < start + size) throw endsInside(input.name, at, name);
    // Links and folders with a body do not exist in practice; a global PAX header ("g") holds nothing that matters here.
    if (type !== "g" && type !== "K") [longName, pax] = [undefined, new Map()];
  }
}

function headerName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  // Only ustar keeps the beginning of the path there; old GNU archives keep times.
  const prefix = text(header.subarray(257, 263)) === "ustar" ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** Octal digits, or the base-256 form for what does not fit into them; PAX's word goes before both. */
function lengthOf(file: string, header: Uint8Array, at: number, pax: ReadonlyMap<string, string>): number {
  const own = pax.get("size");
  const field = header.subarray(124, 136);
  let size: number;
  if (own !== undefined) size = /^\d+$/.test(own) ? Number(own) : Number.NaN;
  else if (field[0] === 0x80) size = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
  else {
    const digits = text(field).trim();
    size = /^[0-7]*$/.test(digits) ? Number.parseInt(digits || "0", 8) : Number.NaN;
  }
  if (!Number.isSafeInteger(size)) throw damaged(file, at, "the size of its entry is no number");
  return size;
}

/** The sum of all bytes, its own field counted as spaces; some old writers summed signed bytes. */
function checkSum(file: string, header: Uint8Array, at: number): void {
  const stated = Number.parseInt(text(header.subarray(148, 156)).trim(), 8);
  let [unsigned, signed] = [0, 0];
  for (const [i, byte] of header.entries()) {
    const value = i >= 148 && i < 156 ? 0x20 : byte;
    unsigned += value;
    signed += value > 127 ? value - 256 : value;
  }
  if (stated !== unsigned && stated !== signed)
    throw damaged(
      file,
      at,
      at === 0 ? "it does not begin as a tar archive does" : "the header there is wrong",
    );
}

/** Records "LENGTH KEY=VALUE\n"; the length counts itself, in bytes. */
function paxRecords(file: string, bytes: Uint8Array, at: number): Map<string, string> {
  const records = new Map<string, string>();
  for (let start = 0; start < bytes.length && bytes[start] !== 0; ) {
    const space = bytes.indexOf(0x20, start);
    const length = Number(text(bytes.subarray(start, space < 0 ? start : space)));
    const end = start + length;
    const equals = bytes.indexOf(0x3d, space);
    if (!(Number.isInteger(length) && space > 0 && equals > space && equals < end && end <= bytes.length))
      throw damaged(file, at, "its PAX header cannot be read");
    const key = text(bytes.subarray(space + 1, equals));
    records.set(key, Buffer.from(bytes.subarray(equals + 1, end - 1)).toString("utf8"));
    start = end;
  }
  return records;
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

const endsInside = (file: string, at: number, name?: string): Error =>
  badFile(
    file,
    `it ends inside ${name === undefined ? "the entry" : quote(name)} at byte ${at}. Fetch it again.`,
  );

const damaged = (file: string, at: number, what: string): Error =>
  badFile(file, `${what} (at byte ${at} of the archive). Fetch it again.`);
