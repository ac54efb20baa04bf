/** The sentences said about a file that is not what it should be. */
import { RarityError } from "../config/errors.js";

/**
 * Error "bad-file" for `file`.
 *
 * @param problem - one or two sentences after "Cannot read FILE: ", naming tensor or member and the cure
 */
export function badFile(file: string, problem: string, cause?: unknown): RarityError {
  return new RarityError(
    "bad-file",
    `Cannot read "${file}": ${problem}`,
    cause === undefined ? undefined : { cause },
  );
}

const plain: Readonly<Record<string, string>> = {
  EACCES: "no permission. Change its permissions, or run as a user who has them",
  EPERM: "no permission. Change its permissions, or run as a user who has them",
  ENOSPC: "the disk is full. Free some space and run again",
  EDQUOT: "the disk quota is used up. Free some space and run again",
  EROFS: "the disk is read-only. Choose another folder",
  EISDIR: "it is a folder, not a file. Give the path of a file in it",
  ENOTDIR: "a part of this path is a file, not a folder. Check the path",
  ENAMETOOLONG: "the name is too long for this disk. Choose a shorter one",
  EMFILE: "too many files are open. Close some, or raise the limit (ulimit -n)",
};

/** Turns an error of the file system into a RarityError in plain words; passes a RarityError on. */
export function fileSystemError(action: "read" | "write", file: string, error: unknown): Error {
  if (error instanceof RarityError || error instanceof RangeError || error instanceof TypeError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (code === "ENOENT") {
    const what = action === "read" ? "there is no such file" : "its folder does not exist";
    return new RarityError("not-found", `Cannot ${action} "${file}": ${what}. Check the path.`, {
      cause: error,
    });
  }
  const text = plain[code] ?? `the disk reported ${code || String(error)}`;
  const kind = code === "EISDIR" || code === "ENOTDIR" ? "bad-file" : "io";
  return new RarityError(kind, `Cannot ${action} "${file}": ${text}.`, { cause: error });
}

/** A name or value from a hostile file, quoted and cut to a length one can print. */
export function quote(text: string): string {
  const short = text.length > 120 ? `${text.slice(0, 117)}...` : text;
  return JSON.stringify(short);
}
