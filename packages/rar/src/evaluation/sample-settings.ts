/** What decides the images of a run, kept beside them: a run is gone on with under the same settings only. */
import { createHash } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { RarityError } from "../config/errors.js";
import { badFile, fileSystemError } from "../weights/bad-file.js";
import { sampleNumber } from "./sample-layout.js";

export type SampleSettings = Readonly<Record<string, unknown>>;

const fileName = "sample.json";
/** Written down for the reader, but free to change. */
const notCompared: ReadonlySet<string> = new Set(["model", "version"]);

/**
 * Makes the folder and writes the settings into it, or holds those that are there against these. Of several processes that start at
 * once one writes, the others compare.
 *
 * @throws {RarityError} "bad-usage" for a folder with other settings, or with images of which nothing is known
 */
export async function holdSettings(folder: string, npz: string, settings: SampleSettings): Promise<void> {
  const path = join(folder, fileName);
  try {
    await mkdir(folder, { recursive: true });
    if (!(await isThere(path))) {
      const foreign = (await readdir(folder)).find((name) => sampleNumber(name) !== undefined);
      const stray = foreign === undefined ? ((await isThere(npz)) ? npz : undefined) : join(folder, foreign);
      if (stray !== undefined && !(await isThere(path)))
        throw new RarityError(
          "bad-usage",
          `"${stray}" exists, and there is no ${fileName} in "${folder}" that says how it was drawn. Give another experiment.output_dir, or move it away.`,
        );
      await create(path, `${JSON.stringify(settings, undefined, 2)}\n`);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" || code === "ENOTDIR")
      throw new RarityError(
        "bad-usage",
        `"${folder}" is no folder, or lies in a file; images need a folder. Give another experiment.output_dir.`,
      );
    throw fileSystemError("write", folder, error);
  }
  const before = await readSettings(path);
  const keys = new Set([...Object.keys(before), ...Object.keys(settings)]);
  const changed = [...keys].filter(
    (key) => !notCompared.has(key) && !isDeepStrictEqual(before[key], settings[key]),
  );
  if (changed.length === 0) return;
  const list = changed.map(
    (key) => `${key} was ${before[key] ?? "not set"}, is ${settings[key] ?? "not set"}`,
  );
  throw new RarityError(
    "bad-usage",
    `"${folder}" holds images drawn with other settings: ${list.join("; ")}. Give another experiment.output_dir, or delete the folder.`,
  );
}

/** A whole file under its name, unless one is there already. */
async function create(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, text);
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function readSettings(path: string): Promise<SampleSettings> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw fileSystemError("read", path, error);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as SampleSettings;
  throw badFile(path, "it is no JSON object with the settings of a run. Delete the folder and begin anew.");
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

const pieces = 64;
const pieceBytes = 64 * 1024;

/** Tells weights apart without reading gigabytes: a hash of the size and of 64 pieces spread over the file. */
export async function fingerprint(path: string): Promise<string> {
  try {
    await using handle = await open(path);
    const { size } = await handle.stat();
    const hash = createHash("sha256").update(`${size}`);
    const buffer = Buffer.alloc(Math.min(pieceBytes, size));
    for (let i = 0; i < pieces; i++) {
      const at = Math.floor(((size - buffer.length) * i) / (pieces - 1));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
      hash.update(buffer.subarray(0, bytesRead));
    }
    return hash.digest("hex").slice(0, 32);
  } catch (error) {
    throw fileSystemError("read", path, error);
  }
}
