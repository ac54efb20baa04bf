/** What the verbs need to know of stdout and stderr: who reads them, and that nobody may read to the end. */

/** A reader that has gone (`rarity ... | head -1`) ends the command quietly: it has what it wanted. */
export function surviveClosedPipes(): void {
  if (surviving) return;
  surviving = true;
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
      throw error;
    });
}

let surviving = false;

/** Whether to send escape codes: a terminal, and nobody said NO_COLOR (no-color.org) or TERM=dumb. */
export function isFancy(
  stream: { readonly isTTY?: boolean | undefined },
  env: NodeJS.ProcessEnv = process.env,
): boolean {
  return stream.isTTY === true && !env.NO_COLOR && env.TERM !== "dumb";
}

/** A line for people: to stderr, so that results can be piped. */
export const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** A result: to stdout. */
export const print = (line: string): void => void process.stdout.write(`${line}\n`);
