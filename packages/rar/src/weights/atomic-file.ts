/** Writes a file so that its final name never holds half of it: temporary name, flush to disk, rename. */
import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fileSystemError } from "./bad-file.js";

/** Where a file under construction takes its bytes. */
export interface FileSink {
  /** Bytes appended so far. */
  readonly position: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Overwrites bytes appended before: for headers that hold a checksum of what follows. */
  patch(offset: number, bytes: Uint8Array): Promise<void>;
}

const bufferBytes = 1024 * 1024;

/**
 * Creates or replaces `path` with what `write` gives to the sink. Where `write` or the disk fails, what was
 * at `path` before is still there, and the temporary file is removed.
 * @throws RarityError "io" (disk full, read-only, permission) or "not-found" (no such folder)
 */
export async function writeAtomically(path: string, write: (sink: FileSink) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx");
    const sink = bufferedSink(handle);
    await write(sink);
    await sink.flush();
    await publishFile(handle, temporary, path);
  } catch (error) {
    await handle?.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
    throw fileSystemError("write", path, error);
  }
}

function bufferedSink(handle: FileHandle): FileSink & { flush(): Promise<void> } {
  const buffer = new Uint8Array(bufferBytes);
  let filled = 0;
  let flushed = 0;
  const flush = async (): Promise<void> => {
    await writeAll(handle, buffer.subarray(0, filled), flushed);
    flushed += filled;
    filled = 0;
  };
  return {
    get position() {
      return flushed + filled;
    },
    async append(bytes) {
      if (filled + bytes.length > buffer.length) await flush();
      if (bytes.length >= buffer.length) {
        await writeAll(handle, bytes, flushed);
        flushed += bytes.length;
      } else {
        buffer.set(bytes, filled);
        filled += bytes.length;
      }
    },
    async patch(offset, bytes) {
      await flush();
      if (offset < 0 || offset + bytes.length > flushed)
        throw new RangeError(`patch of bytes ${offset} to ${offset + bytes.length} of ${flushed}`);
      await writeAll(handle, bytes, offset);
    },
    flush,
  };
}

/** Flushes a file under a temporary name, closes it and gives it its final name, so that a power cut leaves the old or the new. */
export async function publishFile(handle: FileHandle, temporary: string, path: string): Promise<void> {
  await handle.sync();
  await handle.close();
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Writes all of `bytes` at `position`, in as many parts as the system asks for. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const part = Math.min(64 * 1024 * 1024, bytes.length - done);
    done += (await handle.write(bytes, done, part, position + done)).bytesWritten;
  }
}

/** Makes the rename itself survive a power cut; not every system can flush a folder. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close().catch(() => {});
}
