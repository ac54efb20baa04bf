/** Runs a program of this folder as several ranks, in real processes. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RanksOptions {
  readonly count?: number;
  readonly args?: readonly string[];
  readonly host?: string;
  /** Variables of one rank, beside the usual ones; undefined removes one. */
  readonly variables?: (rank: number) => Readonly<Record<string, string | undefined>>;
  /** What the command of one rank starts with. */
  readonly prefix?: (rank: number) => readonly string[];
  readonly killAfter?: number;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export const programPath = (name: string): string => fileURLToPath(new URL(`${name}.mjs`, import.meta.url));

export async function runCommand(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  killAfter = 60,
): Promise<Outcome> {
  const begin = Date.now();
  const [file, ...args] = command;
  const child = spawn(file as string, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), killAfter * 1000);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  clearTimeout(timer);
  return { code, signal, stdout, stderr, seconds: (Date.now() - begin) / 1000 };
}

export async function runRanks(program: string, options: RanksOptions = {}): Promise<Outcome[]> {
  const { count = 2, args = [], host = "127.0.0.1", variables = () => ({}), prefix = () => [] } = options;
  const port = String(await freePort());
  return Promise.all(
    Array.from({ length: count }, (_, rank) =>
      runCommand(
        [...prefix(rank), process.execPath, programPath(program), ...args],
        {
          RANK: String(rank),
          LOCAL_RANK: String(rank),
          WORLD_SIZE: String(count),
          MASTER_ADDR: host,
          MASTER_PORT: port,
          ...variables(rank),
        },
        options.killAfter,
      ),
    ),
  );
}
