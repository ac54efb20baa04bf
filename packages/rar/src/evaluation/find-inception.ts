/** Brings Inception's weights: from a path, from the cache, or fetched once. */
import { existsSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cacheFolder } from "../config/cache-folder.js";
import { RarityError } from "../config/errors.js";
import { publishFile, writeAll } from "../weights/atomic-file.js";
import { ask } from "../weights/hub-http.js";
import { checkInceptionFile, publishedInception } from "./inception-weights.js";

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly url?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Path of the published weights, their hash checked. Fetched into the cache folder when they are not there.
 *
 * @param path - a file at hand, which is then taken
 * @throws {RarityError} "bad-file" for a file with another hash; "hub" when it cannot be fetched, with the command to bring it by hand
 */
export async function findInception(path: string | undefined, options: FindOptions = {}): Promise<string> {
  const { env = process.env, url = publishedInception.url } = options;
  if (path !== undefined) {
    if (!existsSync(path))
      throw new RarityError(
        "not-found",
        `There are no Inception weights at ${path}. Fetch them: curl -L -o ${path} ${publishedInception.url}`,
      );
    await checkInceptionFile(path);
    return path;
  }
  const kept = join(cacheFolder("inception", env), publishedInception.file);
  if (!existsSync(kept)) await fetchTo(kept, url, env, options);
  await checkInceptionFile(kept);
  return kept;
}

async function fetchTo(
  path: string,
  url: string,
  env: NodeJS.ProcessEnv,
  options: FindOptions,
): Promise<void> {
  const byHand = `Bring it by hand: curl -L -o ${publishedInception.file} ${publishedInception.url} ; then add --inception ${publishedInception.file}`;
  if (env.HF_HUB_OFFLINE && env.HF_HUB_OFFLINE !== "0")
    throw new RarityError(
      "hub",
      `${publishedInception.file} is not at hand, and HF_HUB_OFFLINE forbids fetching it. ${byHand}`,
    );
  await mkdir(dirname(path), { recursive: true });
  const partial = `${path}.${process.pid}.part`;
  try {
    const { response } = await ask({
      method: "GET",
      url: new URL(url),
      headers: {},
      env,
      timeout: 30_000,
      signal: options.signal,
    });
    if (response.statusCode !== 200) {
      response.destroy();
      throw new Error(`the server answered ${response.statusCode}`);
    }
    const total = Number(response.headers["content-length"] ?? 0);
    const file = await open(partial, "w");
    let done = 0;
    for await (const piece of response) {
      options.signal?.throwIfAborted();
      await writeAll(file, piece as Uint8Array, done);
      done += (piece as Uint8Array).length;
      options.onProgress?.(done, total);
    }
    if (total > 0 && done !== total) throw new Error(`${done} of ${total} bytes came`);
    await checkInceptionFile(partial); // before it gets its name
    await publishFile(file, partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    options.signal?.throwIfAborted();
    if (error instanceof RarityError && error.code === "bad-file") throw error;
    throw new RarityError(
      "hub",
      `${publishedInception.file} could not be fetched: ${(error as Error).message.replace(/\.$/, "")}. ${byHand}`,
      { cause: error },
    );
  }
}
