/** The errors callers catch by code. A wrong call is a RangeError or TypeError instead. */

export const errorCodes = [
  "bad-file", // a file is not what it should be
  "bad-config", // a key or value of the configuration
  "bad-usage", // a flag, verb or argument of the command
  "not-found", // a file, class, preset or tensor that does not exist
  "hub", // the Hub or the network
  "memory", // would not fit
  "engine", // the engine cannot do what was asked
  "io", // the disk: full, read-only, permission
  "ranks", // another process of the job is lost, or does not come
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** Codes where the world failed rather than the input: the command exits with 1, otherwise with 2. */
const worldFailed: ReadonlySet<ErrorCode> = new Set(["hub", "memory", "engine", "io", "ranks"]);

/**
 * An error with a code. The message is one or two sentences: what was wrong with which file, key or value, and
 * what to do about it.
 */
export class RarityError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RarityError";
    this.code = code;
  }

  /** Exit code of the command: 2 for bad input, 1 where the world failed. */
  get exitCode(): 1 | 2 {
    return worldFailed.has(this.code) ? 1 : 2;
  }
}
