/** Starts one of these programs as a process of its own, on the built package. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";

/** What it printed, as JSON. It has to end by itself, with code 0 and nothing on stderr. */
export async function runProgram(name: string, ...flags: string[]): Promise<Record<string, unknown>> {
  const file = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
  const ended = await new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) =>
    execFile(process.execPath, [...flags, file], { timeout: 50_000 }, (error, stdout, stderr) =>
      resolve({ code: error ? (error.signal ?? error.code) : 0, stdout, stderr }),
    ),
  );
  expect({ code: ended.code, stderr: ended.stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(ended.stdout) as Record<string, unknown>;
}
