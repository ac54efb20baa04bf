/** Bytes that can be read anywhere: a file for users, memory for tests. Readers ask for ranges, never for all of it. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { RarityError } from "../config/errors.js";
import { badFile, fileSystemError } from "./bad-file.js";

export type Bytes = Uint8Array<ArrayBuffer>;

export interface ByteSource extends AsyncDisposable {
  /** Path or made-up name, for messages. */
  readonly name: string;
  /** Bytes in all, as counted when it was opened. */
  readonly size: number;
  /**
   * Exactly `length` bytes from `offset`, in a buffer of their own (so any typed array can look at it).
   * @throws RarityError "bad-file" when they lie beyond the end, before anything is allocated
   */
  read(offset: number, length: number): Promise<Bytes>;
}

/** One read of the operating system takes at most 2 GiB; smaller parts cost nothing. */
const partBytes = 64 * 1024 * 1024;

/** Opens a regular file. */
export async function openFileSource(path: string): Promise<ByteSource> {
  let handle: FileHandle | undefined;
  try {
    // O_NONBLOCK: opening a named pipe must not wait for a writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const status = await handle.stat();
    if (status.isDirectory())
      throw badFile(path, "it is a folder, not a file. Give the path of a file in it.");
    if (!status.isFile())
      throw badFile(path, "it is not a regular file (a device, pipe or socket). Copy it to a file first.");
    return fileSource(path, status.size, handle);
  } catch (error) {
    await handle?.close();
    throw fileSystemError("read", path, error);
  }
}

function fileSource(name: string, size: number, handle: FileHandle): ByteSource {
  let open = true;
  return {
    name,
    size,
    async read(offset, length) {
      if (!open)
        throw new TypeError(`Cannot read "${name}": it was closed. Keep it open until the last read.`);
      checkRange(name, size, offset, length);
      const bytes = allocate(name, length);
      try {
        for (let done = 0; done < length; ) {
          const wanted = Math.min(partBytes, length - done);
          const { bytesRead } = await handle.read(bytes, done, wanted, offset + done);
          if (bytesRead === 0)
            throw badFile(
              name,
              `it became shorter while it was read: byte ${offset + done} is gone, it had ${size}. ` +
                "Something else is writing it; wait until that has finished.",
            );
          done += bytesRead;
        }
      } catch (error) {
        throw fileSystemError("read", name, error);
      }
      return bytes;
    },
    async [Symbol.asyncDispose]() {
      if (!open) return;
      open = false;
      await handle.close();
    },
  };
}

/** A source over bytes in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      const copy = new Uint8Array(length);
      copy.set(bytes.subarray(offset, offset + length));
      return copy;
    },
    async [Symbol.asyncDispose]() {},
  };
}

/**
 * A fresh array, for a length that was held against the file's size before.
 * @throws RarityError "memory" where there is no room for it
 */
export function allocate(file: string, length: number): Bytes {
  try {
    return new Uint8Array(length);
  } catch (error) {
    const gigabytes = (length / 1e9).toFixed(1);
    throw new RarityError(
      "memory",
      `Cannot read "${file}": there is no room for ${gigabytes} GB in one piece. Read it in parts.`,
      {
        cause: error,
      },
    );
  }
}

function checkRange(name: string, size: number, offset: number, length: number): void {
  const sound = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!sound || offset + length > size)
    throw badFile(
      name,
      `it ends too early: bytes ${offset} to ${offset + length} are needed, it has ${size}. Download it again.`,
    );
}
