/** Gets a libtorch where none was found: pip's wheel, else the system's package, else says which command to run. */
import { getPackage, PACKAGES } from "./apt.js";
import { SetupError } from "./failure.js";
import { type GetOptions, getWheel } from "./pip.js";

/** @throws {SetupError} with one command to run, where neither way is open */
export async function getLibtorch(options: GetOptions): Promise<void> {
  const reasons: string[] = [];
  const noWheel = await getWheel(options);
  if (noWheel === undefined) return;
  reasons.push(noWheel);
  options.report.line(noWheel);
  // The packages of Debian and Ubuntu have no CUDA.
  if (!options.cuda) {
    const noPackage = await getPackage(options);
    if (noPackage === undefined) return;
    reasons.push(noPackage);
  }
  throw new SetupError(
    `libtorch cannot be had here by itself. Run \`${commandFor(options.cuda)}\`, then setup again.`,
    reasons,
  );
}

function commandFor(cuda: boolean): string {
  if (process.platform === "linux" && !cuda) return `sudo apt-get install ${PACKAGES.join(" ")}`;
  return "python3 -m pip install torch";
}
