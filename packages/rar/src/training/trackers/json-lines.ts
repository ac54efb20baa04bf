/** The log `metrics.jsonl`: one line of JSON a call, in the order of steps; what other trackers start from on resume. */
import { readFile } from "node:fs/promises";
import { AppendFile } from "./append-file.js";
import { pictureName } from "./picture-files.js";
import type { Tracker } from "./tracker.js";

export interface LoggedStep {
  readonly step: number;
  /** Seconds since 1970. */
  readonly time: number;
  readonly values: Readonly<Record<string, number>>;
  /** Files of pictures by name, below the run's folder. */
  readonly pictures: Readonly<Record<string, string>>;
}

export interface Log {
  /** Whole lines up to the asked step. */
  readonly lines: readonly LoggedStep[];
  /** Bytes they take in the file. */
  readonly length: number;
}

/** The log's lines up to `step`; a line cut short by a crash and all behind it count as later. Empty where there is no file. */
export async function readLog(path: string, step: number): Promise<Log> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return Buffer.alloc(0);
    throw error;
  });
  const lines: LoggedStep[] = [];
  let length = 0;
  for (;;) {
    const end = bytes.indexOf(10, length);
    const line = end < 0 ? undefined : parse(bytes.toString("utf8", length, end));
    if (line === undefined || line.step > step) return { lines, length };
    lines.push(line);
    length = end + 1;
  }
}

function parse(text: string): LoggedStep | undefined {
  try {
    const { step, time, ...rest } = JSON.parse(text) as Record<string, unknown>;
    if (typeof step !== "number" || typeof time !== "number") return undefined;
    const values: Record<string, number> = {};
    const pictures: Record<string, string> = {};
    for (const [name, value] of Object.entries(rest))
      if (typeof value === "string") pictures[name] = value;
      else values[name] = typeof value === "number" ? value : Number.NaN; // null: JSON has no word for it
    return { step, time, values, pictures };
  } catch {
    return undefined;
  }
}

/**
 * @param length - of `readLog`: what the file holds beyond is dropped
 * @param now - seconds since 1970
 */
export function jsonLines(
  path: string,
  length: number,
  failed: (error: unknown) => void,
  now: () => number,
): Tracker {
  const file = new AppendFile(path, length, failed);
  file.append(new Uint8Array()); // cuts later lines off now, not at the first line to come
  const log = (step: number, values: object): void => {
    const time = Math.round(now() * 1000) / 1000;
    file.append(Buffer.from(`${JSON.stringify({ step, time, ...values })}\n`)); // NaN and infinities become null
  };
  return {
    scalars: log,
    image: (step, name) => log(step, { [name]: pictureName(step, name) }),
    close: () => file.close(),
  };
}
