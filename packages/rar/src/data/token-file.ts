/** Writes rarity's token file row by row; what was written survives a stop, and the next run goes on behind it. */
import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { crc32 } from "node:zlib";
import { RarityError } from "../config/errors.js";
import { publishFile, writeAll } from "../weights/atomic-file.js";
import { badFile, fileSystemError } from "../weights/bad-file.js";
import { openFileSource } from "../weights/byte-source.js";
import { isRowWhole, readTokenHeader } from "./token-file-reader.js";
import { codeBitsOf, encodeTokenHeader, type TokenFileHeader } from "./token-header.js";
import type { TokenBatch } from "./token-rows.js";

export type { TokenFileHeader } from "./token-header.js";

const bufferBytes = 1024 * 1024;

/**
 * A token file under construction. It lies at `PATH.partial` until `finish` moves it to its name; disposing of it before that
 * leaves it there, to be gone on with.
 *
 * @example
 * await using writer = await TokenFileWriter.create("train.tokens", { length: 256, codebookSize: 1024, classes: 1000 }, { resume: true });
 * for (let image = writer.rows; image < images; image++) await writer.append(label(image), tokens(image));
 * await writer.finish();
 */
export class TokenFileWriter implements AsyncDisposable {
  readonly path: string;
  readonly header: TokenFileHeader;
  readonly #partial: string;
  readonly #headerBytes: number;
  readonly #rowBytes: number;
  readonly #codeBytes: 2 | 4;
  #handle: FileHandle | undefined;
  #buffer: Buffer;
  /** Rows in the buffer, and rows handed to the system before them. */
  #filled = 0;
  #written: number;

  private constructor(path: string, header: TokenFileHeader, handle: FileHandle, rows: number) {
    this.path = path;
    this.header = header;
    this.#partial = partialPath(path);
    this.#handle = handle;
    this.#written = rows;
    this.#headerBytes = encodeTokenHeader(header, undefined).length;
    this.#codeBytes = codeBitsOf(header) === 16 ? 2 : 4;
    this.#rowBytes = 8 + header.length * this.#codeBytes;
    this.#buffer = Buffer.allocUnsafe(Math.max(1, Math.floor(bufferBytes / this.#rowBytes)) * this.#rowBytes);
  }

  /**
   * Begins a file.
   *
   * @param resume - go on with `PATH.partial` where it is there: it is read through and cut back to its whole, undamaged
   *   rows, whose number is then `rows`. Otherwise it begins empty
   * @throws RarityError "bad-file" where what is to be gone on with was begun for something else, "io" for the disk
   * @throws {RangeError} for a header that cannot be
   */
  static async create(
    path: string,
    header: TokenFileHeader,
    { resume = false }: { readonly resume?: boolean | undefined } = {},
  ): Promise<TokenFileWriter> {
    const bytes = encodeTokenHeader(header, undefined);
    const partial = partialPath(path);
    let handle: FileHandle | undefined;
    try {
      const rows = resume ? await wholeRows(partial, header) : undefined;
      handle = await open(partial, rows === undefined ? "w" : "r+");
      // Also over a header that says a number of rows, from a run stopped just before its file had its name.
      await writeAll(handle, bytes, 0);
      const writer = new TokenFileWriter(path, header, handle, rows ?? 0);
      await handle.truncate(writer.#end(writer.#written));
      return writer;
    } catch (error) {
      await handle?.close();
      throw fileSystemError("write", path, error);
    }
  }

  /** Rows so far, those of earlier runs included. */
  get rows(): number {
    return this.#written + this.#filled;
  }

  /**
   * Adds a row. Calls that are not waited for keep their order.
   *
   * @param tokens - in raster order, `header.length` of them
   * @throws {RangeError} for a number of tokens, a token or a class that the header does not allow
   * @throws RarityError "io" where the disk fails
   */
  async append(label: number, tokens: ArrayLike<number>): Promise<void> {
    this.#encode(label, tokens);
    if (this.#filled * this.#rowBytes === this.#buffer.length) await this.#write();
  }

  /** Adds the rows of a batch. */
  async appendBatch({ rows, tokens, classes }: TokenBatch): Promise<void> {
    const { length } = this.header;
    for (let i = 0; i < rows; i++)
      await this.append(classes[i]!, tokens.subarray(i * length, (i + 1) * length));
  }

  /** Makes the rows so far survive a power cut. */
  async flush(): Promise<void> {
    await this.#write();
    await this.#guard((handle) => handle.datasync());
  }

  /** Drops the rows behind the first `rows`: for a caller whose own record of progress is behind the file. */
  async cut(rows: number): Promise<void> {
    if (!Number.isInteger(rows) || rows < 0 || rows > this.rows)
      throw new RangeError(`Cannot cut "${this.path}" back to ${rows} rows: it has ${this.rows}.`);
    await this.#write();
    await this.#guard((handle) => handle.truncate(this.#end(rows)));
    this.#written = rows;
  }

  /** Gives the file its name, whole and on the disk. What was there before is replaced. */
  async finish(): Promise<void> {
    await this.#write();
    await this.#guard(async (handle) => {
      await writeAll(handle, encodeTokenHeader(this.header, this.#written), 0);
      await publishFile(handle, this.#partial, this.path);
    });
    this.#handle = undefined;
  }

  /** Gives up: nothing is left of it. */
  async discard(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await rm(this.#partial, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#handle === undefined) return;
    try {
      await this.#write();
    } finally {
      await this.#handle.close();
      this.#handle = undefined;
    }
  }

  #encode(label: number, tokens: ArrayLike<number>): void {
    const { length, codebookSize, classes } = this.header;
    if (tokens.length !== length)
      throw new RangeError(`A row of "${this.path}" has ${length} tokens; ${tokens.length} were given.`);
    if (!Number.isInteger(label) || label < 0 || label >= (classes ?? 2 ** 31))
      throw new RangeError(
        `Class ${label} was given for "${this.path}"${classes === undefined ? "" : `, which has ${classes} classes`}.`,
      );
    const codes = codebookSize ?? (this.#codeBytes === 2 ? 2 ** 16 : 2 ** 31);
    const start = this.#filled * this.#rowBytes;
    const buffer = this.#buffer;
    buffer.writeUInt32LE(label, start);
    let at = start + 4;
    for (let i = 0; i < length; i++) {
      const token = tokens[i]!;
      if (!(token >= 0 && token < codes && Number.isInteger(token)))
        throw new RangeError(
          `Token ${i} of row ${this.rows} of "${this.path}" is ${token}; codes are whole numbers from 0 to ${codes - 1}.`,
        );
      at = this.#codeBytes === 2 ? buffer.writeUInt16LE(token, at) : buffer.writeUInt32LE(token, at);
    }
    buffer.writeUInt32LE(crc32(buffer.subarray(start, at)), at);
    this.#filled++;
  }

  async #write(): Promise<void> {
    const rows = this.#filled;
    if (rows === 0) return;
    const bytes = this.#buffer.subarray(0, rows * this.#rowBytes);
    const position = this.#end(this.#written);
    // Rows that come while these are written go into a buffer of their own.
    this.#buffer = Buffer.allocUnsafe(this.#buffer.length);
    this.#filled = 0;
    this.#written += rows;
    await this.#guard((handle) => writeAll(handle, bytes, position));
  }

  #end(rows: number): number {
    return this.#headerBytes + rows * this.#rowBytes;
  }

  async #guard(work: (handle: FileHandle) => Promise<void>): Promise<void> {
    if (this.#handle === undefined) throw new TypeError(`"${this.path}" was finished or disposed of before.`);
    try {
      await work(this.#handle);
    } catch (error) {
      throw fileSystemError("write", this.path, error);
    }
  }
}

/** Where a token file lies while it is written. */
export const partialPath = (path: string): string => `${path}.partial`;

/** Rows of an unfinished file that can be kept, or undefined where there is none. */
async function wholeRows(partial: string, wanted: TokenFileHeader): Promise<number | undefined> {
  const size = await stat(partial).then(
    (stats) => stats.size,
    () => 0,
  );
  // Stopped before the header was on the disk: nothing to keep.
  if (size < encodeTokenHeader(wanted, undefined).length) return undefined;
  await using source = await openFileSource(partial);
  // A power cut may leave zeros in place of a header; without one nobody knows what the rows behind it were made for.
  const header = await readTokenHeader(source).catch((error: unknown) => {
    if (error instanceof RarityError && error.code === "bad-file") return undefined;
    throw error;
  });
  if (header === undefined) return undefined;
  const { layout } = header;
  checkSame(partial, { ...layout, codeBits: layout.codeBytes === 2 ? 16 : 32 }, wanted);
  const { headerBytes, rowBytes } = layout;
  const there = Math.floor((size - headerBytes) / rowBytes);
  const atOnce = Math.max(1, Math.floor(bufferBytes / rowBytes));
  for (let first = 0; first < there; first += atOnce) {
    const count = Math.min(atOnce, there - first);
    const bytes = await source.read(headerBytes + first * rowBytes, count * rowBytes);
    for (let k = 0; k < count; k++)
      if (!isRowWhole(bytes.subarray(k * rowBytes, (k + 1) * rowBytes))) return first + k;
  }
  return there;
}

function checkSame(partial: string, found: TokenFileHeader, wanted: TokenFileHeader): void {
  const sizes = ["length", "codebookSize", "classes", "codeBits"];
  const metadata = JSON.parse(JSON.stringify(wanted.metadata ?? {})) as Record<string, unknown>;
  const difference =
    differenceOf({ ...found }, { ...wanted, codeBits: codeBitsOf(wanted) }, sizes) ??
    differenceOf(found.metadata ?? {}, metadata, Object.keys({ ...found.metadata, ...metadata }));
  if (difference === undefined) return;
  throw badFile(
    partial,
    `it was begun with ${difference}. Run the command as it was begun, or delete this file to begin anew.`,
  );
}

/** The first key whose values differ, in words. */
function differenceOf(
  found: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): string | undefined {
  const key = keys.find((name) => !isDeepStrictEqual(found[name], wanted[name]));
  if (key === undefined) return undefined;
  const [before, now] = [found[key], wanted[key]].map((value) => JSON.stringify(value) ?? "not given");
  return `${key} ${before}; now it is ${now}`;
}
