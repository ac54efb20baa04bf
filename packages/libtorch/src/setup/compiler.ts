/** The C++ compiler: which one, the flags for a libtorch, and sentences for the ways in which it is known to fail. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Libtorch } from "./examine.js";
import { SetupError } from "./failure.js";
import { type RunOptions, run } from "./run.js";

export interface Compiler {
  /** The program, and arguments that always come first (`CXX="ccache g++"`). */
  readonly command: readonly [string, ...string[]];
  /** The first line of its `--version`. */
  readonly version: string;
}

/** @throws {SetupError} when there is none, or it does not know C++20 */
export async function findCompiler(options: RunOptions): Promise<Compiler> {
  const env = options.env ?? process.env;
  const wanted = env.CXX?.trim().split(/\s+/);
  const commands = wanted?.[0] ? [wanted] : [["c++"], ["g++"], ["clang++"]];
  for (const [program = "", ...first] of commands) {
    const said = await run(program, [...first, "--version"], options);
    if (said?.code !== 0) continue;
    const compiler: Compiler = {
      command: [program, ...first],
      version: said.stdout.split("\n")[0] ?? program,
    };
    const known = await run(
      program,
      [...first, "-std=c++20", "-fsyntax-only", "-x", "c++", "/dev/null"],
      options,
    );
    if (known?.code === 0) return compiler;
    throw new SetupError(
      `The compiler is too old: "${compiler.version}" does not know C++20. Install g++ 11, clang 14 or newer, and name it in CXX.`,
    );
  }
  throw new SetupError(
    wanted?.[0]
      ? `CXX is "${env.CXX}", which is no program that runs. Set it to a C++ compiler, or unset it.`
      : "There is no C++ compiler. Install one (Debian and Ubuntu: apt-get install g++; macOS: xcode-select --install).",
  );
}

/**
 * @param native - the folder of the addon's sources
 * @param headers - whether to use the CUDA headers that were found
 */
export function compileFlags(libtorch: Libtorch, native: string, headers: boolean): string[] {
  const require = createRequire(import.meta.url);
  const folderOf = (name: string) => dirname(require.resolve(`${name}/package.json`));
  const cuda = headers ? libtorch.cuda : undefined;
  const gloo = libtorch.includes.some((folder) => existsSync(join(folder, "gloo/rendezvous/store.h")));
  const folders = [
    join(folderOf("node-api-headers"), "include"),
    folderOf("node-addon-api"),
    ...libtorch.includes,
    ...(gloo ? [] : [join(native, "gloo-stand-in")]),
    ...(cuda?.includes ?? []),
  ];
  return [
    ...["-std=c++20", "-O2", "-fPIC", "-fvisibility=hidden", "-pthread"],
    ...["-DNAPI_VERSION=8", "-DNAPI_CPP_EXCEPTIONS", `-D_GLIBCXX_USE_CXX11_ABI=${libtorch.abi}`],
    "-DUSE_C10D_GLOO",
    ...(cuda?.nccl ? ["-DUSE_C10D_NCCL"] : []),
    // Searched by itself; naming it would change the order among the compiler's own folders.
    ...folders.filter((folder) => folder !== "/usr/include").map((folder) => `-I${folder}`),
  ];
}

/** Nothing in the addon names a symbol of `libtorch_cuda`: left to itself, the linker drops it and CUDA is lost. */
export function linkFlags({ library, cuda }: Libtorch): string[] {
  const names = ["torch", "torch_cpu", "c10", ...(cuda ? ["torch_cuda", "c10_cuda"] : [])];
  const kind =
    process.platform === "darwin"
      ? ["-bundle", "-undefined", "dynamic_lookup"]
      : ["-shared", "-pthread", "-Wl,--no-as-needed"];
  return [...kind, `-L${library}`, `-Wl,-rpath,${library}`, ...names.map((name) => `-l${name}`)];
}

/** Failures that have a known cure, the most telling first. */
const KNOWN: readonly (readonly [pattern: RegExp, sentence: string])[] = [
  [
    /fatal error: '?(torch|ATen|c10)\/\S+ (No such file|file not found)/,
    "libtorch's headers are incomplete. On Debian and Ubuntu python3-torch comes without them: apt-get install libtorch-dev.",
  ],
  [
    /unrecognized command.line option .*-std=c\+\+20|invalid value 'c\+\+20'|#error .*C\+\+(17|20)/,
    "The compiler is too old for this libtorch, which needs C++20. Install g++ 11, clang 14 or newer, and name it in CXX.",
  ],
  [
    /Killed signal terminated program|out of memory|cannot allocate memory/i,
    "The compiler ran out of memory: each file needs about 1 GB. Close other programs and run setup again.",
  ],
  [/No space left on device/, "The disk is full. The build needs about 50 MB."],
  [
    /undefined symbol: (?!_ZN5addon)\S*(2at|3c10|4c10d|5torch)\d/, // mangled names of libtorch's
    "The addon and libtorch do not fit: libtorch lacks a function that its headers declare. Its C++ ABI " +
      "(_GLIBCXX_USE_CXX11_ABI) or its version differs from what was found. Are the headers of one version and the library of another?",
  ],
  [
    /(GLIBCXX|CXXABI)_\S+' not found/,
    "The compiler's C++ library is newer than the one that Node loads. Name an older compiler in CXX, or run Node with the newer libstdc++.",
  ],
  [
    /(lib\S+): cannot open shared object file/,
    "A library that libtorch needs is not installed. Install it, or reinstall torch with all it depends on.",
  ],
  [
    /cannot find -l\S+|library '?\S+'? not found/,
    "The linker does not find libtorch's libraries. Reinstall libtorch.",
  ],
];

/** A sentence with a cure for what a compiler, linker or loader printed; undefined when it is nothing known. */
export const cureFor = (text: string): string | undefined =>
  KNOWN.find(([pattern]) => pattern.test(text))?.[1];

/** The lines of a compiler's output that name errors, the first few. */
export function firstErrors(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const errors = lines.filter((line) => /\berror\b|undefined|cannot find|Killed/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 5);
}
