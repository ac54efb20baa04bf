/** A temporary file that takes what has no place of its own on this disk: members of packed or remote shards. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileSystemError } from "../weights/bad-file.js";

const bufferBytes = 1 << 20;

export class Spool implements AsyncDisposable {
  readonly #path: string;
  readonly #handle: FileHandle;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #written = 0;

  private constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /** @param folder - where the file lies; the system's folder for temporary files by default */
  static async open(folder: string = tmpdir()): Promise<Spool> {
    const path = join(folder, `rarity-${randomBytes(6).toString("hex")}.tmp`);
    try {
      const handle = await open(path, "wx+", 0o600);
      // Without its name the file is gone with the process, however that ends; Windows keeps the name until the end.
      if (process.platform !== "win32") await rm(path, { force: true });
      return new Spool(path, handle);
    } catch (error) {
      throw fileSystemError("write", path, error);
    }
  }

  get length(): number {
    return this.#written + this.#waitingBytes;
  }

  /** @returns where the bytes begin */
  async append(bytes: Uint8Array): Promise<number> {
    const start = this.length;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= bufferBytes) await this.flush();
    return start;
  }

  /** Writes what waits; to be called before the first read after appending. */
  async flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    [this.#waiting, this.#waitingBytes] = [[], 0];
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#written);
        done += bytesWritten;
        this.#written += bytesWritten;
      }
    } catch (error) {
      throw fileSystemError("write", this.#path, error);
    }
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw fileSystemError("read", this.#path, new Error("it became shorter"));
      done += bytesRead;
    }
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    await rm(this.#path, { force: true });
  }
}
