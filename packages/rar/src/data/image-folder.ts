/** Lists a folder of class folders in the order of the reference's data set (DATA.md 7). */
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { RarityError } from "../config/errors.js";
import { fileSystemError, quote } from "../weights/bad-file.js";
import { byCodePoint } from "./code-points.js";

export interface ImageFolder {
  /** The folder that holds the class folders. */
  readonly root: string;
  readonly classNames: readonly string[];
  /** Below `root`, with "/" between parts, in the order of the data set. */
  readonly files: readonly string[];
  /** Class of each file. */
  readonly labels: Int32Array;
}

/** What is taken for a picture; hidden files are, `.gif` is not. */
const extensions = [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/**
 * Classes are the folders in `path`/train, or in `path` itself where there is no `train` with folders in it, by code point. Below
 * a class everything is walked, links too; a link that leads back to a folder it lies in is told to `warn` and left.
 *
 * @throws {RarityError} "bad-file" for a class without a picture or a folder without classes; "not-found", "io"
 */
export async function listImageFolder(
  path: string,
  warn: (message: string) => void = () => {},
): Promise<ImageFolder> {
  const train = join(path, "train");
  const inner = await folder(train, true);
  const root = inner !== undefined && inner.folders.length > 0 ? train : path;
  const { folders: classNames, files: loose } = (await folder(root))!;
  if (classNames.length === 0) throw noClasses(root, loose);
  const files: string[] = [];
  const labels: number[] = [];
  const empty: string[] = [];
  for (const [label, name] of classNames.entries()) {
    const found = await picturesBelow(root, name, warn);
    if (found.length === 0) empty.push(name);
    for (const file of found) {
      files.push(file);
      labels.push(label);
    }
  }
  if (empty.length > 0) {
    const shown = empty.slice(0, 10).map(quote).join(", ") + (empty.length > 10 ? ", ..." : "");
    const what = empty.length === 1 ? `class folder ${shown} holds` : `class folders ${shown} hold`;
    throw new RarityError(
      "bad-file",
      `Cannot use "${root}": ${what} no picture (${extensions.join(" ")}). Remove what is no class, or add pictures.`,
    );
  }
  return { root, classNames, files, labels: Int32Array.from(labels) };
}

/** Pictures below one class: folders by their full path, files in each by name. */
async function picturesBelow(
  root: string,
  className: string,
  warn: (message: string) => void,
): Promise<string[]> {
  const found: { readonly path: string; readonly pictures: readonly string[] }[] = [];
  const walk = async (path: string, above: ReadonlyMap<string, string>): Promise<void> => {
    const { dev, ino } = await stat(join(root, path), { bigint: true });
    const identity = `${dev} ${ino}`;
    const loop = above.get(identity);
    if (loop !== undefined) {
      warn(
        `"${join(root, path)}" leads back to "${join(root, loop)}", which it lies in; it is not followed.`,
      );
      return;
    }
    const { folders, files } = (await folder(join(root, path)))!;
    const pictures = files.filter((name) => {
      const lower = name.toLowerCase();
      return extensions.some((extension) => lower.endsWith(extension));
    });
    found.push({ path, pictures: pictures.sort(byCodePoint) });
    const below = new Map([...above, [identity, path]]);
    for (const name of folders) await walk(`${path}/${name}`, below);
  };
  await walk(className, new Map());
  found.sort((a, b) => byCodePoint(a.path, b.path));
  return found.flatMap(({ path, pictures }) => pictures.map((name) => `${path}/${name}`));
}

interface Listing {
  /** By code point. */
  readonly folders: string[];
  readonly files: string[];
}

async function folder(path: string, optional = false): Promise<Listing | undefined> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (optional && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    if (code === "ENOENT")
      throw new RarityError("not-found", `There is no folder "${path}". Check the path.`, { cause: error });
    throw fileSystemError("read", path, error);
  }
  const listing: Listing = { folders: [], files: [] };
  for (const entry of entries) {
    // A link counts as what it leads to; one that leads nowhere is a file that cannot be read.
    const leads =
      entry.isDirectory() ||
      (entry.isSymbolicLink() &&
        (await stat(join(path, entry.name)).then(
          (target) => target.isDirectory(),
          () => false,
        )));
    (leads ? listing.folders : listing.files).push(entry.name);
  }
  listing.folders.sort(byCodePoint);
  return listing;
}

function noClasses(root: string, loose: readonly string[]): RarityError {
  const shards = loose.filter((name) => /\.tar(?:\.gz)?$|\.tgz$/.test(name));
  const cure =
    shards.length > 0
      ? `For the shards in it give a pattern with braces, such as "${join(root, "NAME-{0000..0009}.tar")}".`
      : "Make one folder a class and put the pictures there.";
  return new RarityError("bad-file", `Cannot use "${root}": there is no class folder in it. ${cure}`);
}
