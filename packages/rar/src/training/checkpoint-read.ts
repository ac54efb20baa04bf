/** Finds the checkpoint to go on from: the newest whole one, rarity's or the reference's. */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RarityError } from "../config/errors.js";
import { fileSystemError } from "../weights/bad-file.js";
import { openTensorFile } from "../weights/open.js";
import type { TensorFile } from "../weights/tensor-file.js";
import {
  checkpointName,
  isHalfWritten,
  type Manifest,
  manifestName,
  measure,
  stepOf,
} from "./checkpoint-folder.js";

export interface Checkpoint {
  /** Finished optimizer steps. */
  readonly step: number;
  readonly folder: string;
  /** What the run saved beside its tensors; undefined in a checkpoint of the reference's. */
  readonly state: unknown;
  /** Made by the reference: its weights can be read, its optimizer and random states cannot. */
  readonly weightsOnly: boolean;
  /** Names of tensor files. */
  readonly files: readonly string[];
  /** @throws {RarityError} "not-found" where it has no such file */
  open(fileName: string): Promise<TensorFile>;
}

/**
 * The newest whole checkpoint of a folder, or undefined where there is none. Files are held against their checksums.
 *
 * @param say - told of every checkpoint that is passed over, and why
 * @throws {RarityError} "bad-file" where there are checkpoints and none of them is whole
 */
export async function latestCheckpoint(
  outputDir: string,
  say: (line: string) => void,
): Promise<Checkpoint | undefined> {
  const names = await readdir(outputDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw fileSystemError("read", outputDir, error);
  });
  for (const name of names.filter(isHalfWritten))
    say(`"${join(outputDir, name)}" is half-written, for a run ended while it saved, and is ignored.`);
  const steps = names.flatMap((name) => stepOf(name) ?? []).sort((a, b) => b - a);
  for (const step of steps) {
    const folder = join(outputDir, checkpointName(step));
    const found = await openCheckpoint(folder, step);
    if (typeof found !== "string") return found;
    say(`Checkpoint "${folder}" is damaged and passed over: ${found}.`);
  }
  if (steps.length === 0) return undefined;
  throw new RarityError(
    "bad-file",
    `None of the ${steps.length} checkpoints in "${outputDir}" is whole. Move them elsewhere to begin anew.`,
  );
}

/** Removes what an interrupted save left. */
export async function removeHalfWritten(outputDir: string): Promise<void> {
  for (const name of await readdir(outputDir).catch(() => []))
    if (isHalfWritten(name)) await rm(join(outputDir, name), { recursive: true, force: true });
}

/** The checkpoint, or what is wrong with it. */
async function openCheckpoint(folder: string, step: number): Promise<Checkpoint | string> {
  const text = await readFile(join(folder, manifestName), "utf8").catch(() => undefined);
  if (text === undefined) return (await openReference(folder, step)) ?? `it has no ${manifestName}`;
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text) as Manifest;
    if (manifest.format !== 1 || manifest.step !== step || typeof manifest.files !== "object")
      return `its ${manifestName} is not one of this program's for step ${step}`;
  } catch {
    return `its ${manifestName} is no JSON`;
  }
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    const found = await measure(join(folder, name)).catch(() => undefined);
    if (found === undefined) return `${name} cannot be read`;
    if (found.bytes !== bytes) return `${name} has ${found.bytes} bytes, ${bytes} were written`;
    if (found.sha256 !== sha256) return `${name} is not what was written, its checksum differs`;
  }
  return {
    step,
    folder,
    state: JSON.parse(await readFile(join(folder, "state.json"), "utf8")) as unknown,
    weightsOnly: false,
    files: Object.keys(manifest.files).filter((name) => name.endsWith(".safetensors")),
    open: (name) => openTensorFile(join(folder, name)),
  };
}

/** Where the reference keeps what rarity calls by these names (REFERENCE 6.6). */
const referenceFiles: Readonly<Record<string, string>> = {
  "generator.safetensors": "unwrapped_model/pytorch_model.bin",
  "ema.safetensors": "ema_model/pytorch_model.bin",
};

async function openReference(folder: string, step: number): Promise<Checkpoint | undefined> {
  const files: string[] = [];
  for (const [name, path] of Object.entries(referenceFiles))
    if ((await stat(join(folder, path)).catch(() => undefined))?.isFile()) files.push(name);
  if (!files.includes("generator.safetensors")) return undefined;
  return {
    step: (await globalStep(folder)) ?? step,
    folder,
    state: undefined,
    weightsOnly: true,
    files,
    open: (name) => openTensorFile(join(folder, referenceFiles[name] ?? name)),
  };
}

/** The reference trusts `metadata.json` more than the folder's name. */
async function globalStep(folder: string): Promise<number | undefined> {
  try {
    const text = await readFile(join(folder, "metadata.json"), "utf8");
    const { global_step: step } = JSON.parse(text) as { global_step?: unknown };
    return Number.isSafeInteger(step) ? (step as number) : undefined;
  } catch {
    return undefined;
  }
}
