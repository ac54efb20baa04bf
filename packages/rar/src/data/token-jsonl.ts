/** Reads the reference's token files, a JSON object a line, by position; packed ones through a temporary token file. */
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { badFile, fileSystemError } from "../weights/bad-file.js";
import { type ByteSource, openFileSource } from "../weights/byte-source.js";
import { indexLines } from "./line-index.js";
import { splitLines } from "./lines.js";
import { checkFits, checkIndices } from "./token-checks.js";
import { TokenFileWriter } from "./token-file.js";
import { emptyBatch, openTokenFile } from "./token-file-reader.js";
import { parseTokenLine } from "./token-line.js";
import type { OpenTokensOptions, TokenRows } from "./token-rows.js";

const utf8 = new TextDecoder();
/** Bytes looked at to say what a file is, and to tell one packed file from another. */
const headBytes = 64 * 1024;

/**
 * JSON lines over `source`, which it owns unless opening fails. Lines are found now, each is parsed when it is read.
 *
 * @throws RarityError "bad-file" where the file is something else, or its first row is not right
 */
export async function openTokenJsonl(source: ByteSource, options: OpenTokensOptions): Promise<TokenRows> {
  const { name: path, size } = source;
  await refuseOthers(source);
  const index = await indexLines(source, options);
  const { codebookSize, classes } = options;
  const edges: string[] = [];
  await index.read([0, index.lines - 1], (bytes, place) => {
    edges[place] = utf8.decode(bytes);
  });
  const first = parseTokenLine(path, 1, edges[0]!, { codebookSize, classes });
  const length = first.tokens.length;
  if (length === 0) throw badFile(path, "line 1 has no tokens. Remove or repair it.");
  checkFits(path, { length }, options);
  // A blank last line is seen now rather than hours into a training run.
  parseTokenLine(path, index.lines, edges[1]!, { length, codebookSize, classes });
  const hash = createHash("sha256").update(`${size}`).update(edges.join("\n"));
  const close = async (): Promise<void> => source[Symbol.asyncDispose]();

  return {
    path,
    format: "jsonl",
    rows: index.lines,
    length,
    codebookSize,
    classes,
    metadata: {},
    identity: hash.digest("hex").slice(0, 16),
    async read(indices) {
      checkIndices(path, indices, index.lines);
      const batch = emptyBatch(indices.length, length);
      await index.read(indices, (bytes, place) => {
        const row = parseTokenLine(path, indices[place]! + 1, utf8.decode(bytes), {
          length,
          codebookSize,
          classes,
        });
        batch.classes[place] = row.label;
        batch.tokens.set(row.tokens, place * length);
      });
      return batch;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * JSON lines packed with gzip, which can only be read from the start: unpacked once into a token file in the system's folder for
 * temporary files, 2 bytes a token (4 where the codebook is not known), gone when the rows are closed.
 */
export async function openTokenJsonlGzip(source: ByteSource, options: OpenTokensOptions): Promise<TokenRows> {
  const { name: path, size } = source;
  const folder = await mkdtemp(join(tmpdir(), "rarity-tokens-"));
  try {
    const unpacked = join(folder, "unpacked.tokens");
    await unpack(source, unpacked, options);
    const inner = await openTokenFile(await openFileSource(unpacked), options);
    const [head, tail] = await Promise.all([
      source.read(0, Math.min(headBytes, size)),
      source.read(Math.max(0, size - headBytes), Math.min(headBytes, size)),
    ]);
    const hash = createHash("sha256").update(`${size}`).update(head).update(tail);
    await source[Symbol.asyncDispose]();
    const close = async (): Promise<void> => {
      await inner.close();
      await rm(folder, { recursive: true, force: true });
    };
    return {
      ...inner,
      path,
      format: "jsonl.gz",
      identity: hash.digest("hex").slice(0, 16),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function unpack(source: ByteSource, destination: string, options: OpenTokensOptions): Promise<void> {
  const { codebookSize, classes } = options;
  let writer: TokenFileWriter | undefined;
  let line = 0;
  try {
    // Its errors come out of the loop: the callback has nothing to add.
    const unpacked = pipeline(pieces(source, options), createGunzip(), () => {});
    for await (const bytes of splitLines(source.name, unpacked)) {
      const expected = { length: writer?.header.length, codebookSize, classes };
      const { label, tokens } = parseTokenLine(source.name, ++line, utf8.decode(bytes), expected);
      if (writer === undefined) {
        const header = { length: tokens.length, codebookSize, classes };
        checkFits(source.name, header, options);
        writer = await TokenFileWriter.create(destination, header);
      }
      await writer.append(label, tokens);
    }
    if (writer === undefined) throw badFile(source.name, "it is empty. Give a file with a row a line.");
    await writer.finish();
  } catch (error) {
    await writer?.discard();
    const code = (error as NodeJS.ErrnoException).code ?? "";
    if (code.startsWith("Z_"))
      throw badFile(
        source.name,
        "it cannot be unpacked: it is cut off or damaged. Download it again.",
        error,
      );
    throw fileSystemError("read", source.name, error);
  }
}

async function* pieces(
  source: ByteSource,
  { signal, onProgress }: OpenTokensOptions,
): AsyncGenerator<Uint8Array> {
  const most = 1024 * 1024;
  for (let at = 0; at < source.size; at += most) {
    signal?.throwIfAborted();
    const bytes = await source.read(at, Math.min(most, source.size - at));
    yield bytes;
    onProgress?.(at + bytes.length, source.size);
  }
}

/** Says what a file is that holds no rows. */
async function refuseOthers(source: ByteSource): Promise<void> {
  const { name, size } = source;
  if (size === 0) throw badFile(name, "it is empty (0 bytes). Make it anew, or download it again.");
  const text = Buffer.from(await source.read(0, Math.min(512, size)))
    .toString("latin1")
    .trimStart();
  if (text.startsWith("version https://git-lfs"))
    throw badFile(
      name,
      `it is a Git LFS pointer, not the file it stands for. Run "git lfs pull", or download the file itself.`,
    );
  if (text.startsWith("<"))
    throw badFile(
      name,
      "it is a web page, not a token file: the link led to a page. Download the file itself.",
    );
  if (text.startsWith("["))
    throw badFile(
      name,
      "it is one JSON array, as the reference's single processes write. Give the joined file with an object a line.",
    );
  if (text.includes("\0"))
    throw badFile(
      name,
      "it is neither a token file of rarity nor JSON lines. Give a .tokens or .jsonl file.",
    );
}
