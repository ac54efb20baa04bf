/**
 * The header of a token file: its sizes, where its tokens come from, and how the rows behind it are laid out.
 *
 * Little-endian. A fixed part of 64 bytes: magic `RARTOKEN`, version, bytes of the whole header, rows (all ones while the file is being
 * written), tokens a row, bytes a token (2 or 4), codebook size and classes (0: not known), bytes of the metadata, and at 60 the CRC-32 of
 * the header without these four bytes. Then the metadata as JSON, zeros up to a multiple of 8, and the rows: class (4 bytes), tokens,
 * CRC-32 of both. A checksum for every row costs 0.8 % and lets each read be checked on its own, wherever it is.
 */
import { crc32 } from "node:zlib";
import { badFile } from "../weights/bad-file.js";

/** What a token file is made for. */
export interface TokenFileHeader {
  /** Tokens a row. */
  readonly length: number;
  /** Tokens are below it. Undefined where it is not known. */
  readonly codebookSize?: number | undefined;
  /** Class numbers are below it. Undefined where it is not known. */
  readonly classes?: number | undefined;
  /** Bits a token is stored in. Default: 16 where the codebook is known and fits, else 32. */
  readonly codeBits?: 16 | 32 | undefined;
  /** Anything JSON holds: the tokenizer's hash, the transforms, the source. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

/** A header as read from a file, and what follows from it. */
export interface TokenLayout {
  /** Undefined while the file is being written. */
  readonly rows: number | undefined;
  readonly length: number;
  readonly codebookSize: number | undefined;
  readonly classes: number | undefined;
  readonly codeBytes: 2 | 4;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly headerBytes: number;
  readonly rowBytes: number;
}

export const tokenMagic = "RARTOKEN";
export const tokenVersion = 1;
/** Bytes of the fixed part. */
export const fixedBytes = 64;
/** A row longer than this, or a text longer than that, is no sensible file. */
const mostTokens = 2 ** 20;
const mostMetadata = 2 ** 24;
const unfinished = 2n ** 64n - 1n;
const crcAt = 60;

/**
 * The bytes of a header.
 *
 * @param rows - undefined: still being written
 * @throws {RangeError} where a size is not a whole number in its range
 */
export function encodeTokenHeader(header: TokenFileHeader, rows: number | undefined): Uint8Array {
  const { length, codebookSize, classes, metadata = {} } = header;
  checkSize("length", length, mostTokens);
  if (codebookSize !== undefined) checkSize("codebookSize", codebookSize, 2 ** 31);
  if (classes !== undefined) checkSize("classes", classes, 2 ** 31);
  const codeBits = codeBitsOf(header);
  if (codeBits === 16 && codebookSize !== undefined && codebookSize > 2 ** 16)
    throw new RangeError(`A codebook of ${codebookSize} codes does not fit 16 bits. Store 32 bits a token.`);
  const json = Buffer.from(JSON.stringify(metadata));
  if (json.length > mostMetadata)
    throw new RangeError(
      `The metadata is ${json.length} bytes of JSON; at most ${mostMetadata} are allowed.`,
    );
  const headerBytes = Math.ceil((fixedBytes + json.length) / 8) * 8;
  const bytes = Buffer.alloc(headerBytes);
  bytes.write(tokenMagic, "latin1");
  bytes.writeUInt32LE(tokenVersion, 8);
  bytes.writeUInt32LE(headerBytes, 12);
  bytes.writeBigUInt64LE(rows === undefined ? unfinished : BigInt(rows), 16);
  bytes.writeUInt32LE(length, 24);
  bytes.writeUInt32LE(codeBits / 8, 28);
  bytes.writeUInt32LE(codebookSize ?? 0, 32);
  bytes.writeUInt32LE(classes ?? 0, 36);
  bytes.writeUInt32LE(json.length, 40);
  json.copy(bytes, fixedBytes);
  bytes.writeUInt32LE(headerChecksum(bytes), crcAt);
  return bytes;
}

/** Bits a token of such a file is stored in. */
export const codeBitsOf = ({ codeBits, codebookSize }: TokenFileHeader): 16 | 32 =>
  codeBits ?? (codebookSize !== undefined && codebookSize <= 2 ** 16 ? 16 : 32);

/** Bytes of the whole header, from its fixed part. @throws RarityError "bad-file" where it is no header of this version */
export function headerLength(file: string, fixed: Uint8Array, size: number): number {
  const bytes = Buffer.from(fixed.buffer, fixed.byteOffset, fixed.length);
  if (bytes.toString("latin1", 0, tokenMagic.length) !== tokenMagic)
    throw badFile(file, "it is not a token file of rarity. Give a .tokens or .jsonl file.");
  if (bytes.length < fixedBytes)
    throw badFile(file, `it ends inside its header, at byte ${bytes.length}. ${again}`);
  const version = bytes.readUInt32LE(8);
  if (version !== tokenVersion)
    throw badFile(
      file,
      `it is a token file of version ${version}; this rarity reads version ${tokenVersion}. Use the rarity that wrote it to convert it to JSON lines.`,
    );
  const headerBytes = bytes.readUInt32LE(12);
  if (headerBytes < fixedBytes || headerBytes > fixedBytes + mostMetadata + 8)
    throw badFile(file, `its header claims ${headerBytes} bytes. ${again}`);
  if (headerBytes > size) throw badFile(file, `it ends inside its header, at byte ${size}. ${again}`);
  return headerBytes;
}

/** Reads a whole header. @throws RarityError "bad-file" where its checksum or a number in it is wrong */
export function decodeTokenHeader(file: string, header: Uint8Array): TokenLayout {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.length);
  if (headerChecksum(bytes) !== bytes.readUInt32LE(crcAt))
    throw badFile(file, `its header is damaged: its checksum does not match. ${again}`);
  const rows = bytes.readBigUInt64LE(16);
  const length = bytes.readUInt32LE(24);
  const codeBytes = bytes.readUInt32LE(28);
  const codebookSize = bytes.readUInt32LE(32) || undefined;
  const classes = bytes.readUInt32LE(36) || undefined;
  const jsonBytes = bytes.readUInt32LE(40);
  if (codeBytes !== 2 && codeBytes !== 4)
    throw badFile(file, `its header claims ${codeBytes} bytes a token; 2 and 4 are known. ${again}`);
  if (length < 1 || length > mostTokens)
    throw badFile(file, `its header claims ${length} tokens a row. ${again}`);
  if (fixedBytes + jsonBytes > bytes.length)
    throw badFile(file, `its metadata is longer than its header. ${again}`);
  if (rows !== unfinished && rows > BigInt(Number.MAX_SAFE_INTEGER))
    throw badFile(file, `its header claims ${rows} rows. ${again}`);
  return {
    rows: rows === unfinished ? undefined : Number(rows),
    length,
    codebookSize,
    classes,
    codeBytes,
    metadata: parseMetadata(file, bytes.toString("utf8", fixedBytes, fixedBytes + jsonBytes)),
    headerBytes: bytes.length,
    rowBytes: 8 + codeBytes * length,
  };
}

const again = "Copy it again, or make it anew.";

function parseMetadata(file: string, text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badFile(file, `its metadata is not JSON. ${again}`, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badFile(file, `its metadata is not a JSON object. ${again}`);
  return value as Readonly<Record<string, unknown>>;
}

const headerChecksum = (bytes: Uint8Array): number =>
  crc32(bytes.subarray(crcAt + 4), crc32(bytes.subarray(0, crcAt)));

function checkSize(what: string, value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new RangeError(`${what} of a token file is ${value}; give a whole number from 1 to ${most}.`);
}
