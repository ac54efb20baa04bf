/** A folder that comes into being whole: written beside its final name, moved there at the end. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { RarityError } from "../config/errors.js";
import { fileSystemError } from "../weights/bad-file.js";

export interface DestinationOptions {
  /** Replace files of the same names in a folder that is there already. */
  readonly overwrite?: boolean | undefined;
  /** Files in an existing folder that would shadow the new ones. */
  readonly shadows?: readonly string[] | undefined;
}

/**
 * Refuses what is there already, before any work is done.
 * @throws {RarityError} "bad-usage" for a file, or a folder that is not empty, unless it may be overwritten
 */
export async function checkDestination(
  path: string,
  kind: "file" | "folder",
  overwrite = false,
): Promise<void> {
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw fileSystemError("write", path, error);
  });
  if (stats === undefined) return;
  if (stats.isDirectory() !== (kind === "folder"))
    throw new RarityError(
      "bad-usage",
      `"${path}" is a ${kind === "folder" ? "file" : "folder"}; give the name of a ${kind}.`,
    );
  if (overwrite || (kind === "folder" && (await readdir(path)).length === 0)) return;
  throw new RarityError("bad-usage", `"${path}" exists. Give another name, or pass --overwrite.`);
}

/**
 * Gives `fill` an empty folder and moves what it wrote to `path`. Where it fails nothing is left behind, and what was at `path`
 * is as it was.
 */
export async function writeFolder(
  path: string,
  { overwrite, shadows = [] }: DestinationOptions,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  const final = resolve(path);
  await checkDestination(path, "folder", overwrite);
  const partial = `${final}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await mkdir(dirname(final), { recursive: true });
    await mkdir(partial);
    await fill(partial);
    const made = await readdir(partial);
    await mkdir(final, { recursive: true });
    for (const name of made) await rename(join(partial, name), join(final, name));
    for (const name of shadows) if (!made.includes(name)) await rm(join(final, name), { force: true });
  } catch (error) {
    throw fileSystemError("write", path, error);
  } finally {
    await rm(partial, { recursive: true, force: true }).catch(() => {});
  }
}
