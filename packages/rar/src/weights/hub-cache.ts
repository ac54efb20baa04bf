/** Where a file of a Hub repository lies on disk: the cache layout of Python's huggingface_hub, shared with it. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { copyFile, link, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { RarityError } from "../config/errors.js";

export interface HubFile {
  /** `owner/name`. */
  readonly repository: string;
  /** Path inside the repository, with `/`. */
  readonly file: string;
  /** Branch, tag or commit. Default `main`. */
  readonly revision?: string | undefined;
  /** Expected SHA-256 of the content, 64 hexadecimal digits, where it is known. */
  readonly sha256?: string | undefined;
  /** Expected bytes, where known. */
  readonly size?: number | undefined;
}

/** The paths of one file: https://huggingface.co/docs/hub/local-cache */
export interface CachePlace {
  readonly root: string;
  /** `models--owner--name`. */
  readonly folder: string;
  readonly ref: string;
  readonly revision: string;
  blob(etag: string): string;
  lock(etag: string): string;
  pointer(commit: string): string;
}

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** The variable, or undefined where it is unset or empty. */
export const setting = (env: NodeJS.ProcessEnv, name: string): string | undefined => env[name] || undefined;

/** As huggingface_hub reads a switch: 1, on, yes, true. */
export const isOn = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? "");

/** `HF_HOME`, by default `huggingface` in the user's cache folder. */
export function hubHome(env: NodeJS.ProcessEnv): string {
  const home = setting(env, "HOME") ?? homedir();
  const cache = setting(env, "XDG_CACHE_HOME") ?? join(home, ".cache");
  return expand(setting(env, "HF_HOME") ?? join(cache, "huggingface"), home);
}

function expand(path: string, home: string): string {
  return path === "~" || /^~[/\\]/.test(path) ? join(home, path.slice(1)) : path;
}

/** @throws {RarityError} `not-found` where a name is none the Hub could have, such as one with `..` */
export function cachePlace(file: HubFile, env: NodeJS.ProcessEnv): CachePlace {
  const revision = file.revision ?? "main";
  if (!/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(file.repository) || /\.\.|--|\.git$/.test(file.repository)) {
    throw notAName("repository", file.repository, "owner/name");
  }
  if (!isInside(file.file)) throw notAName("file", file.file, "folder/weights.bin");
  if (!isInside(revision)) throw notAName("revision", revision, "main");

  const chosen = setting(env, "HF_HUB_CACHE") ?? setting(env, "HUGGINGFACE_HUB_CACHE");
  const root = chosen ? expand(chosen, setting(env, "HOME") ?? homedir()) : join(hubHome(env), "hub");
  const name = `models--${file.repository.replace("/", "--")}`;
  const folder = join(root, name);
  return {
    root,
    folder,
    revision,
    ref: join(folder, "refs", ...revision.split("/")),
    blob: (etag) => join(folder, "blobs", etag),
    lock: (etag) => join(root, ".locks", name, etag),
    pointer: (commit) => join(folder, "snapshots", commit, ...file.file.split("/")),
  };
}

/** Whether a path with `/` stays below the folder it is joined to, on every system. */
function isInside(path: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a name with control characters is what is refused
  if (/[\\:\x00-\x1f]/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function notAName(what: string, value: string, example: string): RarityError {
  const cure = `It should look like "${example}", without "..", "\\" or ":".`;
  return new RarityError(
    "not-found",
    `${JSON.stringify(value)} cannot be the name of a Hub ${what}. ${cure}`,
  );
}

/** The cached path of the file, where it is there and nothing speaks against it: not its size, not its hash. */
export function findCached(file: HubFile, place: CachePlace): string | undefined {
  try {
    const commit = isCommit(place.revision) ? place.revision : readFileSync(place.ref, "utf8").trim();
    if (!isCommit(commit)) return undefined;
    const path = place.pointer(commit);
    if (!hasSize(path, file.size)) return undefined;
    const blob = basename(realpathSync(path)); // named by its SHA-256 where the Hub keeps it in LFS
    if (file.sha256 !== undefined && /^[0-9a-f]{64}$/.test(blob) && blob !== file.sha256.toLowerCase())
      return;
    return path;
  } catch {
    return undefined; // no ref, no snapshot, a link to nothing
  }
}

/** Whether a file is there, with this many bytes where they are given. */
export function hasSize(path: string, size: number | undefined): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (size === undefined || stat.size === size);
}

/** Remembers the commit a branch or tag was at; a commit needs no ref, and a file is of use without one. */
export async function writeRef(place: CachePlace, commit: string): Promise<void> {
  if (isCommit(place.revision)) return;
  try {
    await mkdir(dirname(place.ref), { recursive: true });
    await putInPlace(place.ref, (temporary) => writeFile(temporary, commit));
  } catch {} // a read-only cache
}

/**
 * Makes a snapshot's file show the blob: by a relative link as huggingface_hub does, where the system allows none
 * by a hard link, and where it has none either (exFAT) by a copy.
 */
export async function showBlob(blob: string, pointer: string, env: NodeJS.ProcessEnv): Promise<void> {
  await mkdir(dirname(pointer), { recursive: true });
  await putInPlace(pointer, async (temporary) => {
    if (!isOn(env.HF_HUB_DISABLE_SYMLINKS)) {
      try {
        return await symlink(relative(dirname(pointer), blob), temporary);
      } catch {}
    }
    try {
      await link(blob, temporary);
    } catch {
      await copyFile(blob, temporary);
    }
  });
}

/** Makes a file under a passing name, then gives it its own. */
async function putInPlace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}-${Math.random().toString(36).slice(2)}`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}
