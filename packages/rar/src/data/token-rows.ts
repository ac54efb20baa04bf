/** Rows of tokens, whatever file they lie in: read by position, in memory that does not grow with the file. */
import type { Bytes } from "../weights/byte-source.js";
import { openFileSource } from "../weights/byte-source.js";
import { openTokenFile } from "./token-file-reader.js";
import { tokenMagic } from "./token-header.js";
import { openTokenJsonl, openTokenJsonlGzip } from "./token-jsonl.js";

/** Some rows. Numbers are checked: tokens are below the codebook's size, classes below their count, where these are known. */
export interface TokenBatch {
  readonly rows: number;
  /** [rows, length] in raster order. */
  readonly tokens: Int32Array;
  /** [rows] class numbers. */
  readonly classes: Int32Array;
}

export interface TokenRows extends AsyncDisposable {
  readonly path: string;
  /** "images": made of pictures as they are asked for. */
  readonly format: "tokens" | "jsonl" | "jsonl.gz" | "images";
  readonly rows: number;
  /** Tokens a row. */
  readonly length: number;
  /** As the file says it, or as it was expected; undefined where nobody says. */
  readonly codebookSize: number | undefined;
  readonly classes: number | undefined;
  /** What the writer left about the origin; empty for JSON lines. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Hash of size, header, first and last row: tells on resume whether the file is the same. */
  readonly identity: string;
  /**
   * The rows of these indices, in this order; an index may come more than once. Calls may overlap.
   *
   * @param positions - the samples' positions in training, where rows are made as they are asked for: they decide crops and flips
   * @throws {RangeError} for an index outside the file
   * @throws RarityError "bad-file" naming the row that is damaged or out of range
   */
  read(indices: ArrayLike<number>, positions?: ArrayLike<number>): Promise<TokenBatch>;
  close(): Promise<void>;
}

/** What a model needs; a file that does not fit is refused when it is opened, or at the row that does not fit. */
export interface ExpectedTokens {
  readonly length?: number | undefined;
  readonly codebookSize?: number | undefined;
  readonly classes?: number | undefined;
}

export interface OpenTokensOptions extends ExpectedTokens {
  readonly signal?: AbortSignal | undefined;
  /** While the lines of a JSON file are being found: bytes done and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Opens a token file: rarity's own, the reference's JSON lines, or these packed with gzip, told apart by content.
 * JSON lines are looked through once for where lines begin; packed ones are unpacked to a temporary file.
 *
 * @throws RarityError "bad-file", "not-found" or "io", saying what is wrong with the file or does not fit
 */
export async function openTokens(path: string, options: OpenTokensOptions = {}): Promise<TokenRows> {
  const source = await openFileSource(path);
  try {
    const head = await source.read(0, Math.min(source.size, tokenMagic.length));
    if (Buffer.from(head).toString("latin1") === tokenMagic) return await openTokenFile(source, options);
    if (isGzip(head)) return await openTokenJsonlGzip(source, options);
    return await openTokenJsonl(source, options);
  } catch (error) {
    await source[Symbol.asyncDispose]();
    throw error;
  }
}

const isGzip = (head: Bytes): boolean => head[0] === 0x1f && head[1] === 0x8b;

/** All rows from first to last, some at a time. */
export async function* allRows(
  rows: TokenRows,
  { from = 0, atOnce = 1024 }: { readonly from?: number; readonly atOnce?: number } = {},
): AsyncGenerator<TokenBatch> {
  for (let first = from; first < rows.rows; first += atOnce) {
    const count = Math.min(atOnce, rows.rows - first);
    yield await rows.read(Array.from({ length: count }, (_, i) => first + i));
  }
}
