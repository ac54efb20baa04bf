/** Reads rarity's token file by position: a read costs the rows it is asked for, whatever the file's size. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { badFile } from "../weights/bad-file.js";
import type { ByteSource, Bytes } from "../weights/byte-source.js";
import { checkFits, checkIndices, classBeyond, firstBeyond, tokenBeyond } from "./token-checks.js";
import { decodeTokenHeader, fixedBytes, headerLength, type TokenLayout } from "./token-header.js";
import type { ExpectedTokens, TokenBatch, TokenRows } from "./token-rows.js";

/** Reads of the disk under way at once, and bytes of one read, so that a large request stays small in memory. */
const readsAtOnce = 64;
const mostBytes = 1024 * 1024;

/** Header of a token file. @throws RarityError "bad-file" */
export async function readTokenHeader(source: ByteSource): Promise<{ layout: TokenLayout; header: Bytes }> {
  const fixed = await source.read(0, Math.min(fixedBytes, source.size));
  const header = await source.read(0, headerLength(source.name, fixed, source.size));
  return { layout: decodeTokenHeader(source.name, header), header };
}

/** A token file over `source`, which it owns unless opening fails. @throws RarityError "bad-file" */
export async function openTokenFile(source: ByteSource, expected: ExpectedTokens): Promise<TokenRows> {
  const { name: path, size } = source;
  const { layout, header } = await readTokenHeader(source);
  const { rows, length, headerBytes, rowBytes, metadata } = layout;
  if (rows === undefined)
    throw badFile(
      path,
      "it was never finished. Run the command that writes it again; it goes on where it stopped.",
    );
  checkExtent(path, layout, rows, size);
  if (rows === 0) throw badFile(path, "it has no rows. Make it anew from pictures.");
  checkFits(path, layout, expected);
  const limits = {
    codebookSize: layout.codebookSize ?? expected.codebookSize,
    classes: layout.classes ?? expected.classes,
  };
  const hash = createHash("sha256").update(`${size}`).update(header);
  for (const row of [0, rows - 1]) hash.update(await source.read(headerBytes + row * rowBytes, rowBytes));
  const close = async (): Promise<void> => source[Symbol.asyncDispose]();

  return {
    path,
    format: "tokens",
    rows,
    length,
    ...limits,
    metadata,
    identity: hash.digest("hex").slice(0, 16),
    async read(indices) {
      checkIndices(path, indices, rows);
      const batch = emptyBatch(indices.length, length);
      const runs = runsOf(indices, Math.max(1, Math.floor(mostBytes / rowBytes)));
      for (let i = 0; i < runs.length; i += readsAtOnce)
        await Promise.all(
          runs.slice(i, i + readsAtOnce).map(async ({ at, first, count }) => {
            const bytes = await source.read(headerBytes + first * rowBytes, count * rowBytes);
            for (let k = 0; k < count; k++) {
              decodeRow(
                bytes.subarray(k * rowBytes, (k + 1) * rowBytes),
                layout,
                path,
                first + k,
                batch,
                at + k,
              );
              checkRow(path, first + k, batch, at + k, length, limits);
            }
          }),
        );
      return batch;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkExtent(path: string, { headerBytes, rowBytes }: TokenLayout, rows: number, size: number): void {
  const needed = headerBytes + rows * rowBytes;
  if (size === needed) return;
  throw badFile(
    path,
    size < needed
      ? `it ends too early: its header says ${rows} rows, ${Math.floor((size - headerBytes) / rowBytes)} are there. Copy it again, or make it anew.`
      : `it is longer than the ${rows} rows its header says: ${size} bytes for ${needed}. Copy it again, or make it anew.`,
  );
}

export const emptyBatch = (rows: number, length: number): TokenBatch => ({
  rows,
  tokens: new Int32Array(rows * length),
  classes: new Int32Array(rows),
});

/** Indices that follow each other, so that they are read in one piece. */
function runsOf(
  indices: ArrayLike<number>,
  most: number,
): { readonly at: number; readonly first: number; readonly count: number }[] {
  const runs: { at: number; first: number; count: number }[] = [];
  for (let i = 0; i < indices.length; i++) {
    const last = runs.at(-1);
    if (last && last.first + last.count === indices[i] && last.count < most) last.count++;
    else runs.push({ at: i, first: indices[i]!, count: 1 });
  }
  return runs;
}

/** Whether the bytes of a row are those that were written. */
export function isRowWhole(bytes: Uint8Array): boolean {
  const end = bytes.length - 4;
  const stored = new DataView(bytes.buffer, bytes.byteOffset + end, 4).getUint32(0, true);
  return crc32(bytes.subarray(0, end)) === stored;
}

function decodeRow(
  bytes: Bytes,
  { length, codeBytes }: TokenLayout,
  path: string,
  row: number,
  batch: TokenBatch,
  at: number,
): void {
  if (!isRowWhole(bytes))
    throw badFile(
      path,
      `row ${row} is damaged: its checksum does not match. Copy the file again, or make it anew ("rarity tokens FILE --check" names all such rows).`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  batch.classes[at] = view.getUint32(0, true);
  const start = at * length;
  if (codeBytes === 2)
    for (let i = 0; i < length; i++) batch.tokens[start + i] = view.getUint16(4 + 2 * i, true);
  else for (let i = 0; i < length; i++) batch.tokens[start + i] = view.getUint32(4 + 4 * i, true);
}

function checkRow(
  path: string,
  row: number,
  { tokens, classes }: TokenBatch,
  at: number,
  length: number,
  limits: ExpectedTokens,
): void {
  // A number that needs 32 bits has become negative: beyond anything, whatever the limit.
  const codes = limits.codebookSize ?? 2 ** 31;
  const beyond = firstBeyond(tokens, at * length, (at + 1) * length, codes);
  if (beyond >= 0) throw tokenBeyond(path, `row ${row}`, beyond - at * length, tokens[beyond]! >>> 0, codes);
  const label = classes[at]!;
  const count = limits.classes ?? 2 ** 31;
  if (label < 0 || label >= count) throw classBeyond(path, `row ${row}`, label >>> 0, count);
}
