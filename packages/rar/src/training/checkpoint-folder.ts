/**
 * One checkpoint on disk: written under a temporary name, flushed, renamed; `latest` moves last; old ones go after
 * that. Knows nothing of libtorch, so that it also runs in a thread of its own.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomically } from "../weights/atomic-file.js";
import { fileSystemError } from "../weights/bad-file.js";
import { writeSafetensors } from "../weights/safetensors.js";
import type { HostTensor } from "../weights/tensor-file.js";
import type { TensorStream } from "../weights/tensor-stream.js";

/** What a checkpoint's folder is to hold. */
export interface CheckpointFiles {
  /** Tensor files by name. */
  readonly tensors: Readonly<Record<string, readonly HostTensor[] | TensorStream>>;
  /** Text files by name: `state.json`, `config.yaml`. */
  readonly texts: Readonly<Record<string, string>>;
}

/** What `manifest.json` says of each file, to see damage later. */
export interface Manifest {
  readonly format: 1;
  readonly step: number;
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

export const manifestName = "manifest.json";
export const latestName = "latest";
export const checkpointName = (step: number): string => `checkpoint-${step}`;
/** The step of a checkpoint's folder, undefined for any other name. */
export const stepOf = (name: string): number | undefined => {
  const digits = /^checkpoint-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};
/** Folders that were being written or removed when their process ended. */
export const isHalfWritten = (name: string): boolean => /^checkpoint-\d+\.[0-9a-f]+\.tmp$/.test(name);

const temporaryName = (step: number): string =>
  `${checkpointName(step)}.${randomBytes(4).toString("hex")}.tmp`;

/**
 * Writes `checkpoint-STEP`. One of that name is replaced.
 *
 * @param keep - how many checkpoints of rarity's stay, this one included; 0: all
 * @returns the bytes of its files
 * @throws {RarityError} "io" where the disk fails; what was there before is then as it was
 */
export async function writeCheckpoint(
  outputDir: string,
  step: number,
  { tensors, texts }: CheckpointFiles,
  keep: number,
): Promise<number> {
  const final = join(outputDir, checkpointName(step));
  const temporary = join(outputDir, temporaryName(step));
  let bytes = 0;
  try {
    await mkdir(temporary, { recursive: true });
    for (const [name, some] of Object.entries(tensors)) await writeSafetensors(join(temporary, name), some);
    for (const [name, text] of Object.entries(texts)) await writeText(join(temporary, name), text);
    const files: Record<string, { bytes: number; sha256: string }> = {};
    for (const name of [...Object.keys(tensors), ...Object.keys(texts)]) {
      files[name] = await measure(join(temporary, name));
      bytes += files[name].bytes;
    }
    const manifest: Manifest = { format: 1, step, files };
    await writeText(join(temporary, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    await moveAside(final, step);
    await rename(temporary, final);
    await flushFolder(outputDir);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw fileSystemError("write", final, error);
  }
  await writeText(join(outputDir, latestName), `${checkpointName(step)}\n`);
  if (keep > 0) await removeOld(outputDir, step, keep);
  return bytes;
}

/** Size and checksum of a file as it lies on the disk. */
export async function measure(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 4 * 2 ** 20 })) {
    hash.update(chunk as Uint8Array);
    bytes += (chunk as Uint8Array).length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

const writeText = (path: string, text: string): Promise<void> =>
  writeAtomically(path, (sink) => sink.append(new TextEncoder().encode(text)));

/** A folder cannot be replaced in one go; for the moment between, the checkpoint before is the newest. */
async function moveAside(folder: string, step: number): Promise<void> {
  const aside = join(folder, "..", temporaryName(step));
  const moved = await rename(folder, aside).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return false;
      throw error;
    },
  );
  if (moved) await rm(aside, { recursive: true, force: true });
}

/** Only folders with a manifest: the reference's own checkpoints are not this program's to delete. */
async function removeOld(outputDir: string, step: number, keep: number): Promise<void> {
  const older: number[] = [];
  for (const name of await readdir(outputDir)) {
    const other = stepOf(name);
    if (other === undefined || other >= step) continue;
    const ours = await stat(join(outputDir, name, manifestName)).catch(() => undefined);
    if (ours?.isFile()) older.push(other);
  }
  older.sort((a, b) => b - a);
  for (const gone of older.slice(keep - 1)) await moveAside(join(outputDir, checkpointName(gone)), gone);
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close().catch(() => {});
}
