/** Labelled pictures with random access: a folder of class folders, or WebDataset shards (DATA.md 7 and 8.2). */
import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { RarityError } from "../config/errors.js";
import { type DecodeOptions, decodeImage } from "../images/decode.js";
import type { RgbImage } from "../images/rgb.js";
import { Gate } from "../sampling/gate.js";
import { badFile } from "../weights/bad-file.js";
import { openFileSource } from "../weights/byte-source.js";
import { expandShards } from "./brace.js";
import { listImageFolder } from "./image-folder.js";
import { indexShard, isHttp } from "./shard-index.js";
import { Spool } from "./spool.js";

export interface ImageSet extends AsyncDisposable {
  /** The folder or the pattern, for messages. */
  readonly name: string;
  readonly count: number;
  /** Names of the class folders; undefined for shards, which hold numbers alone. */
  readonly classNames: readonly string[] | undefined;
  /** Class of picture `i`, from 0. */
  label(i: number): number;
  /** Path, or shard and member, for messages and logs. */
  nameOf(i: number): string;
  /** The same without the place where the set lies: it stays when the set is moved. */
  keyOf(i: number): string;
  /**
   * Picture `i`, decoded, in its stored size. May be called many times at once: a few are decoded at a time, off the main thread.
   * @throws {RarityError} "bad-file" for what cannot be decoded, "not-found", "io"
   */
  read(i: number): Promise<RgbImage>;
  /** What `decodeImage` makes picture `i` of, for those who decode elsewhere, such as in threads of their own. */
  stored(i: number): Promise<Stored>;
  close(): Promise<void>;
}

/** A picture as it is stored: the arguments of `decodeImage`. */
export interface Stored {
  readonly source: string | Uint8Array;
  readonly options: DecodeOptions;
}

export interface ImageSetOptions {
  /**
   * What happens to samples of shards that lack a part, hold no class number, come twice or are cut off. "fail" throws at the
   * first; "skip" leaves them out and tells `warn` of each. Pictures that cannot be decoded are found by `read`. Default "fail".
   */
  readonly onError?: "fail" | "skip" | undefined;
  readonly warn?: ((message: string) => void) | undefined;
  /** Most pixels a picture may have. Default: Pillow's limit. */
  readonly maxPixels?: number | undefined;
  /** Pictures decoded at the same time. Default: as many as there are processors, at least 2, at most 16. */
  readonly parallel?: number | undefined;
  /** Where members of packed and remote shards are kept while the set is open. Default: the folder for temporary files. */
  readonly spoolFolder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @param source - a folder of class folders (or one whose `train` holds them); a shard, a brace pattern of shards or an http address;
 *   or a list of shards, taken as it is
 * @throws {RarityError} "not-found" for what is not there, "bad-file" for what cannot be used, "hub" for the network, "bad-usage"
 *   for a wrong pattern
 */
export async function openImages(
  source: string | readonly string[],
  options: ImageSetOptions = {},
): Promise<ImageSet> {
  if (typeof source !== "string") return await openShards(source.join(", "), source, options);
  const info = isHttp(source) ? undefined : await stat(source).catch(() => undefined);
  if (info?.isDirectory()) return await openFolder(source, options);
  return await openShards(source, info ? [source] : expandShards(source), options);
}

async function openFolder(path: string, options: ImageSetOptions): Promise<ImageSet> {
  const { root, classNames, files, labels } = await listImageFolder(path, options.warn);
  const fileOf = (i: number): string => join(root, files[checked(path, i, files.length)]!);
  return complete(options, {
    name: path,
    count: files.length,
    classNames,
    label: (i) => labels[checked(path, i, files.length)]!,
    nameOf: fileOf,
    keyOf: (i) => files[checked(path, i, files.length)]!,
    async stored(i) {
      return { source: fileOf(i), options: { maxPixels: options.maxPixels } };
    },
    async close() {},
  });
}

async function openShards(
  name: string,
  shards: readonly string[],
  options: ImageSetOptions,
): Promise<ImageSet> {
  await checkShards(name, shards);
  const { onError = "fail", warn = () => {}, signal } = options;
  const onProblem = (problem: RarityError): void => {
    if (onError === "fail") throw problem;
    warn(problem.message);
  };
  let spool: Spool | undefined;
  const openSpool = async (): Promise<Spool> => {
    spool ??= await Spool.open(options.spoolFolder);
    return spool;
  };
  // Parallel lists: millions of pictures as objects would take several times the memory.
  const [names, shardOf, offsets, sizes, labels, spooled] = [
    [] as string[],
    [] as number[],
    [] as number[],
    [] as number[],
    [] as number[],
    [] as boolean[],
  ];
  try {
    for (const [number, shard] of shards.entries()) {
      signal?.throwIfAborted();
      for (const image of await indexShard(shard, openSpool, onProblem, signal)) {
        names.push(image.name);
        shardOf.push(number);
        offsets.push(image.offset);
        sizes.push(image.size);
        labels.push(image.classId);
        spooled.push(image.place === "spool");
      }
    }
    if (names.length === 0)
      throw badFile(
        name,
        "no sample with a picture (jpg, png, jpeg, webp) and a class (cls) is in it. Check the shards.",
      );
  } catch (error) {
    await spool?.[Symbol.asyncDispose]();
    throw error;
  }
  const nameOf = (i: number): string => `${shards[shardOf[checked(name, i, names.length)]!]!}: ${names[i]}`;
  return complete(options, {
    name,
    count: names.length,
    classNames: undefined,
    label: (i) => labels[checked(name, i, names.length)]!,
    nameOf,
    keyOf: (i) => basename(nameOf(i).slice(0, -names[i]!.length)) + names[i]!,
    async stored(i) {
      const imageName = nameOf(i);
      const source = spooled[i]
        ? await spool!.read(offsets[i]!, sizes[i]!)
        : await readPart(shards[shardOf[i]!]!, offsets[i]!, sizes[i]!);
      return { source, options: { name: imageName, maxPixels: options.maxPixels } };
    },
    async close() {
      await spool?.[Symbol.asyncDispose]();
      spool = undefined;
    },
  });
}

/** Opened anew each time: a set of thousands of shards must not hold thousands of files open. */
async function readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
  await using source = await openFileSource(path);
  return await source.read(offset, length);
}

async function checkShards(name: string, shards: readonly string[]): Promise<void> {
  if (shards.length === 0)
    throw new RarityError("bad-usage", "There is no shard to read: give at least one.");
  const local = shards.filter((shard) => !isHttp(shard));
  const absent: string[] = [];
  for (const shard of local) if (!(await stat(shard).catch(() => undefined))) absent.push(shard);
  if (absent.length === 0) return;
  if (shards.length === 1)
    throw new RarityError("not-found", `There is no "${shards[0]}". Check the path or the pattern.`);
  throw new RarityError(
    "not-found",
    `"${name}" stands for ${shards.length} shards, and ${absent.length} of them are not there, the first being "${absent[0]}". Check the pattern.`,
  );
}

function checked(name: string, i: number, count: number): number {
  if (Number.isInteger(i) && i >= 0 && i < count) return i;
  throw new RangeError(`Picture ${i} was asked of "${name}", which has ${count}.`);
}

function complete(
  { parallel, signal }: ImageSetOptions,
  set: Omit<ImageSet, "read" | typeof Symbol.asyncDispose>,
): ImageSet {
  const gate = new Gate(parallel ?? Math.min(16, Math.max(2, availableParallelism())));
  return {
    ...set,
    async read(i) {
      using _place = await gate.enter();
      signal?.throwIfAborted();
      const { source, options } = await set.stored(i);
      return await decodeImage(source, options);
    },
    [Symbol.asyncDispose]: set.close,
  };
}
