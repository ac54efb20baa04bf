/**
 * Pictures to a token file, once and for all: decoded and cropped while the batch before is encoded, by one process or by several
 * that meet in files alone. A run that was stopped at any moment goes on where it was and ends with the same bytes.
 */
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { RarityError } from "../config/errors.js";
import type { RgbImage } from "../images/rgb.js";
import { fileSystemError } from "../weights/bad-file.js";
import { withLock } from "../weights/hub-lock.js";
import { hubTiming } from "../weights/hub-timing.js";
import type { ImageCodec } from "./image-codec.js";
import { identityOfImages } from "./image-identity.js";
import type { ImageSet } from "./image-set.js";
import type { PicturePool } from "./picture-pool.js";
import { Journal, type JournalEntry } from "./pretokenize-journal.js";
import {
  groupSize,
  type PretokenizePlan,
  pictureAt,
  rowsOfBatch,
  shareSize,
  squaresOf,
} from "./pretokenize-plan.js";
import { finishPretokenized, type PretokenizeReport, readReport } from "./pretokenize-report.js";
import { partialPath, type TokenFileHeader, TokenFileWriter } from "./token-file.js";
import { openTokens } from "./token-rows.js";

export interface PretokenizeOptions extends PretokenizePlan {
  /** Ends in .jsonl for JSON lines; any other name gets a token file. */
  readonly output: string;
  /** "skip" leaves out pictures that cannot be read; they are counted, and named in a log. */
  readonly onError: "fail" | "skip";
  /** Threads that decode and crop. Default: this one. */
  readonly pool?: PicturePool | undefined;
  /** Samples of shards that were left out when the set was opened, for the log. */
  readonly leftOut?: readonly string[] | undefined;
  /** Replace an output that is there already. A run that was stopped is gone on with either way. */
  readonly overwrite?: boolean | undefined;
  /** Pictures of this process done so far, and in all. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /**
   * Rank 0's first pictures and what comes back from their tokens, so that a wrong tokenizer is seen at once. What it returns is kept
   * for the report.
   */
  readonly onFirstBatch?:
    | ((
        originals: readonly RgbImage[],
        decoded: readonly RgbImage[],
      ) => Promise<Readonly<Record<string, unknown>>>)
    | undefined;
  /** Sentences for the user: where a run goes on, pictures skipped, whom rank 0 waits for. */
  readonly say?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Seconds rank 0 waits for a rank whose files do not change. Default 600. */
  readonly patience?: number | undefined;
}

/** Pictures of the first batch that are decoded again. */
const shownAtFirst = 16;
/** How often what was done is brought to the disk. */
const flushEvery = 1000; // ms

/**
 * Does this process's share. Rank 0 then waits for the others, joins their rows in the order of ranks, and writes the report and
 * the log of what was skipped beside the output.
 *
 * @returns the report; on other ranks undefined
 * @throws {RarityError} "bad-usage" where the output is there already; "bad-file" for a bad picture where these are not skipped, and
 *   where what is gone on with was begun with other settings; "io"; "engine" where a rank stopped
 */
export async function pretokenize(
  images: ImageSet,
  codec: ImageCodec,
  options: PretokenizeOptions,
): Promise<PretokenizeReport | undefined> {
  const { output, rank, ranks, overwrite = false, say = () => {}, signal } = options;
  checkRank(options);
  if (codec.size !== options.size)
    throw new RangeError(`The tokenizer takes ${codec.size} x ${codec.size} pixels, not ${options.size}.`);
  const header = headerOf(images, codec, options);
  const work = `${output}.work`;
  if (await isThere(output)) {
    const report = await readReport(output);
    const same = report !== undefined && isDeepStrictEqual(report.made, plain(header.metadata));
    if (same && !overwrite) {
      if (rank === 0) await rm(work, { recursive: true, force: true });
      say(`"${output}" is there already, made with these settings.`);
      return rank === 0 ? report : undefined;
    }
    if (!overwrite && !(await isThere(work)))
      throw new RarityError("bad-usage", `"${output}" exists. Give another --output, or pass --overwrite.`);
  }
  const single = ranks === 1 && !output.endsWith(".jsonl");
  const partOf = (r: number): string => (single ? output : join(work, `rank-${r}.tokens`));
  const journalOf = (r: number): string => join(work, `rank-${r}.journal`);
  try {
    await mkdir(work, { recursive: true });
  } catch (error) {
    throw fileSystemError("write", work, error);
  }
  // A second process of this rank, left over or started by mistake, waits and then finds everything done.
  await withLock(join(work, `rank-${rank}`), hubTiming(process.env), signal, () =>
    encodeShare(images, codec, { ...options, header, part: partOf(rank), journalPath: journalOf(rank) }),
  );
  if (rank !== 0) return undefined;
  return await finishPretokenized({
    output,
    header,
    work,
    parts: Array.from({ length: ranks }, (_, r) => ({ rows: partOf(r), journal: journalOf(r) })),
    pictures: images.count,
    leftOut: options.leftOut ?? [],
    patience: options.patience ?? 600,
    say,
    signal,
  });
}

interface Share extends PretokenizeOptions {
  readonly header: TokenFileHeader;
  readonly part: string;
  readonly journalPath: string;
}

async function encodeShare(images: ImageSet, codec: ImageCodec, share: Share): Promise<void> {
  const { rank, ranks, augment, header, part, onProgress, say = () => {}, signal } = share;
  const total = shareSize(images.count, ranks);
  const group = groupSize(share);
  const batches = Math.ceil(total / group);
  await using journal = await Journal.open(share.journalPath);
  if (journal.entries.length === batches && (await isFinished(part, header, journal.entries.at(-1)!.rows)))
    return;
  await using writer = await TokenFileWriter.create(part, header, { resume: true });
  // Rows and journal reach the disk one after the other, and a power cut may take the end of either.
  while ((journal.entries.at(-1)?.rows ?? 0) > writer.rows) journal.entries.pop();
  await journal.keep(journal.entries.length);
  await writer.cut(journal.entries.at(-1)?.rows ?? 0);
  const begun = journal.entries.length;
  if (begun > 0) say(`Going on with picture ${Math.min(begun * group, total)} of ${total}.`);

  const prepare = (batch: number): Promise<Prepared> =>
    prepareBatch(images, share, batch * group, Math.min(total, (batch + 1) * group));
  const waiting: JournalEntry[] = [];
  let flushed = performance.now();
  const save = async (): Promise<void> => {
    await writer.flush();
    await journal.append(waiting.splice(0));
    flushed = performance.now();
  };
  let ahead: Promise<Prepared> | undefined;
  try {
    for (let batch = begun; batch < batches; batch++) {
      signal?.throwIfAborted();
      onProgress?.(Math.min(batch * group, total), total);
      const { squares, labels, skipped } = await (ahead ?? prepare(batch));
      ahead = batch + 1 < batches ? prepare(batch + 1) : undefined;
      ahead?.catch(() => {}); // said when its turn comes
      for (const [, reason] of skipped) say(`Skipped: ${reason}`);
      const rows = rowsOfBatch(squares, augment);
      const codes = await codec.encode(rows.map(({ image }) => image));
      for (const [k, { picture }] of rows.entries())
        await writer.append(labels[picture]!, codes.subarray(k * codec.length, (k + 1) * codec.length));
      const note = batch === 0 && rank === 0 ? await firstBatch(codec, rows, codes, share) : undefined;
      waiting.push({ batch, rows: writer.rows, skipped, ...(note && { note }) });
      if (performance.now() - flushed > flushEvery) await save();
    }
    await save();
  } catch (error) {
    await ahead?.catch(() => {});
    await save();
    throw error;
  }
  onProgress?.(total, total);
  if (ranks === 1 && writer.rows === 0)
    throw new RarityError("bad-file", `None of the ${total} pictures of "${images.name}" could be read.`);
  await writer.finish();
}

interface Prepared {
  /** Squares of each picture that could be read, and its class. */
  readonly squares: readonly (readonly RgbImage[])[];
  readonly labels: readonly number[];
  readonly skipped: JournalEntry["skipped"];
}

/** Reads, decodes and crops the pictures at these places of the share; the set decides how many are decoded at a time. */
async function prepareBatch(images: ImageSet, share: Share, from: number, to: number): Promise<Prepared> {
  const squares: (readonly RgbImage[])[] = [];
  const labels: number[] = [];
  const skipped: (readonly [string, string])[] = [];
  const wanted = Array.from({ length: to - from }, (_, k) => pictureAt(from + k, images.count, share));
  const results = await Promise.all(
    wanted.map(async (i) => {
      try {
        return await (share.pool?.squares(images, i, share) ?? squaresHere(images, i, share));
      } catch (error) {
        const passable =
          share.onError === "skip" &&
          error instanceof RarityError &&
          /^(?:bad-file|not-found)$/.test(error.code);
        if (!passable) throw error;
        return error;
      }
    }),
  );
  for (const [k, result] of results.entries()) {
    if (result instanceof RarityError) skipped.push([images.nameOf(wanted[k]!), result.message]);
    else {
      squares.push(result);
      labels.push(images.label(wanted[k]!));
    }
  }
  return { squares, labels, skipped };
}

const squaresHere = async (images: ImageSet, i: number, plan: PretokenizePlan): Promise<RgbImage[]> =>
  squaresOf(await images.read(i), plan);

async function firstBatch(
  codec: ImageCodec,
  rows: ReturnType<typeof rowsOfBatch>,
  codes: Int32Array,
  { onFirstBatch }: Share,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const originals = rows.slice(0, shownAtFirst).map(({ image }) => image);
  if (onFirstBatch === undefined || originals.length === 0) return undefined;
  const decoded = await codec.decode(codes.slice(0, originals.length * codec.length));
  return await onFirstBatch(originals, decoded);
}

/** Everything that decides the bytes goes into the header, so that a run is not gone on with under other settings. */
function headerOf(images: ImageSet, codec: ImageCodec, options: PretokenizeOptions): TokenFileHeader {
  const { size, crop, augment, batch, ranks, onError } = options;
  return {
    length: codec.length,
    codebookSize: codec.codebookSize,
    classes: images.classNames?.length,
    metadata: {
      source: images.name,
      pictures: images.count,
      picturesIdentity: identityOfImages(images),
      ...(images.classNames && { classNames: images.classNames }),
      tokenizer: codec.identity,
      size,
      crop,
      augment,
      batch,
      ranks,
      onError,
    },
  };
}

/** As it comes back from JSON. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Whether a part got its name before its process ended. */
async function isFinished(part: string, { metadata }: TokenFileHeader, rows: number): Promise<boolean> {
  if ((await isThere(partialPath(part))) || !(await isThere(part))) return false;
  await using file = await openTokens(part);
  return file.rows === rows && isDeepStrictEqual(file.metadata, plain(metadata));
}

function checkRank({ rank, ranks, batch }: PretokenizePlan): void {
  if (!Number.isInteger(batch) || batch < 1)
    throw new RangeError(`A batch is a whole number of pictures from 1, not ${batch}.`);
  if (Number.isInteger(ranks) && ranks >= 1 && Number.isInteger(rank) && rank >= 0 && rank < ranks) return;
  throw new RangeError(`Rank ${rank} of ${ranks} cannot be: ranks count from 0 to below WORLD_SIZE.`);
}
