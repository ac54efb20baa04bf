/** Gets libtorch as Debian's and Ubuntu's package, where this process may install packages. */
import type { Reporter } from "./reporter.js";
import { lastLine, run } from "./run.js";

/** The second is a BLAS that shares its threads with libtorch; the default one's pool works against libtorch's. */
export const PACKAGES = ["libtorch-dev", "libopenblas0-openmp"] as const;

export interface AptOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly report: Reporter;
  /** Whether this process may do anything. Default: as the system says. */
  readonly root?: boolean | undefined;
}

/**
 * @returns undefined when the packages are installed; else a sentence on why they are not
 * @throws the reason of `signal`
 */
export async function getPackage(options: AptOptions): Promise<string | undefined> {
  const { signal, report } = options;
  const env = { ...options.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  if ((await run("apt-get", ["--version"], { env, signal }))?.code !== 0)
    return "This is neither Debian nor Ubuntu: there is no apt-get.";
  const root = options.root ?? process.getuid?.() === 0;
  if (!root && (await run("sudo", ["-n", "true"], { env, signal }))?.code !== 0)
    return "Installing packages needs root, and sudo asks for a password.";

  const apt = async (...args: string[]): Promise<string | undefined> => {
    const [program, ...rest] = root
      ? ["apt-get", ...args]
      : ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args];
    const outcome = await run(program, rest, { env, signal, onLine: (line) => report.step(line) });
    if (outcome?.code === 0) return undefined;
    const errors = outcome?.stderr.split("\n").filter((line) => line.startsWith("E: ")) ?? [];
    return (errors[0] ?? lastLine(outcome?.stderr ?? "")).replace(/^E: /, "");
  };
  const isKnown = async () => {
    const policy = await run("apt-cache", ["policy", PACKAGES[0]], { env, signal });
    return /Candidate: (?!\(none\))/.test(policy?.stdout ?? "");
  };
  const update = () => {
    report.line("Updating apt's package lists.");
    return apt("update");
  };
  const install = () => {
    report.line(`Installing ${PACKAGES.join(" and ")} with apt-get.`);
    return apt("install", "-y", "--no-install-recommends", ...PACKAGES);
  };

  if (await isKnown()) {
    if ((await install()) === undefined) return undefined;
    // Old lists name files that are no longer served.
  }
  const failure = await update();
  if (!(await isKnown())) return `apt knows no ${PACKAGES[0]}${failure ? ` (${failure})` : ""}.`;
  const reason = await install();
  return reason === undefined ? undefined : `apt-get cannot install ${PACKAGES[0]}: ${reason}`;
}
