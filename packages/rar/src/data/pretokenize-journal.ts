/** What a process has done of its share, a line a batch, so that a run killed at any moment goes on with the next batch. */
import { type FileHandle, open } from "node:fs/promises";
import { fileSystemError } from "../weights/bad-file.js";

export interface JournalEntry {
  /** Number of the batch, from 0. */
  readonly batch: number;
  /** Rows written up to its end. */
  readonly rows: number;
  /** Pictures that could not be read, with the reason. */
  readonly skipped: readonly (readonly [name: string, reason: string])[];
  /** What was found out at the first batch. */
  readonly note?: Readonly<Record<string, unknown>> | undefined;
}

export class Journal implements AsyncDisposable {
  readonly path: string;
  readonly entries: JournalEntry[] = [];
  /** Where each entry ends in the file. */
  readonly #ends: number[] = [];
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  /** Opens or begins a journal and reads its whole lines. Reading ends at the first that is not the next one. */
  static async open(path: string): Promise<Journal> {
    try {
      const journal = new Journal(path, await open(path, "a+"));
      const bytes = await journal.#handle.readFile();
      for (
        let start = 0, end = bytes.indexOf(10);
        end >= 0;
        start = end + 1, end = bytes.indexOf(10, start)
      ) {
        const entry = parse(bytes.toString("utf8", start, end));
        if (entry?.batch !== journal.entries.length) break;
        journal.entries.push(entry);
        journal.#ends.push(end + 1);
      }
      return journal;
    } catch (error) {
      throw fileSystemError("read", path, error);
    }
  }

  /** Drops all entries behind the first `count`, and what could not be read. */
  async keep(count: number): Promise<void> {
    this.entries.length = count;
    this.#ends.length = count;
    await this.#guard(() => this.#handle.truncate(this.#ends.at(-1) ?? 0));
  }

  async append(entries: readonly JournalEntry[]): Promise<void> {
    for (const entry of entries) {
      const line = Buffer.from(`${JSON.stringify(entry)}\n`);
      await this.#guard(() => this.#handle.appendFile(line));
      this.entries.push(entry);
      this.#ends.push((this.#ends.at(-1) ?? 0) + line.length);
    }
    await this.#guard(() => this.#handle.datasync());
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw fileSystemError("write", this.path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

function parse(line: string): JournalEntry | undefined {
  try {
    return JSON.parse(line) as JournalEntry;
  } catch {
    return undefined;
  }
}
