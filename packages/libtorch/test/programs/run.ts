/** Starts one of these programs as a process of its own, on the built package. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** With Node's flags and variables of the environment. */
export function start(name: string, flags: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const options = { timeout: 50_000, env: { ...process.env, ...env } };
  return new Promise((resolve) =>
    execFile(process.execPath, [...flags, file], options, (error, stdout, stderr) =>
      resolve({ code: error ? (error.signal ?? error.code) : 0, stdout, stderr }),
    ),
  );
}

/** What it printed, as JSON. It has to end by itself, with code 0 and nothing on stderr. */
export async function runProgram(name: string, ...flags: string[]): Promise<Record<string, unknown>> {
  const ended = await start(name, flags);
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(ended.stdout) as Record<string, unknown>;
}
