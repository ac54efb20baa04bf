/** Compiles the addon's sources to object files, as many at once as there are cores, and only what has changed. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import { basename, join } from "node:path";
import { type Compiler, cureFor, firstErrors } from "./compiler.js";
import { SetupError } from "./failure.js";
import type { Reporter } from "./reporter.js";
import { run } from "./run.js";

/** What a compiler needs at most for one file: ATen's headers are large. */
const BYTES_A_FILE = 1e9;

export interface ObjectsOptions {
  /** Folder of the sources. */
  readonly native: string;
  /** Folder for the object files. */
  readonly folder: string;
  readonly compiler: Compiler;
  readonly flags: readonly string[];
  /** Whether cuda.cc and cuda-kernel.cc are compiled; else cuda-absent.cc. */
  readonly cuda: boolean;
  /** Compile all, also what has not changed. */
  readonly force: boolean;
  readonly signal: AbortSignal;
  readonly report: Reporter;
}

/**
 * An object's name carries a hash of all that decides its content, so an object that exists is the right one.
 * @returns the object files
 * @throws {SetupError} for the first file that does not compile
 */
export async function compileObjects(options: ObjectsOptions): Promise<string[]> {
  const { native, folder, force, report } = options;
  const names = await readdir(native);
  const texts = new Map<string, Buffer>();
  for (const name of names.filter((name) => /\.(cc|h)$/.test(name)))
    texts.set(name, await readFile(join(native, name)));
  const common = createHash("sha256").update(
    [...options.compiler.command, options.compiler.version, ...options.flags].join("\0"),
  );
  for (const [name, text] of texts) if (name.endsWith(".h")) common.update(text);

  const others = options.cuda ? ["cuda-absent.cc"] : ["cuda.cc", "cuda-kernel.cc"];
  // The largest first: the last one to be done then is a short one.
  const sources = [...texts.keys()]
    .filter((name) => name.endsWith(".cc") && !others.includes(name))
    .sort((a, b) => texts.get(b)!.length - texts.get(a)!.length);
  const objects = sources.map((source) => {
    const hash = common.copy().update(texts.get(source)!).digest("hex").slice(0, 16);
    return { source, file: join(folder, `${basename(source, ".cc")}-${hash}.o`) };
  });
  const stale = objects.filter(({ file }) => force || !existsSync(file));
  report.line(
    stale.length === 0
      ? "No source has changed."
      : `Compiling ${stale.length} of ${objects.length} files with ${options.compiler.version}.`,
  );
  await inParallel(stale, options);

  const current = new Set(objects.map(({ file }) => file));
  for (const name of await readdir(folder))
    if (name.endsWith(".o") && !current.has(join(folder, name)))
      await rm(join(folder, name), { force: true });
  return objects.map(({ file }) => file);
}

interface Task {
  readonly source: string;
  readonly file: string;
}

async function inParallel(tasks: readonly Task[], options: ObjectsOptions): Promise<void> {
  const room = Math.max(1, Math.floor(totalmem() / BYTES_A_FILE));
  const waiting = [...tasks];
  let done = 0;
  // The first failure ends the other compilers.
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  const worker = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      await compileOne(task, options, signal);
      done += 1;
      options.report.step(`${done} of ${tasks.length} compiled`);
    }
  };
  options.report.step(`0 of ${tasks.length} compiled`);
  const workers = Array.from({ length: Math.min(availableParallelism(), room) }, () =>
    worker().catch((error: unknown) => {
      failed.abort(error);
      throw error;
    }),
  );
  const results = await Promise.allSettled(workers);
  for (const result of results) if (result.status === "rejected") throw signal.reason ?? result.reason;
}

async function compileOne(
  { source, file }: Task,
  options: ObjectsOptions,
  signal: AbortSignal,
): Promise<void> {
  const { compiler, flags, native } = options;
  const [program, ...first] = compiler.command;
  const temporary = `${file}.${process.pid}`;
  try {
    const args = [...first, ...flags, "-c", join(native, source), "-o", temporary];
    const outcome = await run(program, args, { signal });
    if (outcome?.code !== 0) {
      const said = outcome?.stderr ?? "";
      throw new SetupError(
        `${source} does not compile. ${cureFor(said) ?? "If libtorch is newer than this package, try an older one, and report it."}`,
        firstErrors(said),
      );
    }
    await rename(temporary, file);
  } finally {
    await rm(temporary, { force: true });
  }
}
