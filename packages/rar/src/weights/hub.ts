/** One file of a Hugging Face Hub repository, from the cache or downloaded into it. */
import { mkdir, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { RarityError } from "../config/errors.js";
import {
  type CachePlace,
  cachePlace,
  findCached,
  type HubFile,
  hasSize,
  isCommit,
  isOn,
  showBlob,
  writeRef,
} from "./hub-cache.js";
import { download } from "./hub-download.js";
import { diskError, HubError, isSystemError } from "./hub-error.js";
import { withLock } from "./hub-lock.js";
import { type HubAddress, type HubMetadata, hubAddress, readMetadata } from "./hub-metadata.js";
import { type HubTiming, hubTiming } from "./hub-timing.js";

export type { HubFile } from "./hub-cache.js";
export type { HubTiming } from "./hub-timing.js";

export interface HubOptions {
  readonly signal?: AbortSignal | undefined;
  /** Bytes on disk and in all; begins above 0 where an earlier download is continued. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Default `process.env`. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly timing?: Partial<HubTiming> | undefined;
}

/**
 * Brings one file of a repository into the cache that Python's huggingface_hub uses, and tells where it lies there.
 * A broken download is continued by the next call, in any process; content is checked against the Hub's hash (and the
 * caller's) before it gets its name; of several processes one downloads. With a commit or `sha256` given, a cached
 * file needs no network; without, the Hub is asked for a newer one, and the cached one serves where it is unreachable.
 *
 * Read from the environment: HF_HOME, HF_HUB_CACHE, XDG_CACHE_HOME, HF_TOKEN, HF_TOKEN_PATH, HF_ENDPOINT,
 * HF_HUB_OFFLINE, HF_HUB_DISABLE_SYMLINKS, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_ETAG_TIMEOUT,
 * HF_HUB_DOWNLOAD_TIMEOUT, HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY.
 *
 * @returns the path in the cache's snapshot folder
 * @throws {RarityError} `not-found` (repository, revision, file, or offline and not cached), `hub` (network, access,
 *   damaged content), `io` (disk full, cache not writable); the signal's reason when aborted
 */
export async function fetchFromHub(file: HubFile, options: HubOptions = {}): Promise<string> {
  const { signal, env = process.env } = options;
  signal?.throwIfAborted();
  const place = cachePlace(file, env);
  const cached = findCached(file, place);
  const pinned = isCommit(place.revision) || file.sha256 !== undefined;
  if (cached !== undefined && pinned) return cached;

  const address = hubAddress(file, place.revision, env);
  if (isOn(env.HF_HUB_OFFLINE) || isOn(env.TRANSFORMERS_OFFLINE)) {
    if (cached !== undefined) return cached;
    const what = `"${file.file}" of "${file.repository}" is not in the cache, and HF_HUB_OFFLINE is set.`;
    throw new RarityError(
      "not-found",
      `${what} Unset it, or bring the file by hand: ${byHand(address, place)}`,
    );
  }

  try {
    return await bring(file, place, address, cached, { ...options, env });
  } catch (error) {
    if (signal?.aborted) throw error;
    if (isSystemError(error)) throw diskError(error, place.root);
    if (!(error instanceof HubError && error.network)) throw error;
    const message = `${error.message} Or bring the file by hand: ${byHand(address, place)}`;
    throw new RarityError("hub", message, { cause: error });
  }
}

/**
 * The path of a file that is in the cache already, without a network; undefined where it is not, or where its size
 * or hash is not the expected one.
 */
export function cachedHubFile(file: HubFile, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return findCached(file, cachePlace(file, env));
}

async function bring(
  file: HubFile,
  place: CachePlace,
  address: HubAddress,
  cached: string | undefined,
  { signal, onProgress, env = process.env, timing: own }: HubOptions,
): Promise<string> {
  const timing = hubTiming(env, cached === undefined ? own : { ...own, retries: 0 });
  const asked = { env, signal, timing };
  let metadata: HubMetadata;
  try {
    metadata = await readMetadata(file, address, asked);
  } catch (error) {
    const passing = error instanceof HubError && error.code === "hub" && !signal?.aborted;
    if (passing && cached !== undefined) return cached; // perhaps not the newest, but whole
    throw error;
  }
  const { commit, etag, size } = metadata;
  const pointer = place.pointer(commit);
  if (hasSize(pointer, size)) {
    await writeRef(place, commit);
    return pointer;
  }
  const blob = place.blob(etag);
  await mkdir(dirname(blob), { recursive: true });
  await withLock(place.lock(etag), timing, signal, async () => {
    if (!hasSize(blob, size)) {
      const partial = `${blob}.incomplete`;
      const { url, headers, subject } = address;
      const whole = {
        url: url(commit),
        headers,
        subject,
        ...metadata,
        sha256: file.sha256,
        ...asked,
        onProgress,
      };
      await download({ ...whole, timing: hubTiming(env, own) }, partial);
      await rename(partial, blob).catch((error: unknown) => {
        if (!hasSize(blob, size)) throw error; // else this process slept, and another finished the same bytes
      });
    }
    if (!hasSize(pointer, size)) await showBlob(blob, pointer, env);
  });
  await writeRef(place, commit);
  return pointer;
}

function byHand({ url }: HubAddress, place: CachePlace): string {
  const folder = `copy the folder ${place.folder} from a machine that has it and set HF_HUB_OFFLINE=1`;
  return `fetch ${url(place.revision).href} elsewhere and pass its path, or ${folder}.`;
}
