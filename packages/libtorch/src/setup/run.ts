/** Runs a program, and gives back what it printed. */
import { spawn } from "node:child_process";

export interface Outcome {
  /** Exit code; null when a signal ended the program. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Is called with each line of the output while the program runs. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/**
 * @param command - a path, or a name that is looked for on `PATH`
 * @returns what it printed; undefined when there is no such program
 * @throws the reason of `signal`, after the program and all that it started has ended
 */
export function run(
  command: string,
  args: readonly string[],
  { env, signal, onLine }: RunOptions = {},
): Promise<Outcome | undefined> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    // A group of its own, so that what the program starts can be ended with it.
    const child = spawn(command, args, {
      env: env ?? process.env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let killing: NodeJS.Timeout | undefined;
    const interrupt = () => {
      endGroup(child.pid, "SIGINT");
      killing = setTimeout(() => endGroup(child.pid, "SIGKILL"), 5000);
    };
    signal?.addEventListener("abort", interrupt, { once: true });
    const cleanUp = () => {
      signal?.removeEventListener("abort", interrupt);
      clearTimeout(killing);
    };
    let [stdout, stderr, line] = ["", "", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      const lines = (line + text).split("\n");
      line = lines.pop() ?? "";
      for (const complete of lines) onLine?.(complete);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      cleanUp();
      if (error.code === "ENOENT" || error.code === "EACCES") resolve(undefined);
      else reject(error);
    });
    child.on("close", (code) => {
      cleanUp();
      if (signal?.aborted) reject(signal.reason);
      else resolve({ code, stdout, stderr });
    });
  });
}

function endGroup(leader: number | undefined, signal: NodeJS.Signals): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The last line that says something: where most programs put the reason of a failure. */
export const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)?.trim() ?? "";
