/** The folder pictures are written to: numbered on where it has some already, whole files only. */
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { RarityError } from "../config/errors.js";
import { readPngText } from "../images/png.js";
import { writeAtomically } from "../weights/atomic-file.js";
import { fileSystemError } from "../weights/bad-file.js";

export interface OutputFolder {
  readonly path: string;
  /** Number of the first picture. */
  readonly first: number;
  /** Writes one file and gives its path. The folder is made with the first one. */
  write(name: string, bytes: Uint8Array): Promise<string>;
}

const numbered = /^(\d{4,9})-.*\.(?:png|webp|gif)$/;

/** Four digits, or more where they are needed. */
export const fourDigits = (number: number): string => String(number).padStart(4, "0");

/**
 * @param overwrite - start at number 0 again; pictures of rarity with the numbers that are written give way
 * @throws {RarityError} "bad-usage" where `path` is a file; "io" where it cannot be read
 */
export async function outputFolder(
  path: string,
  { overwrite = false }: { readonly overwrite?: boolean | undefined } = {},
): Promise<OutputFolder> {
  const names = await listing(path);
  const before = new Map<number, string[]>();
  for (const name of names) {
    const number = numbered.exec(name)?.[1];
    if (number !== undefined) before.set(Number(number), [...(before.get(Number(number)) ?? []), name]);
  }
  let made = false;
  return {
    path,
    first: overwrite ? 0 : nextNumber(before.keys()),
    async write(name, bytes) {
      try {
        if (!made) await mkdir(path, { recursive: true });
        made = true;
      } catch (error) {
        throw fileSystemError("write", path, error);
      }
      const file = join(path, name);
      await writeAtomically(file, (sink) => sink.append(bytes));
      const number = numbered.exec(name)?.[1];
      if (overwrite && number !== undefined && name.endsWith(".png"))
        for (const old of before.get(Number(number)) ?? [])
          if (old !== name) await removeOwn(join(path, old));
      return file;
    },
  };
}

function nextNumber(taken: Iterable<number>): number {
  let next = 0;
  for (const number of taken) next = Math.max(next, number + 1);
  return next;
}

async function listing(path: string): Promise<string[]> {
  try {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (stats === undefined) return [];
    if (!stats.isDirectory())
      throw new RarityError(
        "bad-usage",
        `"${path}" is a file; pictures need a folder. Give another --output.`,
      );
    return await readdir(path);
  } catch (error) {
    throw fileSystemError("read", path, error);
  }
}

/** Removes a picture that an earlier run left under the same number, and nothing that someone else put there. */
async function removeOwn(file: string): Promise<void> {
  try {
    if (readPngText(await readFile(file), file).Software?.startsWith("rarity ")) await rm(file);
  } catch {
    // not ours
  }
}
