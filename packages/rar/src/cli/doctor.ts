/** `rarity doctor`: what this machine has, and what is missing. */
import { lstat, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { arch, availableParallelism, cpus, freemem, platform, release, totalmem } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import type { RuntimeInfo } from "libtorch";
import { clearPreparedModels, preparedFolder, preparedModels } from "../engines/onnx/prepared.js";
import { detectGraphics, type Graphics } from "../images/terminal.js";
import { hubHome } from "../weights/hub-cache.js";
import { embeddedModels, locateModel } from "../weights/model-folder.js";
import { print, say } from "./streams.js";
import { version } from "./version.js";
import { bytes, counted } from "./words.js";

interface Flags {
  readonly clearCache?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("doctor")
    .description("Say what this machine has, and what is missing; exit code 1 where images cannot be drawn.")
    .option("--clear-cache", "remove the prepared models (they are made again when needed)")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  rarity doctor --clear-cache")
    .action(async (flags: Flags) => {
      if (flags.clearCache) {
        const before = await cacheOf(preparedFolder());
        await clearPreparedModels();
        say(`Removed ${bytes(before.bytes)} of prepared models from ${before.folder}.`);
      }
      const report = await examine();
      if (flags.json) print(JSON.stringify(report, undefined, 1));
      else for (const line of lines(report)) print(line);
      if (report.problems.length > 0) process.exitCode = 1;
    });
}

export interface Cache {
  readonly folder: string;
  readonly bytes: number;
  readonly entries: number;
}

export interface DoctorReport {
  readonly rarity: string;
  readonly node: string;
  readonly system: string;
  readonly processor: string;
  readonly cores: number;
  readonly memory: { readonly total: number; readonly free: number };
  readonly onnxruntime: { readonly version?: string | undefined; readonly providers: readonly string[] };
  /** Of the torch engine; nothing where it was not set up, which is no problem. */
  readonly libtorch: LibtorchReport | undefined;
  readonly sharp: { readonly version?: string | undefined; readonly libvips?: string | undefined };
  readonly graphics: Graphics;
  readonly preparedModels: Cache;
  readonly hubCache: Cache;
  readonly models: readonly {
    readonly name: string;
    readonly folder?: string | undefined;
    readonly bytes: number;
  }[];
  /** Sentences: what does not work, and what to do. */
  readonly problems: readonly string[];
}

export async function examine(env: NodeJS.ProcessEnv = process.env): Promise<DoctorReport> {
  const problems: string[] = [];
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    problems.push(`Node ${process.versions.node} is too old: 20.19 is needed.`);
  const models = await Promise.all(embeddedModels.map(embedded));
  for (const { name, folder } of models)
    if (folder === undefined)
      problems.push(`The model "${name}" is not part of this installation. Install the package again.`);
  return {
    rarity: version(),
    node: process.versions.node,
    system: `${platform()} ${release()} ${arch()}`,
    processor: cpus()[0]?.model.trim() || "unknown",
    cores: availableParallelism(),
    memory: { total: totalmem(), free: freemem() },
    onnxruntime: onnxRuntime(problems),
    libtorch: await libtorch(problems),
    sharp: await sharpLibrary(problems),
    graphics: detectGraphics(env, process.stdout),
    preparedModels: { ...(await cacheOf(preparedFolder(env))), entries: (await preparedModels()).length },
    hubCache: await cacheOf(join(hubHome(env), "hub")),
    models,
    problems,
  };
}

interface OnnxRuntime {
  readonly env: { readonly versions: { readonly node?: string; readonly common: string } };
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
}

/** Asked for by name and not through the engine, which would need a model: whether its native part loads is the question. */
function onnxRuntime(problems: string[]): DoctorReport["onnxruntime"] {
  try {
    const runtime = createRequire(import.meta.url)("onnxruntime-node") as OnnxRuntime;
    const { node, common } = runtime.env.versions;
    const providers = runtime.listSupportedBackends().filter(({ bundled }) => bundled);
    return { version: node ?? common, providers: providers.map(({ name }) => name) };
  } catch (error) {
    problems.push(
      `ONNX Runtime cannot be loaded (${firstLine(error)}). Run npm install again on this machine.`,
    );
    return { providers: [] };
  }
}

interface LibtorchReport extends RuntimeInfo {
  /** What makes it slow, and what to do. */
  readonly advice: readonly string[];
}

async function libtorch(problems: string[]): Promise<LibtorchReport | undefined> {
  const torch = await import("libtorch").catch(() => undefined);
  try {
    torch?.checkSetUp();
  } catch {
    return undefined; // not set up
  }
  try {
    return torch && { ...torch.runtimeInfo(), advice: torch.speedAdvice() };
  } catch (error) {
    problems.push(firstLine(error));
    return undefined;
  }
}

async function sharpLibrary(problems: string[]): Promise<DoctorReport["sharp"]> {
  try {
    const { sharp } = await import("../images/sharp.js");
    return { version: sharp.versions.sharp, libvips: sharp.versions.vips };
  } catch (error) {
    problems.push(`sharp cannot be loaded (${firstLine(error)}). Run npm install again on this machine.`);
    return {};
  }
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split("\n")[0]!.trim();

async function embedded(name: string): Promise<DoctorReport["models"][number]> {
  const folder = await locateModel(name).then(
    (location) => location.folder,
    () => undefined,
  );
  return { name, folder, bytes: folder === undefined ? 0 : (await cacheOf(folder)).bytes };
}

/** Size of a folder; a file that several names lead to counts once. */
async function cacheOf(folder: string): Promise<Cache> {
  let total = 0;
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of names)
    if (entry.isFile())
      total += await lstat(join(entry.parentPath, entry.name)).then(
        (s) => s.size,
        () => 0,
      );
  const entries = await readdir(folder).then(
    (all) => all.filter((name) => !name.startsWith(".")).length,
    () => 0,
  );
  return { folder, bytes: total, entries };
}

function* lines(report: DoctorReport): Generator<string> {
  const { memory, onnxruntime, sharp, preparedModels: prepared, hubCache } = report;
  const row = (name: string, text: string): string => `${name.padEnd(16)}${text}`;
  yield row("rarity", report.rarity);
  yield row("node", report.node);
  yield row("system", report.system);
  yield row("processor", `${report.processor}, ${counted(report.cores, "core")}`);
  yield row("memory", `${bytes(memory.total)}, ${bytes(memory.free)} free`);
  yield row(
    "onnxruntime",
    `${onnxruntime.version ?? "missing"}${onnxruntime.providers.length > 0 ? ` (${onnxruntime.providers.join(", ")})` : ""}`,
  );
  yield row("libtorch", libtorchInWords(report.libtorch));
  for (const advice of report.libtorch?.advice ?? []) yield row("", advice);
  yield row("sharp", sharp.version === undefined ? "missing" : `${sharp.version} (libvips ${sharp.libvips})`);
  yield row("terminal", graphicsInWords[report.graphics]);
  for (const { name, folder, bytes: size } of report.models)
    yield row("model", `${name}: ${folder === undefined ? "missing" : `${folder} (${bytes(size)})`}`);
  yield row(
    "prepared models",
    `${prepared.folder} (${counted(prepared.entries, "model")}, ${bytes(prepared.bytes)})`,
  );
  yield row("Hub cache", `${hubCache.folder} (${bytes(hubCache.bytes)})`);
  yield "";
  if (report.problems.length === 0) yield "Everything that drawing needs is here.";
  for (const problem of report.problems) yield `problem: ${problem}`;
}

function libtorchInWords(report: LibtorchReport | undefined): string {
  if (!report) return "not set up (npm run setup; only training, evaluation and GPUs need it)";
  const { version, origin, blas, simd, threads, openmp, cudaDevices } = report;
  const devices = cudaDevices > 0 ? counted(cudaDevices, "CUDA device") : "no CUDA device";
  return `${version} from ${origin}; BLAS ${blas}, ${simd}, ${counted(threads, "thread")}${openmp ? " of OpenMP" : ""}, ${devices}`;
}

const graphicsInWords: Readonly<Record<Graphics, string>> = {
  kitty: "shows pictures (kitty)",
  iterm2: "shows pictures (iTerm2)",
  sixel: "shows pictures (sixel)",
  blocks: "shows pictures as coloured blocks",
  none: "shows no pictures (no terminal, NO_COLOR, or no 24-bit colour)",
};
