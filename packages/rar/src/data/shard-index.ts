/** Reads WebDataset shards once from front to back and notes where each picture lies and which class it has. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { RarityError } from "../config/errors.js";
import { badFile, fileSystemError, quote } from "../weights/bad-file.js";
import { openFileSource } from "../weights/byte-source.js";
import { hubTiming, waitOrThrow } from "../weights/hub-timing.js";
import { httpPieces } from "./http-pieces.js";
import type { Spool } from "./spool.js";
import { type TarEntry, tarEntries } from "./tar.js";
import { sourceInput, streamInput, type TarInput } from "./tar-input.js";
import { groupSamples, labelled, type OnProblem } from "./webdataset.js";

/** A picture of a shard. */
export interface ShardImage {
  /** In the shard's own file where that lies here unpacked, else in the spool. */
  readonly place: "shard" | "spool";
  readonly offset: number;
  readonly size: number;
  readonly name: string;
  readonly classId: number;
}

/** A label longer than this is none. */
const longestLabel = 256;

export const isHttp = (path: string): boolean => /^https?:\/\//i.test(path);

/**
 * @param shard - path or address; packed by gzip or not, whatever its name
 * @param spool - gives the file for pictures that are packed or elsewhere
 * @param onProblem - told of each sample left out and of a damaged end; throw from it to stop
 * @throws {RarityError} "not-found", "io", "hub"
 */
export async function indexShard(
  shard: string,
  spool: () => Promise<Spool>,
  onProblem: OnProblem,
  signal?: AbortSignal,
): Promise<ShardImage[]> {
  if (isHttp(shard)) {
    const timing = hubTiming(process.env);
    for (let tries = 0; ; tries++) {
      try {
        return await indexStream(shard, httpPieces(shard, timing, signal), spool, onProblem);
      } catch (error) {
        await waitOrThrow(error, tries, true, timing, signal);
      }
    }
  }
  const info = await stat(shard).catch((error: unknown) => {
    throw fileSystemError("read", shard, error);
  });
  if (!info.isFile())
    throw badFile(shard, "it is not a regular file. Give the path of a .tar or .tar.gz file.");
  await using source = await openFileSource(shard);
  const head = await source.read(0, Math.min(2, source.size));
  if (isGzip(head)) return await indexStream(shard, createReadStream(shard, { signal }), spool, onProblem);
  return await indexInput(sourceInput(source), "shard", async (entry) => entry.offset, onProblem);
}

async function indexStream(
  shard: string,
  pieces: AsyncIterable<Uint8Array>,
  spool: () => Promise<Spool>,
  onProblem: OnProblem,
): Promise<ShardImage[]> {
  const file = await spool();
  const bytes = unpacked(shard, pieces);
  try {
    const offsetOf = async (entry: TarEntry) => await file.append(await entry.data());
    const images = await indexInput(streamInput(shard, bytes), "spool", offsetOf, onProblem);
    await file.flush();
    return images;
  } finally {
    await bytes.return(undefined); // an archive may end before its file does
  }
}

async function indexInput(
  input: TarInput,
  place: ShardImage["place"],
  offsetOf: (entry: TarEntry) => Promise<number>,
  onProblem: OnProblem,
): Promise<ShardImage[]> {
  const images: ShardImage[] = [];
  const keep = async (entry: TarEntry, field: string): Promise<Kept> => {
    if (field === "cls") {
      const text = entry.size > longestLabel ? `${entry.size} bytes` : await entry.data();
      return { text: typeof text === "string" ? text : Buffer.from(text).toString("utf8") };
    }
    const isPicture = /^(?:jpe?g|png|webp)$/.test(field);
    return isPicture ? { offset: await offsetOf(entry), size: entry.size } : {};
  };
  for await (const sample of groupSamples(input.name, tarEntries(input), keep, onProblem)) {
    const found = labelled(input.name, sample, ({ text }) => text ?? "", onProblem);
    if (found === undefined) continue;
    const { image, imageName, classId } = found;
    images.push({ place, offset: image.offset!, size: image.size!, name: imageName, classId });
  }
  return images;
}

/** What is remembered of a field: a label's text, a picture's place, or nothing. */
interface Kept {
  readonly text?: string;
  readonly offset?: number;
  readonly size?: number;
}

/** The pieces, through gunzip where they begin as gzip does. */
async function* unpacked(shard: string, pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  const head: Uint8Array[] = [];
  let length = 0;
  while (length < 2) {
    const { value, done } = await iterator.next();
    if (done) break;
    head.push(value);
    length += value.length;
  }
  const whole = (async function* () {
    yield* head;
    yield* { [Symbol.asyncIterator]: () => iterator };
  })();
  if (!isGzip(Buffer.concat(head))) {
    yield* whole;
    return;
  }
  try {
    yield* pipeline(whole, createGunzip(), () => {}) as AsyncIterable<Uint8Array>;
  } catch (error) {
    if (error instanceof RarityError || !String((error as NodeJS.ErrnoException).code).startsWith("Z_"))
      throw fileSystemError("read", shard, error);
    throw badFile(shard, `what gzip packed there is cut off or damaged (${quote(String(error))}).`, error);
  }
}

const isGzip = (head: Uint8Array): boolean => head[0] === 0x1f && head[1] === 0x8b;
