/** Prepared models on disk: a graph and its weights in the engine's form, made once and used by every later start. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, rename, rm, stat, statfs, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "../../config/cache-folder.js";
import { RarityError } from "../../config/errors.js";
import type { TensorSource } from "../../weights/tensor-file.js";
import type { RunOptions } from "../engine.js";
import type { Graph } from "./graph.js";
import { encodeModel } from "./proto.js";
import { MODEL_FILE, storedBytes, WEIGHTS_FILE, writeGraph } from "./weights.js";

/** Changes whenever the stored form does. */
const FORMAT = 1;

/** Days after which a prepared model that nothing opened goes, when another is made: a newer version may never ask for it again. */
const KEPT_DAYS = 30;

/** Ends the name of a folder that is being written. */
const DRAFT = ".draft";

/** Folder of prepared models: `RARITY_CACHE`, else the platform's cache folder. */
export const preparedFolder = (env: NodeJS.ProcessEnv = process.env): string => cacheFolder("prepared", env);

/**
 * Folder that holds `graph` with the weights of `source`, made now unless an earlier start has made it.
 *
 * @param options - `once`: for a single run, not worth keeping
 * @returns the folder, and `temporary` where nothing can tell the source apart from another and the folder must go
 *   with the session
 */
export async function prepare(
  graph: Graph,
  source: TensorSource,
  options: RunOptions & { readonly once?: boolean } = {},
): Promise<{ folder: string; temporary: boolean }> {
  const root = preparedFolder();
  const identity = options.once ? undefined : await identityOf(source, root);
  if (identity === undefined) {
    const folder = await mkdtemp(join(tmpdir(), "rarity-"));
    try {
      await write(graph, source, folder, options);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw readable(error, tmpdir());
    }
    return { folder, temporary: true };
  }
  const key = digest([
    FORMAT,
    identity,
    [...graph.stored.values()],
    Buffer.from(encodeStructure(graph)).toString("base64"),
  ]);
  const folder = join(root, key);
  if (await isComplete(folder)) {
    const now = new Date();
    await utimes(folder, now, now).catch(() => {}); // so that the least recently used can be told
    return { folder, temporary: false };
  }
  // Written apart and renamed whole: of two processes that prepare the same model the second finds it made.
  const draft = join(root, `${key}.${process.pid}-${randomBytes(4).toString("hex")}${DRAFT}`);
  try {
    await removeAbandoned(root);
    await removeUnused(root);
    await mkdir(draft, { recursive: true });
    await write(graph, source, draft, options);
    await rename(draft, folder).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await isComplete(folder))) throw error;
    });
  } catch (error) {
    throw readable(error, root);
  } finally {
    await rm(draft, { recursive: true, force: true }).catch(() => {}); // the error above says more
  }
  return { folder, temporary: false };
}

/** Drafts of processes that were killed: nothing was written to them for an hour. */
async function removeAbandoned(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    if (!name.endsWith(DRAFT)) continue;
    const draft = join(root, name);
    const times = [draft, join(draft, WEIGHTS_FILE)].map((path) =>
      stat(path).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    );
    if (Math.max(...(await Promise.all(times))) < Date.now() - 3_600_000)
      await rm(draft, { recursive: true, force: true });
  }
}

/** Models that nothing opened for a month. Where one is open still, its memory stays, or the system keeps the files. */
async function removeUnused(root: string): Promise<void> {
  const oldest = Date.now() - KEPT_DAYS * 86_400_000;
  for (const { key, lastUsed } of await preparedModels())
    if (lastUsed.getTime() < oldest)
      await rm(join(root, key), { recursive: true, force: true }).catch(() => {}); // it only takes room
}

const isComplete = (folder: string): Promise<boolean> =>
  stat(join(folder, MODEL_FILE)).then(
    () => true, // the model file is written last, and the folder renamed after it
    () => false,
  );

async function write(graph: Graph, source: TensorSource, folder: string, options: RunOptions): Promise<void> {
  const need = storedBytes(graph);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < need + 2 ** 26) {
    throw new RarityError(
      "io",
      `Preparing the model needs ${megabytes(need)} in "${folder}", where ${megabytes(bavail * bsize)} are free. ` +
        "Free some space, or set RARITY_CACHE to a folder on another disk.",
    );
  }
  await writeGraph(graph, source, folder, { signal: options.signal, onBytes: options.onPrepare });
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

function readable(error: unknown, root: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ENOSPC")
    return new RarityError(
      "io",
      `The disk of "${root}" is full. Set RARITY_CACHE to a folder on another one.`,
      { cause: error },
    );
  if (["EACCES", "EROFS", "EPERM", "ENOTDIR", "EEXIST"].includes(code ?? "")) {
    return new RarityError(
      "io",
      `Cannot write to "${root}" (${code}). Set RARITY_CACHE to a folder you may write to.`,
      { cause: error },
    );
  }
  return error;
}

const digest = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 32);

const encodeStructure = ({ nodes, inputs, outputs, small }: Graph): Uint8Array =>
  encodeModel({ nodes, inputs, outputs, initializers: [...small.values()] });

/**
 * What tells the weights of one source from another's: the content's hash for a file (remembered by size and time, so
 * that a 6 GB file is hashed once), the source's own word where it has one, else nothing.
 */
async function identityOf(
  source: TensorSource & { path?: string; identity?: string },
  root: string,
): Promise<string | undefined> {
  if (source.identity !== undefined) return source.identity;
  if (source.path === undefined) return undefined;
  const { size, mtimeMs, ino, dev } = await stat(source.path);
  const memo = join(root, "hashes", digest([size, mtimeMs, ino, dev]));
  const known = await readText(memo);
  if (known !== undefined && /^[0-9a-f]{64}$/.test(known)) return known;
  const hash = await hashFile(source.path);
  try {
    await mkdir(join(root, "hashes"), { recursive: true });
    const draft = `${memo}.${randomBytes(4).toString("hex")}`;
    const file = await open(draft, "w");
    await file.writeFile(hash);
    await file.close();
    await rename(draft, memo);
  } catch {
    // only a memory aid: without it the file is hashed again next time
  }
  return hash;
}

async function readText(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined);
  try {
    return await file?.readFile("utf8");
  } finally {
    await file?.close();
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 22, autoClose: false }))
      hash.update(chunk as Uint8Array);
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

export interface PreparedModel {
  readonly key: string;
  readonly bytes: number;
  readonly lastUsed: Date;
}

/** The prepared models on this machine, the least recently used first. */
export async function preparedModels(): Promise<PreparedModel[]> {
  const root = preparedFolder();
  const names = await readdir(root).catch(() => []);
  const models: PreparedModel[] = [];
  for (const key of names.filter((name) => name !== "hashes" && !name.endsWith(DRAFT))) {
    const sizes = await Promise.all(
      [MODEL_FILE, WEIGHTS_FILE].map((file) =>
        stat(join(root, key, file)).then(
          (s) => s.size,
          () => 0,
        ),
      ),
    );
    const lastUsed = await stat(join(root, key)).then(
      (s) => s.mtime,
      () => new Date(0),
    );
    models.push({ key, bytes: sizes.reduce((a, b) => a + b, 0), lastUsed });
  }
  return models.sort((a, b) => a.lastUsed.getTime() - b.lastUsed.getTime());
}

/** Removes all prepared models; a process that has one open keeps its memory. */
export async function clearPreparedModels(): Promise<void> {
  await rm(preparedFolder(), { recursive: true, force: true });
}
