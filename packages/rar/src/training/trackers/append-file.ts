/** A file that only grows, written behind the training's back; a full disk loses nothing that fits into memory. */
import { type FileHandle, open } from "node:fs/promises";

/** Bytes kept while the disk takes none; beyond, they are given up. */
const patience = 16 * 1024 * 1024;

export class AppendFile {
  readonly #path: string;
  readonly #failed: (error: unknown) => void;
  #handle: FileHandle | undefined;
  #length: number;
  #waiting: Uint8Array[] = [];
  #writing: Promise<void> | undefined;

  /**
   * @param length - where to go on: what the file holds beyond is cut off
   * @param failed - told of every write that fails. The bytes are tried again with the next ones
   */
  constructor(path: string, length: number, failed: (error: unknown) => void) {
    this.#path = path;
    this.#length = length;
    this.#failed = failed;
  }

  append(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Waits for what was appended, or for the failure to write it, and closes the file. */
  async close(): Promise<void> {
    await this.#writing;
    if (this.#waiting.length > 0) await this.#write();
    await this.#handle?.close().catch(this.#failed);
    this.#handle = undefined;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const bytes = Buffer.concat(this.#waiting.splice(0));
      try {
        this.#handle ??= await this.#open();
        // At the place and not at the end: half a record that a full disk left behind is written over.
        for (let done = 0; done < bytes.length; )
          done += (await this.#handle.write(bytes, done, bytes.length - done, this.#length + done))
            .bytesWritten;
        this.#length += bytes.length;
      } catch (error) {
        if (bytes.length < patience) this.#waiting.unshift(bytes);
        this.#failed(error);
        return;
      }
    }
  }

  async #open(): Promise<FileHandle> {
    const handle = await open(this.#path, "r+").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return open(this.#path, "wx+");
    });
    try {
      await handle.truncate(this.#length);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return handle;
  }
}
