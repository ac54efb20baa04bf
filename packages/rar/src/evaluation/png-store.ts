/** Samples as PNG files, encoded and written by threads while the next batch is drawn. */
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ThreadPool } from "../data/thread-pool.js";
import { decodeImage } from "../images/decode.js";
import { badFile, fileSystemError } from "../weights/bad-file.js";
import { writeNpz } from "../weights/npz.js";
import type { TensorData } from "../weights/tensor-file.js";
import { type SampleLayout, sampleName, sampleNumber } from "./sample-layout.js";
import type { CollectOptions, SampledImage, SampleStore } from "./sample-store.js";

export interface PngStoreOptions {
  readonly folder: string;
  readonly layout: SampleLayout;
  readonly side: number;
  readonly threads: number;
  /** Text chunks of a file. */
  readonly text: (image: SampledImage) => Readonly<Record<string, string>>;
}

/** Files decoded together on the way into the npz file. */
const decodedAtOnce = 32;

export class PngStore implements SampleStore {
  readonly #options: PngStoreOptions;
  readonly #threads: ThreadPool;
  #files: ReadonlySet<number> = new Set();

  constructor(options: PngStoreOptions) {
    this.#options = options;
    const words = { subject: "A thread that writes images", cure: "start again: what was drawn is kept" };
    this.#threads = new ThreadPool(options.threads, workerFile(), words);
  }

  async finished(): Promise<(batch: number) => boolean> {
    const { folder, layout } = this.#options;
    const names = await readdir(folder).catch((error: unknown) => {
      throw fileSystemError("read", folder, error);
    });
    this.#files = new Set(names.map(sampleNumber).filter((file) => file !== undefined));
    return (batch) => layout.positions(batch).every((position) => this.#files.has(layout.file(position)));
  }

  async save(_batch: number, images: readonly SampledImage[]): Promise<void> {
    const { folder, layout, text } = this.#options;
    const missing = images.filter(({ index }) => !this.#files.has(layout.file(index)));
    await Promise.all(
      missing.map(({ width, height, data, ...image }) =>
        this.#threads.use((thread) => {
          const bytes = data.slice();
          const args: WritePngArguments = [
            join(folder, sampleName(layout.file(image.index))),
            { width, height, data: bytes },
            text({ ...image, width, height, data }),
          ];
          return thread.call<void>("writePng", args, [bytes.buffer as ArrayBuffer]);
        }),
      ),
    );
  }

  /** Reads the files again: what is scored is what lies in the folder. */
  async collect({ npz, onProgress, signal }: CollectOptions): Promise<void> {
    const { folder, layout, side } = this.#options;
    await removeTemporary(folder, (name) => sampleNumber(name) !== undefined);
    await removeTemporary(dirname(npz), (name) => name === basename(npz));
    async function* pixels(): AsyncGenerator<TensorData> {
      for (let at = 0; at < layout.count; at += decodedAtOnce) {
        signal?.throwIfAborted();
        onProgress?.(at, layout.count);
        const files = Array.from({ length: Math.min(decodedAtOnce, layout.count - at) }, (_, i) => at + i);
        for (const image of await Promise.all(files.map(read))) yield image as Uint8Array<ArrayBuffer>;
      }
      onProgress?.(layout.count, layout.count);
    }
    async function read(file: number): Promise<Uint8Array> {
      const path = join(folder, sampleName(file));
      const { width, height, data } = await decodeImage(path);
      if (width === side && height === side) return data;
      throw badFile(
        path,
        `it is ${width} x ${height} pixels, this model draws ${side} x ${side}. Remove it and run again.`,
      );
    }
    await writeNpz(npz, {
      infos: npzArrays(layout, side),
      data: ({ name }) => (name === "arr_0" ? pixels() : labelsOf(layout)),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#threads[Symbol.asyncDispose]();
  }
}

/** What the thread is asked. */
export type WritePngArguments = readonly [
  path: string,
  image: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  text: Readonly<Record<string, string>>,
];

/** The pictures as `arr_0`, as the reference writes them, and their classes as `arr_1`, as ADM's own sampling scripts add them. */
export const npzArrays = ({ count }: SampleLayout, side: number) =>
  [
    { name: "arr_0", dtype: "U8", shape: [count, side, side, 3] },
    { name: "arr_1", dtype: "I64", shape: [count] },
  ] as const;

export const labelsOf = (layout: SampleLayout): BigInt64Array<ArrayBuffer> =>
  BigInt64Array.from({ length: layout.count }, (_, file) => BigInt(layout.label(layout.position(file))));

/** Removes what a process that was killed left of files it had begun. Nobody may be writing such files now. */
async function removeTemporary(folder: string, belongs: (name: string) => boolean): Promise<void> {
  for (const name of await readdir(folder)) {
    const final = /^(.*)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1];
    if (final !== undefined && belongs(final)) await rm(join(folder, name), { force: true });
  }
}

const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/evaluation/png-worker.js", import.meta.url)
    : new URL("./png-worker.js", import.meta.url);
