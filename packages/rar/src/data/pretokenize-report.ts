/** The end of pre-tokenization: the rows of all ranks joined in one file, what was skipped in a log, and a report beside it. */
import { readFile, rm, stat } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { RarityError } from "../config/errors.js";
import { writeAtomically } from "../weights/atomic-file.js";
import { badFile } from "../weights/bad-file.js";
import { pause } from "../weights/hub-timing.js";
import { Journal, type JournalEntry } from "./pretokenize-journal.js";
import { writeTokenFile, writeTokenJsonl } from "./token-convert.js";
import { partialPath, type TokenFileHeader } from "./token-file.js";
import { openTokens, type TokenRows } from "./token-rows.js";

export interface PretokenizeReport {
  readonly output: string;
  readonly rows: number;
  /** Pictures of the set. */
  readonly pictures: number;
  /** Pictures and samples left out, each once. */
  readonly skipped: number;
  /** Where they are named, where there are any. */
  readonly skippedLog?: string | undefined;
  /** What was found out at the first batch, such as the PSNR. */
  readonly firstBatch?: Readonly<Record<string, unknown>> | undefined;
  /** Everything that decided the rows. */
  readonly made: unknown;
}

export interface Finish {
  readonly output: string;
  readonly header: TokenFileHeader;
  readonly work: string;
  /** Of each rank: its token file, which may be the output itself, and its journal. */
  readonly parts: readonly { readonly rows: string; readonly journal: string }[];
  readonly pictures: number;
  readonly leftOut: readonly string[];
  /** Seconds to wait for a rank that makes no progress. */
  readonly patience: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

const reportPath = (output: string): string => `${output}.report.json`;
const logPath = (output: string): string => `${output}.skipped.txt`;

/** The report beside an output; undefined where there is none that can be read. */
export async function readReport(output: string): Promise<PretokenizeReport | undefined> {
  try {
    return JSON.parse(await readFile(reportPath(output), "utf8")) as PretokenizeReport;
  } catch {
    return undefined;
  }
}

/** Waits for all parts and leaves output, log and report; the work folder goes last, so that a stop before that loses nothing. */
export async function finishPretokenized(finish: Finish): Promise<PretokenizeReport> {
  const { output, header, parts, work, pictures } = finish;
  // That of an output which is being replaced must not pass for this one's.
  await rm(reportPath(output), { force: true });
  for (const [rank, part] of parts.entries()) if (rank > 0) await waitFor(rank, part, finish);
  const made = JSON.parse(JSON.stringify(header.metadata)) as unknown;
  const entries: JournalEntry[] = [];
  const filled: string[] = [];
  for (const { rows: path, journal: journalPath } of parts) {
    await using journal = await Journal.open(journalPath);
    entries.push(...journal.entries);
    // A rank whose pictures were all bad has a file without rows.
    if (journal.entries.at(-1)!.rows > 0) filled.push(path);
  }
  if (filled.length === 0) throw badFile(work, `none of the ${pictures} pictures could be read by any rank.`);
  const rows = await join(filled, finish, made);
  const skipped = new Map(entries.flatMap((entry) => entry.skipped)); // a picture that fills up a share may come twice
  const lines = [...finish.leftOut, ...skipped.values()];
  if (lines.length === 0) await rm(logPath(output), { force: true });
  else await writeText(logPath(output), lines.map((line) => `${line}\n`).join(""));
  const report: PretokenizeReport = {
    output,
    rows,
    pictures,
    skipped: lines.length,
    ...(lines.length > 0 && { skippedLog: logPath(output) }),
    firstBatch: entries[0]?.note,
    made,
  };
  await writeText(reportPath(output), `${JSON.stringify(report, undefined, 2)}\n`);
  await rm(work, { recursive: true, force: true });
  return report;
}

/** Brings the rows of all parts into the output, which may be the only one of them. @returns how many there are */
async function join(
  parts: readonly string[],
  { output, signal, work }: Finish,
  made: unknown,
): Promise<number> {
  const opened: TokenRows[] = [];
  try {
    for (const path of parts) {
      const rows = await openTokens(path);
      opened.push(rows);
      if (!isDeepStrictEqual(rows.metadata, made))
        throw badFile(
          path,
          `it was made with other settings than this run has. Delete the folder "${work}" and begin anew.`,
        );
    }
    const count = opened.reduce((sum, { rows }) => sum + rows, 0);
    if (parts[0] === output) return count;
    const write = output.endsWith(".jsonl") ? writeTokenJsonl : writeTokenFile;
    await write(output, oneAfterAnother(opened), { signal });
    return count;
  } finally {
    for (const rows of opened) await rows.close();
  }
}

/** Rows of several files as those of one. */
function oneAfterAnother(files: readonly TokenRows[]): TokenRows {
  const [first] = files;
  if (first === undefined || files.length === 1) return first!;
  const starts = [0];
  for (const { rows } of files) starts.push(starts.at(-1)! + rows);
  return {
    ...first,
    rows: starts.at(-1)!,
    async read(indices) {
      const tokens = new Int32Array(indices.length * first.length);
      const classes = new Int32Array(indices.length);
      for (const [f, file] of files.entries()) {
        const places = Array.from(indices, (_, k) => k).filter(
          (k) => indices[k]! >= starts[f]! && indices[k]! < starts[f + 1]!,
        );
        if (places.length === 0) continue;
        const batch = await file.read(places.map((k) => indices[k]! - starts[f]!));
        for (const [n, k] of places.entries()) {
          classes[k] = batch.classes[n]!;
          tokens.set(batch.tokens.subarray(n * first.length, (n + 1) * first.length), k * first.length);
        }
      }
      return { rows: indices.length, tokens, classes };
    },
  };
}

const lookEvery = 500; // ms

/** Waits until a rank's part has its name. Its files are looked at rather than its clock, which may be another machine's. */
async function waitFor(
  rank: number,
  part: { readonly rows: string; readonly journal: string },
  { patience, say, signal }: Finish,
): Promise<void> {
  let seen = "";
  let since = performance.now();
  let said = false;
  while ((await sizeOf(part.rows)) === undefined) {
    const now = `${await sizeOf(partialPath(part.rows))} ${await sizeOf(part.journal)}`;
    if (now !== seen) [seen, since] = [now, performance.now()];
    if (performance.now() - since > patience * 1000)
      throw new RarityError(
        "engine",
        `Rank ${rank} has written nothing for ${patience} seconds. Look at its output; then start all ranks again: they go on where they were.`,
      );
    if (!said) say(`Waiting for rank ${rank}.`);
    said = true;
    await pause(lookEvery, signal);
  }
}

const sizeOf = (path: string): Promise<number | undefined> =>
  stat(path).then(
    ({ size }) => size,
    () => undefined,
  );

const writeText = (path: string, text: string): Promise<void> =>
  writeAtomically(path, (sink) => sink.append(Buffer.from(text)));
