#!/usr/bin/env node
/** The command `libtorch`: `setup` finds or gets a libtorch and builds the addon, `info` says what there is. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { buildFolder } from "../native.js";
import { compile, type FullBuildRecord } from "./compile.js";
import { findCompiler } from "./compiler.js";
import type { Libtorch } from "./examine.js";
import { SetupError } from "./failure.js";
import { getLibtorch } from "./get.js";
import { locate, type Search } from "./locate.js";
import { type Reporter, reporterOn } from "./reporter.js";

const USAGE = `Usage: libtorch setup [--cuda] [--force]
       libtorch info

setup   finds PyTorch's C++ library, or gets it, and builds the addon for it.
        It looks at LIBTORCH (a folder with include and lib), the active Python's torch, the one it
        got before, the system's package; where there is none it gets one with pip or apt-get.
info    says what was built, and what setup would take now.

  --cuda    take only a library that can use a GPU
  --force   compile everything again

Example: LIBTORCH=/opt/libtorch npx libtorch setup`;

interface Flags {
  readonly cuda: boolean;
  readonly force: boolean;
}

async function setup({ cuda, force }: Flags, report: Reporter, signal: AbortSignal): Promise<void> {
  if (process.platform === "win32")
    throw new SetupError("Windows is not supported: use the Windows Subsystem for Linux.");
  // Before anything large is downloaded.
  const compiler = await findCompiler({ signal });
  report.step("looking for libtorch");
  const libtorch = (await find(cuda, report, signal)) ?? (await get(cuda, report, signal));
  report.line(`Taken: ${described(libtorch)}.`);
  const started = Date.now();
  const record = await compile(libtorch, { compiler, force, signal, report });
  const file = relative(process.cwd(), join(buildFolder(), record.addon));
  report.line(`Built and loaded in ${((Date.now() - started) / 1000).toFixed(0)} s: ${file}`);
}

async function find(cuda: boolean, report: Reporter, signal: AbortSignal): Promise<Libtorch | undefined> {
  const search = await locate({ signal, needCuda: cuda });
  for (const sentence of search.refused) report.line(sentence);
  if (search.blocked)
    throw new SetupError(
      "Set LIBTORCH to a folder with include and lib, or unset it to have others looked for.",
    );
  return search.found;
}

async function get(cuda: boolean, report: Reporter, signal: AbortSignal): Promise<Libtorch> {
  await getLibtorch({ build: buildFolder(), cuda, env: process.env, signal, report });
  const search = await locate({ signal, needCuda: cuda });
  if (search.found) return search.found;
  throw new SetupError("libtorch was installed, but cannot be used.", search.refused);
}

function described({ origin, version, library, cuda }: Libtorch): string {
  const device = !cuda
    ? "for CPUs"
    : cuda.missing.length === 0
      ? `with CUDA, its headers${cuda.nccl ? " and NCCL's" : ", without NCCL's"}`
      : `with CUDA, but without its headers (no streams, graphs and NCCL; missing: ${cuda.missing.join(", ")})`;
  return `${origin}, version ${version}, ${device}, libraries in ${library}`;
}

async function info(signal: AbortSignal): Promise<void> {
  const file = join(buildFolder(), "current.json");
  const record = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as FullBuildRecord) : undefined;
  console.log(
    record
      ? `Built: ${record.origin}, version ${record.version}, ${record.cuda ? "with CUDA" : "for CPUs"}: ${join(buildFolder(), record.addon)}`
      : "Built: nothing yet; run setup.",
  );
  const search: Search = await locate({ signal });
  for (const sentence of search.refused) console.log(sentence);
  console.log(search.found ? `Found: ${described(search.found)}.` : "Found: none; setup would get one.");
}

async function main(): Promise<number> {
  const interrupt = new AbortController();
  const report = reporterOn(process.stdout);
  process.on("SIGINT", () => (interrupt.signal.aborted ? process.exit(130) : interrupt.abort()));
  process.on("SIGTERM", () => interrupt.abort());
  let usage = true;
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        cuda: { type: "boolean", default: false },
        force: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    const [verb, ...more] = positionals;
    if (values.help || verb === undefined) {
      console.log(USAGE);
      return values.help ? 0 : 2;
    }
    if (more.length > 0 || (verb !== "setup" && verb !== "info"))
      throw new TypeError(`"${positionals.join(" ")}" is not known; it is setup or info.`);
    usage = false;
    await (verb === "setup" ? setup(values, report, interrupt.signal) : info(interrupt.signal));
    return 0;
  } catch (error) {
    report.close();
    if (interrupt.signal.aborted) {
      console.error("Interrupted. The addon in use before, if there was one, is unchanged.");
      return 130;
    }
    if (usage && error instanceof TypeError) {
      console.error(`${error.message}\n\n${USAGE}`);
      return 2;
    }
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return 1;
  } finally {
    report.close();
  }
}

process.exitCode = await main();
