/** Samples straight into an npz file, without PNG files; each process notes the batches it has written. */
import { type FileHandle, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { RarityError } from "../config/errors.js";
import { fileSystemError } from "../weights/bad-file.js";
import { NpzFiller, unfinishedNpz } from "../weights/npz-filler.js";
import { labelsOf, npzArrays } from "./png-store.js";
import type { SampleLayout } from "./sample-layout.js";
import type { CollectOptions, SampledImage, SampleStore } from "./sample-store.js";

export interface NpzStoreOptions {
  readonly npz: string;
  /** Where the notes lie while the run lasts. */
  readonly folder: string;
  readonly layout: SampleLayout;
  readonly side: number;
  readonly rank: number;
}

const notesName = /^rank-\d+\.done$/;

export class NpzStore implements SampleStore {
  readonly #options: NpzStoreOptions;
  readonly #filler: NpzFiller;
  readonly #notes: FileHandle;

  private constructor(options: NpzStoreOptions, filler: NpzFiller, notes: FileHandle) {
    this.#options = options;
    this.#filler = filler;
    this.#notes = notes;
  }

  static async open(options: NpzStoreOptions): Promise<NpzStore> {
    const { npz, folder, layout, side, rank } = options;
    const filler = await NpzFiller.open(npz, npzArrays(layout, side));
    const path = join(folder, `rank-${rank}.done`);
    try {
      const notes = await open(path, "a+");
      // What follows the last whole line was cut off by a kill: the next line must not be glued to it.
      const text = await notes.readFile("latin1");
      await notes.truncate(text.lastIndexOf("\n") + 1);
      const store = new NpzStore(options, filler, notes);
      if ((await filler.isEmpty()) && (await store.#noted()).size > 0) {
        await notes.close();
        throw new RarityError(
          "bad-file",
          `"${folder}" has notes of a run whose "${unfinishedNpz(npz)}" is gone or empty. Delete the folder and begin anew.`,
        );
      }
      return store;
    } catch (error) {
      await filler[Symbol.asyncDispose]();
      throw fileSystemError("write", path, error);
    }
  }

  async finished(): Promise<(batch: number) => boolean> {
    const done = await this.#noted();
    return (batch) => done.has(batch);
  }

  async #noted(): Promise<ReadonlySet<number>> {
    const { folder } = this.#options;
    const done = new Set<number>();
    try {
      for (const name of (await readdir(folder)).filter((entry) => notesName.test(entry))) {
        const lines = (await readFile(join(folder, name), "latin1")).split("\n").slice(0, -1);
        for (const line of lines) if (/^\d+$/.test(line)) done.add(Number(line));
      }
    } catch (error) {
      throw fileSystemError("read", folder, error);
    }
    return done;
  }

  async save(batch: number, images: readonly SampledImage[]): Promise<void> {
    const { layout } = this.#options;
    for (const { index, data } of images)
      await this.#filler.write("arr_0", layout.file(index) * data.length, data);
    await this.#filler.flush();
    try {
      await this.#notes.appendFile(`${batch}\n`);
      await this.#notes.datasync();
    } catch (error) {
      throw fileSystemError("write", this.#options.folder, error);
    }
  }

  async collect({ onProgress, signal }: CollectOptions): Promise<void> {
    const { folder, layout } = this.#options;
    await this.#filler.write("arr_1", 0, new Uint8Array(labelsOf(layout).buffer));
    await this.#filler.finish(onProgress, signal);
    for (const name of await readdir(folder))
      if (notesName.test(name)) await rm(join(folder, name), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#notes.close();
    await this.#filler[Symbol.asyncDispose]();
  }
}
