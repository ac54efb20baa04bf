/** Brings one blob into its `.incomplete` file: continues what is there, checks the whole against its hashes. */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rm, statfs } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { dirname } from "node:path";
import { RarityError } from "../config/errors.js";
import { HubError, networkError, type Subject, statusError } from "./hub-error.js";
import { type Ask, ask } from "./hub-http.js";
import { type HubTiming, waitOrThrow } from "./hub-timing.js";

export interface Download {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly subject: Subject;
  /** Git's SHA-1 of the blob (40 digits) or the SHA-256 of the content (64). */
  readonly etag: string;
  readonly sha256: string | undefined;
  readonly size: number;
  /** The ETag that the file's own server gave, for If-Range. */
  readonly validator: string | undefined;
  readonly timing: HubTiming;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}

/** A download under way. Bytes below `offset` are in the file. */
interface State {
  readonly handle: FileHandle;
  offset: number;
  validator: string | undefined;
}

/** So many new bytes make a try one that brought something. */
const worthwhile = 65_536;

/**
 * Leaves the whole, verified, flushed content at `partial`. On failure and on abort what has arrived stays there to
 * be continued; content with a wrong hash is deleted.
 *
 * @throws {RarityError} `hub`, `not-found`; the disk's own errors; the signal's reason
 */
export async function download(what: Download, partial: string): Promise<void> {
  const handle = await open(partial, constants.O_RDWR | constants.O_CREAT, 0o666);
  let wrong: string | undefined;
  try {
    const { size: found } = await handle.stat();
    const state: State = { handle, offset: found, validator: what.validator };
    if (found > what.size) await startOver(state);
    await checkRoom(dirname(partial), what.size - state.offset);
    let continued = state.offset > 0; // bytes of an earlier process, or of another writer
    for (;;) {
      await fetchAll(what, state);
      wrong = await mismatch(handle, what);
      if (wrong === undefined) break;
      await startOver(state);
      if (!continued) break;
      continued = false;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (wrong !== undefined) {
    await rm(partial, { force: true });
    const { file, repository, endpoint } = what.subject;
    const cure = `It was deleted. Try again; if it stays so, something between here and ${endpoint} changes files.`;
    throw new HubError("hub", `"${file}" of "${repository}" arrived damaged: ${wrong}. ${cure}`);
  }
}

async function startOver(state: State): Promise<void> {
  await state.handle.truncate(0);
  state.offset = 0;
}

async function fetchAll(what: Download, state: State): Promise<void> {
  let tries = 0;
  let farthest = state.offset;
  what.onProgress?.(state.offset, what.size);
  while (state.offset < what.size) {
    try {
      await fetchRest(what, state);
    } catch (error) {
      if (state.offset >= farthest + worthwhile) tries = 0;
      farthest = Math.max(farthest, state.offset);
      await waitOrThrow(error, tries++, true, what.timing, what.signal);
    }
  }
}

/** One request for what is missing, written where it belongs. */
async function fetchRest(what: Download, state: State): Promise<void> {
  const { timing, signal, size } = what;
  const headers: Record<string, string> = { ...what.headers };
  const partly = state.offset > 0;
  if (partly) headers.range = `bytes=${state.offset}-`;
  if (partly && state.validator !== undefined) headers["if-range"] = state.validator;
  const request: Ask = { ...what, method: "GET", headers, timeout: timing.answer };
  const { response, url } = await ask(request);
  const stalled = new Error(`nothing came for ${timing.stall / 1000} s`);
  const timer = setTimeout(() => response.destroy(stalled), timing.stall);
  try {
    await checkAnswer(response, url, what, state, partly);
    for await (const piece of arriving(response, url, signal)) {
      if (state.offset + piece.length > size) {
        await startOver(state);
        const message = `${url.host} sends more than the ${size} bytes "${what.subject.file}" has.`;
        throw new HubError("hub", message);
      }
      await write(state, piece);
      what.onProgress?.(state.offset, size);
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
  if (state.offset < size) {
    throw networkError(url, new Error(`it ended after ${state.offset} of ${size} bytes`));
  }
}

/** The body; only what goes wrong with the connection is a failure of the network, not what the reader throws. */
async function* arriving(response: IncomingMessage, url: URL, signal: AbortSignal | undefined) {
  try {
    yield* response as AsyncIterable<Uint8Array>;
  } catch (error) {
    signal?.throwIfAborted();
    throw networkError(url, error);
  }
}

/** Decides what the answer's bytes are: the rest, or the whole file from its start. */
async function checkAnswer(
  response: IncomingMessage,
  url: URL,
  what: Download,
  state: State,
  partly: boolean,
): Promise<void> {
  const { statusCode, headers } = response;
  const { size } = what;
  const file = `"${what.subject.file}"`;
  if (statusCode === 206 && partly) {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
    if (Number(first) === state.offset && (total === "*" || Number(total) === size)) return;
  }
  if (statusCode === 206 || statusCode === 416) {
    await startOver(state); // its ranges are of no use: once more from the start
    throw new HubError("hub", `The server sends other ranges of ${file} than were asked for.`, "always");
  }
  if (statusCode !== 200) {
    const elsewhere = url.origin !== what.url.origin && statusCode !== 429;
    if (!elsewhere) throw statusError(response, what.subject);
    // The Hub has let us in; its storage refuses an address that is made anew with each try.
    throw new HubError("hub", `${url.host} answers ${statusCode} for ${file}. Try again later.`, "always");
  }
  if (state.offset > 0) await startOver(state); // it sends the whole file
  const length = headers["content-length"];
  if (length !== undefined && Number(length) !== size) {
    throw new HubError("hub", `The server sends ${length} bytes for ${file}, which has ${size}.`);
  }
  const etag = headers.etag;
  if (etag !== undefined && !etag.startsWith("W/")) state.validator = etag;
}

async function write(state: State, piece: Uint8Array): Promise<void> {
  for (let from = 0; from < piece.length; ) {
    const { bytesWritten } = await state.handle.write(piece, from, piece.length - from, state.offset);
    from += bytesWritten;
    state.offset += bytesWritten;
  }
}

/** Says before the download, not after hours, that it will not fit. */
async function checkRoom(folder: string, missing: number): Promise<void> {
  const disk = await statfs(folder).catch(() => undefined);
  if (disk === undefined || disk.blocks === 0) return; // a file system that does not tell
  const free = disk.bavail * disk.bsize;
  if (missing <= free) return;
  const cure = "Free some space or set HF_HUB_CACHE to a folder on a larger disk.";
  const numbers = `${megabytes(missing)} are missing, ${megabytes(free)} are free`;
  throw new RarityError("io", `The download does not fit into ${folder}: ${numbers}. ${cure}`);
}

const megabytes = (bytes: number): string =>
  `${(bytes / 1e6).toLocaleString("en", { maximumFractionDigits: 1 })} MB`;

/** Reads the file back from disk and says which of its hashes is wrong. */
async function mismatch(handle: FileHandle, what: Download): Promise<string | undefined> {
  const { etag, size, sha256: expected } = what;
  const { size: found } = await handle.stat();
  if (found !== size) return `it has ${found} bytes, not ${size}`;
  const sha256 = createHash("sha256");
  const git = createHash("sha1").update(`blob ${size}\0`);
  const buffer = new Uint8Array(1 << 20);
  for (let at = 0; at < size; ) {
    what.signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) return `it ended after ${at} of ${size} bytes`;
    const piece = buffer.subarray(0, bytesRead);
    sha256.update(piece);
    if (etag.length === 40) git.update(piece);
    at += bytesRead;
  }
  const digest = sha256.digest("hex");
  const wanted = expected?.toLowerCase() ?? (etag.length === 64 ? etag : digest);
  if (digest !== wanted) return `its SHA-256 is ${digest}, not ${wanted}`;
  const gitDigest = etag.length === 40 ? git.digest("hex") : etag;
  return gitDigest === etag ? undefined : `its git hash is ${gitDigest}, not ${etag}`;
}
