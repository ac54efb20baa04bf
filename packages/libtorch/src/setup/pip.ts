/** Gets libtorch as pip's `torch` wheel, in a Python environment of setup's own. */
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { privatePython } from "./locate.js";
import type { Reporter } from "./reporter.js";
import { lastLine, type Outcome, run } from "./run.js";

/** Where PyTorch publishes builds without CUDA for every platform. */
const CPU_INDEX = ["--extra-index-url", "https://download.pytorch.org/whl/cpu"];

/** A host that does not answer costs seconds, not pip's usual minutes. */
const PATIENCE = ["--retries", "1", "--timeout", "10", "--disable-pip-version-check", "--no-input"];

export interface GetOptions {
  /** The build folder. */
  readonly build: string;
  /** A wheel that can use a GPU; else one for CPUs, which is ten times smaller. */
  readonly cuda: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly report: Reporter;
}

/** What pip is asked to install, and from where besides its usual places. */
export interface Choice {
  readonly requirement: string;
  readonly index: readonly string[];
  readonly note: string;
}

/**
 * @returns undefined when torch is installed; else a sentence on why it is not
 * @throws the reason of `signal`; nothing half-made is left behind
 */
export async function getWheel(options: GetOptions): Promise<string | undefined> {
  const { build, env, signal, report } = options;
  const { folder, executable, complete } = privatePython(build);
  const base = await findPython(options);
  if (base === undefined) return "There is no python3 on PATH, so pip cannot be asked for torch.";
  const pip = (args: readonly string[], onLine?: (line: string) => void) =>
    run(executable, ["-m", "pip", ...args], { env, signal, onLine });
  try {
    report.line(`Making a Python environment in ${folder}.`);
    await rm(folder, { recursive: true, force: true });
    const made = await run(base, ["-m", "venv", folder], { env, signal });
    if (made?.code !== 0)
      return `${base} cannot make an environment (${reasonOf(made)}). On Debian and Ubuntu: apt-get install python3-venv.`;

    report.step("asking pip for torch");
    const choice = await choose(options.cuda, pip);
    if (choice === undefined) return "pip finds no torch for this Python.";
    report.line(`Installing ${choice.requirement} with pip: ${choice.note}.`);
    report.step("pip");
    const installed = await pip(["install", ...PATIENCE, ...choice.index, choice.requirement], (line) => {
      if (/^\s*(Downloading|Processing|Installing)/.test(line)) report.step(line.trim());
    });
    if (installed?.code !== 0) return `pip cannot install ${choice.requirement}: ${reasonOf(installed)}`;
    if (options.cuda) await addHeaders(options, pip);
    await writeFile(complete, "");
    return undefined;
  } finally {
    if (!existsSync(complete)) await rm(folder, { recursive: true, force: true });
  }
}

type Pip = (args: readonly string[], onLine?: (line: string) => void) => Promise<Outcome | undefined>;

/** A build without CUDA where pip knows one, else what pip takes by itself; undefined when pip knows of none. */
export async function choose(cuda: boolean, pip: Pip): Promise<Choice | undefined> {
  if (cuda) return { requirement: "torch", index: [], note: "with CUDA, several GB" };
  let anyFound = false;
  // pip's usual places come first, so that nothing more is asked where they are enough.
  for (const index of [[], CPU_INDEX]) {
    const answer = await pip(["index", "versions", "torch", ...PATIENCE, ...index]);
    const versions = /^Available versions: (.+)$/m.exec(answer?.stdout ?? "")?.[1]?.split(/, */) ?? [];
    const newest = versions.find((version) => version.endsWith("+cpu"));
    // A pip that is too old to be asked may still install.
    anyFound ||= !/No matching distribution/.test(answer?.stderr ?? "");
    if (newest !== undefined)
      return { requirement: `torch==${newest}`, index, note: "a build for CPUs, about 200 MB" };
  }
  if (!anyFound) return undefined;
  const large = process.platform === "linux" && process.arch === "x64";
  return {
    requirement: "torch",
    index: [],
    note: large ? "pip finds no build for CPUs alone; with CUDA this is several GB" : "the ordinary build",
  };
}

/**
 * The packages that torch brings for CUDA 13 lack some headers, which streams, graphs and NCCL need to compile. Where
 * they cannot be had, the build goes on without these.
 */
async function addHeaders({ report }: GetOptions, pip: Pip): Promise<void> {
  const toolkit = await pip(["show", "cuda-toolkit"]);
  const version = /^Version: (.+)$/m.exec(toolkit?.stdout ?? "")?.[1];
  if (version === undefined) return;
  report.step("pip: CUDA's headers");
  await pip(["install", ...PATIENCE, `cuda-toolkit[cccl,crt]==${version}`]);
}

async function findPython({ env, signal }: GetOptions): Promise<string | undefined> {
  for (const name of ["python3", "python"])
    if ((await run(name, ["--version"], { env, signal }))?.code === 0) return name;
  return undefined;
}

function reasonOf(outcome: Outcome | undefined): string {
  const said = `${outcome?.stdout ?? ""}\n${outcome?.stderr ?? ""}`;
  const errors = said.split("\n").filter((line) => line.startsWith("ERROR: "));
  return (errors.at(-1)?.slice("ERROR: ".length) ?? lastLine(said)).trim();
}
