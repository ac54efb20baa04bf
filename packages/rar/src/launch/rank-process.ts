/** One rank as a child process: its output line by line under its number, its last words, its end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { hostname, constants as os } from "node:os";
import type { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";

/** How a rank ended. */
export interface Ending {
  readonly rank: number;
  readonly pid: number | undefined;
  readonly host: string;
  /** Exit code; 128 and the signal's number where a signal ended it, as shells have it. */
  readonly code: number;
  readonly signal?: NodeJS.Signals | undefined;
  /** The last lines it wrote, those of stderr where it wrote any. */
  readonly lastWords: readonly string[];
}

export interface RankOutput {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether lines get the rank's number; without it a rank writes straight to this process's streams. */
  readonly prefixed: boolean;
}

const wordsKept = 8;
const longestLine = 64 * 1024;

export class RankProcess {
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  #alive = true;

  /** @param command - the program and its arguments */
  constructor(command: readonly string[], rank: number, env: NodeJS.ProcessEnv, output: RankOutput) {
    const [program, ...words] = command as [string, ...string[]];
    // A group of its own: Ctrl-C in a terminal reaches the launcher alone, which passes it on once.
    const stdio = output.prefixed ? "pipe" : "inherit";
    this.#child = spawn(program, words, { env, stdio: ["ignore", stdio, stdio], detached: true });
    this.ended = this.#watch(rank, output);
  }

  /** To the rank and to what it has started. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (!this.#alive || pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      this.#child.kill(signal); // no group: it has just ended
    }
  }

  async #watch(rank: number, output: RankOutput): Promise<Ending> {
    const child = this.#child;
    const prefix = `[${rank}] `;
    const said: string[] = [];
    const complained: string[] = [];
    const copies = [
      child.stdout && copyLines(child.stdout, output.stdout, prefix, said),
      child.stderr && copyLines(child.stderr, output.stderr, prefix, complained),
    ];
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      child.once("exit", (exitCode, by) => resolve([exitCode, by]));
      child.once("error", (error) => {
        complained.push(error.message); // it never started
        resolve([127, null]);
      });
    });
    this.#alive = false;
    // What it had written is on its way; a grandchild that holds the pipe open is not waited for.
    const late = new AbortController();
    await Promise.race([Promise.allSettled(copies), pause(1000, undefined, { signal: late.signal })]);
    late.abort();
    child.stdout?.destroy();
    child.stderr?.destroy();
    return {
      rank,
      pid: child.pid,
      host: hostname(),
      code: code ?? 128 + (signal ? os.signals[signal] : 0),
      signal: signal ?? undefined,
      lastWords: (complained.length > 0 ? complained : said).slice(-wordsKept),
    };
  }
}

async function copyLines(from: Readable, to: Writable, prefix: string, last: string[]): Promise<void> {
  let rest = "";
  const write = async (lines: readonly string[]): Promise<void> => {
    if (lines.length === 0) return;
    for (const line of lines) if (line.trim() !== "") last.push(line.slice(0, 500));
    last.splice(0, last.length - wordsKept);
    if (!to.write(`${lines.map((line) => prefix + line).join("\n")}\n`)) await once(to, "drain");
  };
  from.setEncoding("utf8");
  for await (const chunk of from) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    if (rest.length > longestLine) lines.push(rest);
    if (rest.length > longestLine) rest = "";
    await write(lines);
  }
  if (rest !== "") await write([rest]);
}
