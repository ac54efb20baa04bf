/** The pictures that are scored: an npz file's `arr_0`, or a folder of picture files; read in batches, in order. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { RarityError } from "../config/errors.js";
import { byCodePoint } from "../data/code-points.js";
import { decodeImage } from "../images/decode.js";
import { badFile, quote } from "../weights/bad-file.js";
import { type NpzFile, openNpz } from "../weights/npz.js";
import type { PictureBatch } from "./inception-features.js";
import type { Gaussian } from "./statistics.js";

export interface PictureSource extends AsyncDisposable {
  readonly path: string;
  readonly count: number;
  readonly width: number;
  readonly height: number;
  /** Names of pictures that lost something when they were stored: JPEG files. */
  readonly lossy: number;
  /** Class of each picture where the file says so (`arr_1`). */
  readonly labels?: readonly number[] | undefined;
  /** Statistics that the file brings along, which then replace those of its pictures. */
  readonly statistics?: { readonly pooled: Gaussian; readonly spatial: Gaussian } | undefined;
  /** The same for the same pictures in the same order, however the file is called. */
  identity(): Promise<string>;
  batches(size: number): AsyncIterable<PictureBatch>;
}

const EXTENSION = /\.(png|jpe?g|webp|bmp|ppm|tiff?)$/i;

/**
 * @throws {RarityError} "not-found", "io"; "bad-file" for a file that is no npz of pictures, a folder without pictures,
 *   objects that would have to be unpickled, statistics of a wrong width
 */
export async function openPictures(path: string): Promise<PictureSource> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new RarityError(
      "not-found",
      `There is nothing at ${quote(path)}. Give an npz file, or a folder of pictures.`,
      { cause },
    );
  });
  return info.isDirectory() ? openPictureFolder(path) : openPictureFile(path);
}

async function openPictureFile(path: string): Promise<PictureSource> {
  const file = await openNpz(path);
  try {
    const images = file.tensors.get("arr_0");
    if (!images) {
      const others = [...file.tensors.keys()].map(quote).join(", ");
      throw badFile(
        path,
        `it has no array "arr_0", which holds the pictures; it has ${others || "no array"}. Store them with numpy.savez(file, pictures).`,
      );
    }
    const [count, height, width, channels] = images.shape;
    if (images.dtype !== "U8" || images.shape.length !== 4 || channels !== 3)
      throw badFile(
        path,
        `"arr_0" is ${images.dtype} [${images.shape}]; pictures are bytes (U8) of [count, height, width, 3]. Convert them.`,
      );
    return {
      path,
      count: count!,
      width: width!,
      height: height!,
      lossy: 0,
      labels: await labelsOf(file, count!),
      statistics: await statisticsOf(file),
      async identity() {
        // Every pixel takes part: two files with the same pictures have the same features.
        const hash = createHash("sha256").update(`${images.shape}`);
        const some = Math.max(1, Math.floor(hashedAtOnce / Math.max(1, height! * width! * 3)));
        for await (const { data } of file.batches("arr_0", some)) hash.update(data as Uint8Array);
        return hash.digest("hex");
      },
      async *batches(size) {
        for await (const { data, shape } of file.batches("arr_0", size))
          yield { data: data as Uint8Array, count: shape[0]!, height: height!, width: width! };
      },
      [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
    };
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
}

async function labelsOf(file: NpzFile, count: number): Promise<number[] | undefined> {
  const labels = file.tensors.get("arr_1");
  if (labels?.shape.length !== 1 || labels.shape[0] !== count || !/^[IU]/.test(labels.dtype))
    return undefined;
  return Array.from((await file.read("arr_1")).data as ArrayLike<number | bigint>, Number);
}

async function statisticsOf(file: NpzFile): Promise<PictureSource["statistics"]> {
  if (!file.tensors.has("mu")) return undefined;
  const part = async (mean: string, covariance: string, width: number): Promise<Gaussian> => {
    for (const [name, shape] of [
      [mean, [width]],
      [covariance, [width, width]],
    ] as const) {
      const stored = file.tensors.get(name);
      if (!stored)
        throw badFile(file.path, `it has statistics ("mu") but no "${name}". All four belong together.`);
      if (String(stored.shape) !== String(shape) || !/^F(64|32)$/.test(stored.dtype))
        throw badFile(
          file.path,
          `"${name}" is ${stored.dtype} [${stored.shape}], statistics of Inception's features are [${shape}]: they come from another network.`,
        );
    }
    const read = async (name: string): Promise<Float64Array> =>
      Float64Array.from((await file.read(name)).data as Float32Array | Float64Array);
    return { mean: await read(mean), covariance: await read(covariance) };
  };
  return { pooled: await part("mu", "sigma", 2048), spatial: await part("mu_s", "sigma_s", 2023) };
}

const hashedAtOnce = 4 * 1024 * 1024; // bytes

/** Paths of the pictures in a folder and below it, in the order of their names; hidden files are left out. */
export async function pictureFiles(path: string): Promise<string[]> {
  return (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && EXTENSION.test(entry.name) && !entry.name.startsWith("."))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort(byCodePoint);
}

async function openPictureFolder(path: string): Promise<PictureSource> {
  const files = await pictureFiles(path);
  const first = files[0];
  if (first === undefined)
    throw badFile(path, "there are no pictures in it (png, jpg, webp, bmp, ppm, tif).");
  const { width, height } = await decodeImage(first);
  return {
    path,
    count: files.length,
    width,
    height,
    lossy: files.filter((file) => /\.jpe?g$/i.test(file)).length,
    async identity() {
      const hash = createHash("sha256").update(`${files.length}`);
      for (const file of files)
        for await (const piece of createReadStream(file)) hash.update(piece as Uint8Array);
      return hash.digest("hex");
    },
    async *batches(size) {
      for (let at = 0; at < files.length; at += size) {
        const some = await Promise.all(files.slice(at, at + size).map((file) => decodeImage(file)));
        const data = new Uint8Array(some.length * width * height * 3);
        some.forEach((image, i) => {
          if (image.width !== width || image.height !== height)
            throw badFile(
              files[at + i]!,
              `it is ${image.width} x ${image.height} pixels, ${quote(first)} is ${width} x ${height}: pictures that are scored together have one size.`,
            );
          data.set(image.data, i * width * height * 3);
        });
        yield { data, count: some.length, width, height };
      }
    },
    [Symbol.asyncDispose]: async () => {},
  };
}
