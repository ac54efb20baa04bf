/** The pictures a tokenizer is measured on, as squares of its size: from a folder, from shards, or from an npz file. */
import { stat } from "node:fs/promises";
import { relative } from "node:path";
import { type ImageSet, openImages } from "../data/image-set.js";
import { defaultPictureThreads, PicturePool } from "../data/picture-pool.js";
import { type Crop, squaresOf } from "../data/pretokenize-plan.js";
import type { RgbImage } from "../images/rgb.js";
import { badFile } from "../weights/bad-file.js";
import { openPictures, pictureFiles } from "./picture-source.js";

export interface SquareSource extends AsyncDisposable {
  readonly name: string;
  readonly count: number;
  /** Without the place where the source lies. */
  nameOf(i: number): string;
  /** All pictures in order, `size` at a time. Not to be asked twice at once. */
  batches(size: number): AsyncIterable<readonly RgbImage[]>;
}

export interface SquareOptions {
  /** Side in pixels. */
  readonly size: number;
  readonly crop: Crop;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @param source - one npz file; one folder, whose pictures are taken wherever below it they lie; or shards
 * @throws {RarityError} "not-found", "bad-file", "bad-usage" for what cannot be opened
 */
export async function openSquares(source: readonly string[], options: SquareOptions): Promise<SquareSource> {
  const [path] = source;
  if (source.length === 1 && path !== undefined) {
    if (path.endsWith(".npz")) return await squaresOfNpz(path, options);
    const info = await stat(path).catch(() => undefined);
    if (info?.isDirectory()) return await squaresOfFolder(path, options);
  }
  const set = await openImages(source.length === 1 ? source[0]! : source, { signal: options.signal });
  return squaresOfSet({ ...set, nameOf: set.keyOf }, options);
}

async function squaresOfNpz(path: string, { size, crop }: SquareOptions): Promise<SquareSource> {
  const pictures = await openPictures(path);
  const plan = { size, crop, augment: "none" } as const;
  return {
    name: path,
    count: pictures.count,
    nameOf: (i) => `picture ${i}`,
    async *batches(count) {
      for await (const { data, width, height, count: some } of pictures.batches(count)) {
        const each = width * height * 3;
        yield Array.from(
          { length: some },
          (_, i) => squaresOf({ width, height, data: data.subarray(i * each, (i + 1) * each) }, plan)[0]!,
        );
      }
    },
    [Symbol.asyncDispose]: () => pictures[Symbol.asyncDispose](),
  };
}

async function squaresOfFolder(path: string, options: SquareOptions): Promise<SquareSource> {
  const files = await pictureFiles(path);
  if (files.length === 0) throw badFile(path, "there are no pictures in it (png, jpg, webp, bmp, ppm, tif).");
  const set = {
    name: path,
    count: files.length,
    nameOf: (i: number) => relative(path, files[i]!),
    stored: async (i: number) => ({ source: files[i]!, options: {} }),
    close: async () => {},
  };
  return squaresOfSet(set, options);
}

/** Threads decode and crop one batch while the one before is worked on. */
function squaresOfSet(
  set: Pick<ImageSet, "name" | "count" | "nameOf" | "stored" | "close">,
  { size, crop, signal }: SquareOptions,
): SquareSource {
  const pool = new PicturePool(defaultPictureThreads());
  const plan = { size, crop, augment: "none" } as const;
  return {
    name: set.name,
    count: set.count,
    nameOf: set.nameOf,
    async *batches(count) {
      const read = (first: number): Promise<RgbImage[]> => {
        const some = Array.from({ length: Math.min(count, set.count - first) }, (_, i) => first + i);
        const batch = Promise.all(some.map(async (i) => (await pool.squares(set, i, plan))[0]!));
        batch.catch(() => {}); // said when its turn comes
        return batch;
      };
      let ahead = read(0);
      for (let first = 0; first < set.count; first += count) {
        signal?.throwIfAborted();
        const batch = await ahead;
        if (first + count < set.count) ahead = read(first + count);
        yield batch;
      }
    },
    async [Symbol.asyncDispose]() {
      await pool[Symbol.asyncDispose]();
      await set.close();
    },
  };
}
