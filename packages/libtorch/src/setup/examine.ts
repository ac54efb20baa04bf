/** Looks at the files of one libtorch: its version, its C++ ABI, whether it has CUDA. Takes it or says why not. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type CudaHeaders, findCudaHeaders } from "./cuda-headers.js";

/** A libtorch that the addon can be compiled against. */
export interface Libtorch {
  /** A few words on where it comes from. */
  readonly origin: string;
  readonly version: string;
  /** Folders for the compiler to search. */
  readonly includes: readonly string[];
  /** The folder with `libtorch_cpu` and `libc10`. */
  readonly library: string;
  /** The value of `_GLIBCXX_USE_CXX11_ABI` that it was compiled with. */
  readonly abi: 0 | 1;
  /** There when the library can use CUDA; says whether CUDA's headers are there too. */
  readonly cuda: CudaHeaders | undefined;
}

export interface Files {
  readonly origin: string;
  readonly includes: readonly string[];
  readonly library: string;
  /** As its own Python says; else it is read from the headers. */
  readonly version?: string | undefined;
  readonly abi?: 0 | 1 | undefined;
}

/** Oldest version whose headers the addon compiles with. */
const OLDEST = [1, 13] as const;

const suffix = process.platform === "darwin" ? "dylib" : "so";

export const libraryFile = (folder: string, name: string): string => join(folder, `lib${name}.${suffix}`);

/** Whether a folder holds what the linker needs. */
export const hasLibrary = (folder: string): boolean =>
  ["torch", "torch_cpu", "c10"].every((name) => existsSync(libraryFile(folder, name)));

/** "2.13.0+cpu" -> "2.13" */
export const majorMinor = (version: string): string => /^\d+\.\d+/.exec(version)?.[0] ?? version;

/**
 * @param env - where CUDA's headers may be named: `CUDA_HOME`, `CUDA_PATH`, `CONDA_PREFIX`
 * @returns the libtorch, or a few words on why it cannot be used
 */
export function examine(files: Files, env: NodeJS.ProcessEnv): Libtorch | string {
  const { origin, library } = files;
  const includes = files.includes.filter((folder) => existsSync(folder));
  const headers = headersVersion(includes);
  if (headers === undefined)
    return `has no C++ headers in ${files.includes[0]} (on Debian and Ubuntu they are in libtorch-dev)`;
  if (!hasLibrary(library)) return `has no libtorch, libtorch_cpu and libc10 in ${library}`;
  const version = files.version ?? headers;
  // Only these two are compared: Debian's 1.13.1 says 1.13.0 in its headers.
  if (majorMinor(version) !== majorMinor(headers))
    return `is version ${version}, but its headers are of version ${headers}`;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    return `is version ${version}; ${OLDEST.join(".")} is the oldest that works`;
  const cuda = existsSync(libraryFile(library, "torch_cuda"))
    ? findCudaHeaders(includes[0] ?? "", library, env)
    : undefined;
  return { origin, version, includes, library, abi: files.abi ?? abiOf(library), cuda };
}

function headersVersion(includes: readonly string[]): string | undefined {
  const names = ["torch/version.h", "torch/headeronly/version.h"];
  for (const file of includes.flatMap((folder) => names.map((name) => join(folder, name)))) {
    if (!existsSync(file)) continue;
    const text = readFileSync(file, "utf8");
    const parts = ["MAJOR", "MINOR", "PATCH"].map(
      (part) => new RegExp(`#define TORCH_VERSION_${part} +(\\d+)`).exec(text)?.[1],
    );
    if (parts.every((part) => part !== undefined)) return parts.join(".");
  }
  return undefined;
}

/** Reads off the mangled name of the constructor of c10::Error which `std::string` the library was compiled with. */
export function abiOf(library: string): 0 | 1 {
  const bytes = readFileSync(libraryFile(library, "c10"));
  const name = "_ZN3c105ErrorC";
  let seen = false;
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at + 1)) {
    if (bytes.subarray(at, bytes.indexOf(0, at)).includes("__cxx11")) return 1;
    seen = true;
  }
  // A library without the name is not one of GNU's C++ library, where the flag means nothing.
  return seen ? 0 : 1;
}
