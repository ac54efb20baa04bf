/**
 * Finds the libtorch to compile against: the variable LIBTORCH, the active Python's torch, the private one that
 * `setup` made, the system's; the first that can be used. Says of the others why they were not taken.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildFolder } from "../native.js";
import { examine, hasLibrary, type Libtorch } from "./examine.js";
import { askPython, type PythonTorch } from "./python.js";

export type { Libtorch } from "./examine.js";

export interface LocateOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Where `setup` keeps what it made. Default: the package's build folder. */
  readonly build?: string | undefined;
  /** The prefixes that system packages use. */
  readonly prefixes?: readonly string[] | undefined;
  /** Take only a libtorch that has CUDA. */
  readonly needCuda?: boolean | undefined;
}

export interface Search {
  readonly found: Libtorch | undefined;
  /** A sentence for each place that was looked at before, with the reason why it was not taken. */
  readonly refused: readonly string[];
  /** LIBTORCH names something that cannot be used: nothing else is taken in its place. */
  readonly blocked: boolean;
}

/** The private Python environment, and the file that says that it is complete. */
export const privatePython = (build: string): { folder: string; executable: string; complete: string } => {
  const folder = join(build, "python");
  return { folder, executable: join(folder, "bin/python"), complete: join(folder, "complete") };
};

/** @throws the reason of `signal`; everything else is in the result */
export async function locate(options: LocateOptions = {}): Promise<Search> {
  const settings: Settings = {
    env: options.env ?? process.env,
    signal: options.signal,
    build: options.build ?? buildFolder(),
    prefixes: options.prefixes ?? ["/usr", "/usr/local"],
  };
  const refused: string[] = [];
  for (const place of [fromVariable, fromActivePython, fromPrivatePython, fromSystem]) {
    let result = await place(settings);
    if (typeof result !== "string" && options.needCuda && !result.cuda)
      result = `${capitalised(result.origin)} has no CUDA.`;
    if (typeof result !== "string") return { found: result, refused, blocked: false };
    refused.push(result);
    if (place === fromVariable && settings.env.LIBTORCH) return { found: undefined, refused, blocked: true };
  }
  return { found: undefined, refused, blocked: false };
}

interface Settings {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal | undefined;
  readonly build: string;
  readonly prefixes: readonly string[];
}

/** A libtorch, or a sentence on why this place has none. */
type Place = (settings: Settings) => Libtorch | string | Promise<Libtorch | string>;

const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const fromVariable: Place = ({ env }) => {
  if (!env.LIBTORCH) return "LIBTORCH is not set.";
  const prefix = resolve(env.LIBTORCH);
  if (!existsSync(prefix)) return `LIBTORCH is ${prefix}, which does not exist.`;
  return inPrefix(prefix, `LIBTORCH (${prefix})`, env);
};

const fromActivePython: Place = async ({ env, signal }) => {
  const answer =
    (await askPython("python3", { env, signal })) ?? (await askPython("python", { env, signal }));
  if (answer === undefined) return "There is no python3 on PATH.";
  return ofPython(answer, `the active Python (${answer.python})`, env);
};

const fromPrivatePython: Place = async ({ env, signal, build }) => {
  const { executable, complete, folder } = privatePython(build);
  const answer = existsSync(complete) ? await askPython(executable, { env, signal }) : undefined;
  if (answer === undefined) return "Setup has not made a Python environment of its own.";
  return ofPython(answer, `setup's own Python environment (${folder})`, env);
};

const fromSystem: Place = ({ env, prefixes }) => {
  const reasons: string[] = [];
  for (const prefix of prefixes) {
    if (!libraryIn(prefix)) continue;
    const result = inPrefix(prefix, `the system's package (${prefix})`, env);
    if (typeof result !== "string") return result;
    reasons.push(result);
  }
  return reasons.length > 0 ? reasons.join(" ") : `The system has none in ${prefixes.join(" or ")}.`;
};

function ofPython({ torch }: PythonTorch, origin: string, env: NodeJS.ProcessEnv): Libtorch | string {
  const result = typeof torch === "string" ? torch : examine({ ...torch, origin }, env);
  return typeof result !== "string" ? result : `${capitalised(origin)} ${result}.`;
}

/** A folder with `include` and `lib`: the official zip, a wheel's torch folder, or a prefix of system packages. */
function inPrefix(prefix: string, origin: string, env: NodeJS.ProcessEnv): Libtorch | string {
  const include = join(prefix, "include");
  const library = libraryIn(prefix) ?? join(prefix, "lib");
  const includes = [include, join(include, "torch/csrc/api/include")];
  const result = examine({ origin, includes, library, version: writtenVersion(prefix) }, env);
  return typeof result === "string" ? `${capitalised(origin)} ${result}.` : result;
}

function libraryIn(prefix: string): string | undefined {
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  return [`lib/${machine}-linux-gnu`, "lib", "lib64"].map((name) => join(prefix, name)).find(hasLibrary);
}

/** The version as the zip or the wheel states it, which the headers do without a suffix such as "+cpu". */
function writtenVersion(prefix: string): string | undefined {
  const zip = join(prefix, "build-version");
  if (existsSync(zip)) return readFileSync(zip, "utf8").trim() || undefined;
  const wheel = join(prefix, "version.py");
  if (!existsSync(wheel)) return undefined;
  return /__version__ = ['"]([^'"]+)['"]/.exec(readFileSync(wheel, "utf8"))?.[1];
}
