/**
 * A run as wandb keeps it on disk, so that `wandb sync FOLDER` sends it: `run-ID.wandb` holds Record messages (field
 * numbers of wandb's public wandb_internal.proto) in the chunks of LevelDB's log format, and `files` the pictures.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { AppendFile } from "./append-file.js";
import { Message } from "./protobuf.js";

/** What the run is called. */
export interface WandbRun {
  readonly id: string;
  readonly folder: string;
  readonly project: string;
  readonly entity: string | undefined;
  readonly title: string;
  /** Groups of keys. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** A picture in PNG. */
export interface WandbPicture {
  readonly png: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Field numbers of Record. */
const record = { history: 2, summary: 3, files: 6, run: 17, exit: 18 } as const;

export class WandbFile {
  readonly #run: WandbRun;
  readonly #file: AppendFile;
  readonly #chunks = new LogChunks();
  readonly #began: number;
  #records = 0;

  /** Begins the file anew. @param began - seconds since 1970, of the run's first start */
  constructor(run: WandbRun, began: number, failed: (error: unknown) => void) {
    this.#run = run;
    this.#began = began;
    this.#file = new AppendFile(join(run.folder, `run-${run.id}.wandb`), 0, failed);
    this.#file.append(this.#chunks.header());
    const config = new Message();
    for (const [key, value] of Object.entries(run.config)) config.message(1, item(key, value));
    const start = new Message().integer(1, Math.floor(began)).integer(2, Math.round((began % 1) * 1e9));
    this.#write(
      record.run,
      new Message()
        .text(1, run.id)
        .text(2, run.entity ?? "")
        .text(3, run.project)
        .message(4, config)
        .text(8, run.title)
        .text(13, hostname())
        .message(17, start),
    );
  }

  /** @param time - seconds since 1970 */
  log(step: number, time: number, values: Readonly<Record<string, unknown>>): void {
    const all = { ...values, _step: step, _timestamp: time, _runtime: Math.max(0, time - this.#began) };
    const history = new Message();
    const summary = new Message();
    for (const [key, value] of Object.entries(all)) {
      history.message(1, item(key, value));
      summary.message(1, item(key, value));
    }
    this.#write(record.history, history.message(2, new Message().integer(1, step)));
    this.#write(record.summary, summary);
  }

  async picture(step: number, time: number, name: string, picture: WandbPicture): Promise<void> {
    const sha256 = createHash("sha256").update(picture.png).digest("hex");
    const word = name.replaceAll(/[^\w.-]+/g, "_");
    const path = `media/images/${word}_${step}_${sha256.slice(0, 20)}.png`;
    await mkdir(join(this.#run.folder, "files/media/images"), { recursive: true });
    await writeFile(join(this.#run.folder, "files", path), picture.png);
    this.#write(record.files, new Message().message(1, new Message().text(1, path)));
    const { width, height } = picture;
    const size = picture.png.length;
    this.log(step, time, {
      [name]: { _type: "image-file", path, sha256, size, format: "png", width, height },
    });
  }

  async close(): Promise<void> {
    this.#write(record.exit, new Message().integer(1, 0));
    await this.#file.close();
  }

  #write(kind: number, message: Message): void {
    const bytes = new Message()
      .integer(1, ++this.#records)
      .message(kind, message)
      .encode();
    this.#file.append(this.#chunks.encode(bytes));
  }
}

/**
 * The folder of an output folder's run: that of an earlier start where the run continues, else a new one.
 *
 * @param parent - `OUTPUT/logs/wandb`
 * @param kind - how wandb names folders of runs that were sent while they ran, and of those that were not
 */
export async function wandbFolder(
  parent: string,
  kind: "run" | "offline-run",
  continues: boolean,
  now: number,
): Promise<{ folder: string; id: string }> {
  const found = continues
    ? (await readdir(parent).catch(() => [])).sort().findLast((name) => named.test(name))
    : undefined;
  const id = found ? named.exec(found)![1]! : randomBytes(4).toString("hex");
  const date = new Date(now * 1000).toISOString().slice(0, 19).replaceAll(/[-:]/g, "").replace("T", "_");
  const folder = join(parent, found ?? `${kind}-${date}-${id}`);
  await mkdir(join(folder, "files"), { recursive: true });
  return { folder, id };
}
const named = /^(?:offline-)?run-\d{8}_\d{6}-([a-z0-9]+)$/;

/** Key 1, value as JSON 16, as config, history and summary items have them. JSON knows no NaN; wandb reads it so. */
const item = (key: string, value: unknown): Message =>
  new Message()
    .text(1, key)
    .text(16, typeof value === "number" ? `${value}` : (JSON.stringify(value) ?? "null"));

/** Splits records so that no chunk crosses a border of 32 KiB. */
class LogChunks {
  #inBlock = 0;

  /** What a file begins with: a mark and the format's version. */
  header(): Uint8Array {
    this.#inBlock = 7;
    return Uint8Array.of(...Buffer.from(":W&B"), 0xe1, 0xbe, 0);
  }

  encode(bytes: Uint8Array): Uint8Array {
    const parts: Uint8Array[] = [];
    for (let at = 0, first = true; first || at < bytes.length; first = false) {
      let room = blockBytes - this.#inBlock;
      if (room < headBytes) {
        parts.push(new Uint8Array(room));
        this.#inBlock = 0;
        room = blockBytes;
      }
      const data = bytes.subarray(at, at + room - headBytes);
      at += data.length;
      const last = at === bytes.length;
      const type = first ? (last ? 1 : 2) : last ? 4 : 3;
      const head = Buffer.alloc(headBytes);
      head[6] = type;
      head.writeUInt32LE(crc32(data, crc32(head.subarray(6))));
      head.writeUInt16LE(data.length, 4);
      parts.push(head, data);
      this.#inBlock += headBytes + data.length;
    }
    return Buffer.concat(parts);
  }
}
const blockBytes = 32_768;
const headBytes = 7;
