/**
 * Builds the addon for one libtorch: objects, `libtorch.node`, a load test in a process of its own, and last
 * `current.json`, which names the addon in use. Whatever fails or is interrupted leaves the former addon in use.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { type BuildRecord, buildFolder } from "../native.js";
import { type Compiler, compileFlags, cureFor, findCompiler, firstErrors, linkFlags } from "./compiler.js";
import { type Libtorch, majorMinor } from "./examine.js";
import { SetupError } from "./failure.js";
import { compileObjects } from "./objects.js";
import { type Reporter, silent } from "./reporter.js";
import { lastLine, run } from "./run.js";

export interface CompileOptions {
  /** Default: the package's build folder. */
  readonly build?: string | undefined;
  /** Default: the package's `native`. */
  readonly native?: string | undefined;
  /** Default: as {@link findCompiler} finds it. */
  readonly compiler?: Compiler | undefined;
  /** Compile also what has not changed. */
  readonly force?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly report?: Reporter | undefined;
}

/** The last build, with what `doctor` likes to know besides. */
export interface FullBuildRecord extends BuildRecord {
  readonly abi: 0 | 1;
  /** Whether streams, graphs and NCCL were compiled in. */
  readonly cudaHeaders: boolean;
}

export const nativeFolder = (): string => fileURLToPath(new URL("../../native", import.meta.url));

/** @throws {SetupError} with the first errors and a way out */
export async function compile(libtorch: Libtorch, options: CompileOptions = {}): Promise<FullBuildRecord> {
  const build = options.build ?? buildFolder();
  const native = options.native ?? nativeFolder();
  const { force = false, report = silent, signal = new AbortController().signal } = options;
  const compiler = options.compiler ?? (await findCompiler({ signal }));

  const hash = createHash("sha256").update(libtorch.library).digest("hex").slice(0, 8);
  const folder = join(build, `${libtorch.version}-${hash}`);
  await mkdir(folder, { recursive: true });
  await removeLeftovers(folder);

  const objectsWith = (headers: boolean) =>
    compileObjects({
      ...{ native, folder, compiler, force, signal, report },
      flags: compileFlags(libtorch, native, headers),
      cuda: headers && existsSync(join(native, "cuda.cc")),
    });
  const headersFound = libtorch.cuda !== undefined && libtorch.cuda.missing.length === 0;
  let cudaHeaders = headersFound;
  const objects = await objectsWith(headersFound).catch((error: unknown) => {
    if (!headersFound || !(error instanceof SetupError)) throw error;
    cudaHeaders = false;
    report.line(
      `With CUDA's headers: ${error.message}\nGoing on without them: no CUDA streams, graphs and NCCL.`,
    );
    return objectsWith(false);
  });

  const addon = join(folder, "libtorch.node");
  const fresh = join(folder, `libtorch.${process.pid}.node`);
  try {
    report.step("linking");
    await link(compiler, objects, fresh, libtorch, signal);
    report.step("loading the addon");
    await loadTest(fresh, libtorch, signal);
    await rename(fresh, addon);
  } finally {
    await rm(fresh, { force: true });
  }
  const record: FullBuildRecord = {
    addon: relative(build, addon),
    version: libtorch.version,
    origin: libtorch.origin,
    library: libtorch.library,
    abi: libtorch.abi,
    cuda: libtorch.cuda !== undefined,
    cudaHeaders,
  };
  const temporary = join(build, `current.json.${process.pid}`);
  await writeFile(temporary, `${JSON.stringify(record, undefined, 2)}\n`);
  await rename(temporary, join(build, "current.json"));
  return record;
}

/** Files that a build left which was killed. Those of a build that still runs carry the number of a living process. */
async function removeLeftovers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /\.o\.(\d+)$|^libtorch\.(\d+)\.node$/.exec(name);
    if (pid && !isAlive(Number(pid[1] ?? pid[2]))) await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function link(
  compiler: Compiler,
  objects: readonly string[],
  file: string,
  libtorch: Libtorch,
  signal: AbortSignal,
): Promise<void> {
  const [program, ...first] = compiler.command;
  const outcome = await run(program, [...first, ...objects, "-o", file, ...linkFlags(libtorch)], { signal });
  if (outcome?.code === 0) return;
  const said = outcome?.stderr ?? "";
  throw new SetupError(`The addon cannot be linked. ${cureFor(said) ?? ""}`.trim(), firstErrors(said));
}

/** Loading takes a second or two; from a slow network disk much more. */
const LOAD_SECONDS = 120;

/** Adds 1 and 2 through the addon. In a process of its own, which may crash. */
const TEST = `
const addon = require(process.argv[1]);
const number = (value) => addon.fromArray(new Float32Array([value]), 6, [1]);
const sum = new Float32Array(1);
addon.readInto(addon.resolve("aten::add", "Tensor", ["self", "other"]).call(number(1), number(2)), sum);
const running = /TORCH_VERSION=([^,\\s]+)/.exec(addon.config());
console.log(JSON.stringify({ sum: sum[0], compiled: addon.compiledVersion, running: running && running[1] }));
`;

async function loadTest(file: string, libtorch: Libtorch, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(LOAD_SECONDS * 1000);
  const outcome = await run(process.execPath, ["-e", TEST, file], {
    signal: AbortSignal.any([signal, limit]),
  }).catch((error: unknown) => {
    if (signal.aborted || !limit.aborted) throw error;
    throw new SetupError(
      `The addon was built but does not load within ${LOAD_SECONDS} seconds. Reinstall libtorch.`,
    );
  });
  if (outcome?.code !== 0) {
    const said = outcome?.stderr ?? "";
    const reason = cureFor(said) ?? "Is the library damaged, or for another processor?";
    const error = said.split("\n").find((line) => line.includes("Error: ")) ?? lastLine(said);
    throw new SetupError(
      `The addon was built but does not load. ${reason}`,
      error === "" ? ["The process that loaded it was ended by a signal."] : [error],
    );
  }
  const result = JSON.parse(lastLine(outcome.stdout)) as {
    sum: number;
    compiled: string;
    running: string | null;
  };
  if (result.sum !== 3) throw new SetupError(`The addon adds 1 and 2 to ${result.sum}. Reinstall libtorch.`);
  if (result.running !== null && majorMinor(result.running) !== majorMinor(result.compiled))
    throw new SetupError(
      `The headers are of libtorch ${result.compiled}, but ${libtorch.library} holds ${result.running}. ` +
        "Reinstall libtorch, so that both are of one version.",
    );
}
