/** Writes the rows of any token file as rarity's own file or as JSON lines, a piece at a time. */
import { writeAtomically } from "../weights/atomic-file.js";
import { TokenFileWriter } from "./token-file.js";
import { tokenLine } from "./token-line.js";
import { allRows, type TokenRows } from "./token-rows.js";

export interface ConvertOptions {
  /** Goes into the token file; default: the metadata of the rows. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Rows so far. */
  readonly onProgress?: ((done: number) => void) | undefined;
}

/**
 * Writes a token file.
 *
 * @param rows - where their codebook is not known, tokens are stored in 32 bits
 * @throws RarityError "bad-file" for a row that is wrong, "io" for the disk; nothing is left at `path` then
 */
export async function writeTokenFile(
  path: string,
  rows: TokenRows,
  options: ConvertOptions = {},
): Promise<void> {
  const { length, codebookSize, classes } = rows;
  const metadata = options.metadata ?? rows.metadata;
  const writer = await TokenFileWriter.create(path, { length, codebookSize, classes, metadata });
  try {
    for await (const batch of allRows(rows)) {
      options.signal?.throwIfAborted();
      await writer.appendBatch(batch);
      options.onProgress?.(writer.rows);
    }
    await writer.finish();
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

/** Writes JSON lines, byte for byte as the reference does. @throws as `writeTokenFile` */
export async function writeTokenJsonl(
  path: string,
  rows: TokenRows,
  options: ConvertOptions = {},
): Promise<void> {
  const { length } = rows;
  await writeAtomically(path, async (sink) => {
    let done = 0;
    for await (const { rows: count, classes, tokens } of allRows(rows)) {
      options.signal?.throwIfAborted();
      let text = "";
      for (let i = 0; i < count; i++)
        text += tokenLine(classes[i]!, tokens.subarray(i * length, (i + 1) * length));
      await sink.append(Buffer.from(text));
      done += count;
      options.onProgress?.(done);
    }
  });
}
