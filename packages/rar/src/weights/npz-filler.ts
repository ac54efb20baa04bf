/**
 * An npz file that is filled in any order, by several processes at once, over several runs: under a temporary name until it is whole.
 * What was written where is for the caller to remember.
 */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { publishFile, writeAll } from "./atomic-file.js";
import { fileSystemError } from "./bad-file.js";
import { encodeNpyHeader } from "./npy-header.js";
import type { TensorInfo } from "./tensor-file.js";
import { byteCount, checkNames } from "./tensor-stream.js";
import { type ZipFrame, zipFrame } from "./zip-frame.js";

/** What the file is called until it is finished. */
export const unfinishedNpz = (path: string): string => `${path}.partial`;

const readAtOnce = 16 * 1024 * 1024;

export class NpzFiller implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #frame: ZipFrame;
  readonly #headers: readonly Uint8Array[];
  readonly #names: readonly string[];

  private constructor(path: string, handle: FileHandle, infos: readonly TensorInfo[]) {
    this.#path = path;
    this.#handle = handle;
    this.#names = infos.map(({ name }) => name);
    this.#headers = infos.map(({ dtype, shape }) => encodeNpyHeader(dtype, shape));
    const members = infos.map((info, i) => ({
      name: `${info.name}.npy`,
      size: this.#headers[i]!.length + byteCount(info),
    }));
    this.#frame = zipFrame(members, { align: 64 });
  }

  /** Goes on with the unfinished file of this name, or begins it. */
  static async open(path: string, infos: readonly TensorInfo[]): Promise<NpzFiller> {
    checkNames(infos);
    const partial = unfinishedNpz(path);
    try {
      return new NpzFiller(path, await open(partial, constants.O_RDWR | constants.O_CREAT), infos);
    } catch (error) {
      throw fileSystemError("write", partial, error);
    }
  }

  /** Whether nothing was ever written into it. */
  async isEmpty(): Promise<boolean> {
    return (await this.#handle.stat()).size === 0;
  }

  /**
   * Writes elements of an array from a place of its own on, in bytes.
   * @throws {RangeError} where they do not lie within the array; {RarityError} "io"
   */
  async write(array: string, at: number, elements: Uint8Array): Promise<void> {
    const i = this.#names.indexOf(array);
    const member = this.#frame.members[i];
    if (member === undefined) throw new RangeError(`There is no array "${array}" in ${this.#path}.`);
    const before = this.#headers[i]!.length;
    if (at < 0 || before + at + elements.length > member.size)
      throw new RangeError(`Bytes ${at} to ${at + elements.length} lie outside of "${array}".`);
    await this.#guard(() => writeAll(this.#handle, elements, member.dataOffset + before + at));
  }

  /** Brings what was written to the disk, so that the caller may take note of it. */
  async flush(): Promise<void> {
    await this.#guard(() => this.#handle.datasync());
  }

  /**
   * Reads the data once for its checksums, writes what stands around it and gives the file its name.
   * @param onProgress - bytes read so far, and in all
   */
  async finish(
    onProgress: ((done: number, total: number) => void) | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { members } = this.#frame;
    const total = members.reduce((sum, { size }) => sum + size, 0);
    const buffer = Buffer.alloc(readAtOnce);
    let done = 0;
    await this.#guard(async () => {
      const checksums: number[] = [];
      for (const [i, member] of members.entries()) {
        await writeAll(this.#handle, this.#headers[i]!, member.dataOffset);
        let checksum = 0;
        for (let at = 0; at < member.size; ) {
          signal?.throwIfAborted();
          onProgress?.(done, total);
          const wanted = Math.min(readAtOnce, member.size - at);
          const { bytesRead } = await this.#handle.read(buffer, 0, wanted, member.dataOffset + at);
          if (bytesRead === 0)
            throw new RangeError(`${unfinishedNpz(this.#path)} is shorter than its arrays.`);
          checksum = crc32(buffer.subarray(0, bytesRead), checksum);
          at += bytesRead;
          done += bytesRead;
        }
        await writeAll(this.#handle, member.header(checksum), member.headerOffset);
        checksums.push(checksum);
      }
      const { offset, bytes } = this.#frame.end(checksums);
      await writeAll(this.#handle, bytes, offset);
      await this.#handle.truncate(offset + bytes.length);
      await publishFile(this.#handle, unfinishedNpz(this.#path), this.#path);
    });
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof Error && "code" in error) throw fileSystemError("write", this.#path, error);
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close(); // closing what is closed already is allowed
  }
}
