/** `rarity pretokenize`: a folder of pictures or WebDataset shards to a token file, by any model's tokenizer. */
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import type { ImageSet } from "../data/image-set.js";
import { defaultPictureThreads, PicturePool } from "../data/picture-pool.js";

import { type Augmentation, type Crop, crops, shareSize } from "../data/pretokenize-plan.js";
import type { PretokenizeReport } from "../data/pretokenize-report.js";
import { firstBatchSheet } from "./first-batch.js";
import { oneOf, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { addModelFlags, loadOptions, type ModelFlags } from "./model-flags.js";
import { type Progress, startProgress } from "./progress.js";
import { ranksOf } from "./ranks.js";
import { print, say } from "./streams.js";
import { bytes, counted, duration } from "./words.js";

interface Flags extends ModelFlags {
  readonly output?: string;
  readonly jsonl?: boolean;
  readonly size?: number;
  readonly crop: Crop;
  readonly tenCrop?: boolean;
  readonly mirror: boolean;
  readonly batch: number;
  readonly atOnce?: number;
  readonly onError?: "fail" | "skip";
  readonly maxPixels?: number;
  readonly decoders: number;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("pretokenize")
    .description(
      "Encode pictures once, so that training reads tokens. A run that is stopped goes on where it was when it is started again.",
    )
    .argument(
      "<source...>",
      "a folder with a folder for each class (or a train folder that has them), or WebDataset shards: .tar or .tar.gz, here or over http, as a pattern such as train-{0000..0009}.tar or a list",
    );
  addModelFlags(command, "whose tokenizer: any model that other verbs take (default: emoji)")
    .option(
      "-o, --output <file>",
      "FILE.tokens for a compact file, FILE.jsonl for the reference's (default: pretokenized.tokens)",
    )
    .option("--jsonl", "JSON lines, as the reference writes them")
    .option("--size <n>", "pixels a side (default: the tokenizer's own)", wholeNumber(1, 8192))
    .option(
      "--crop <name>",
      "adm: as the reference pre-tokenizes; reader: as it reads shards",
      oneOf(...crops),
      "adm",
    )
    .option("--ten-crop", "ten crops of each picture, rather than it and its mirror image")
    .option("--no-mirror", "no mirror images")
    .option(
      "-b, --batch <n>",
      "pictures of a batch; a batch's mirrors follow its originals",
      wholeNumber(1, 1e6),
      128,
    )
    .option(
      "--at-once <n>",
      "pictures computed together (default: as suits their size)",
      wholeNumber(1, 4096),
    )
    .option(
      "--on-error <what>",
      "fail or skip, for pictures that cannot be read (default: skip in folders, fail in shards)",
      oneOf("fail", "skip"),
    )
    .option("--max-pixels <n>", "refuse larger pictures (default: 178,956,970)", wholeNumber(1))
    .option(
      "--decoders <n>",
      "threads that decode and crop, 0 for none beside the main one",
      wholeNumber(0, 256),
      defaultPictureThreads(),
    )
    .option("--overwrite", "replace an output that is there already")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nSeveral processes, started by rarity launch or torchrun, share the pictures by RANK and WORLD_SIZE.\n\nExample:\n  rarity pretokenize pictures --model cifar10 --output train.tokens",
    )
    .action(async (source: string[], flags: Flags) => {
      const signal = interruption();
      const start = performance.now();
      const report = await run(source, flags, signal);
      if (report === undefined) return; // rank 0 tells
      if (flags.json) print(JSON.stringify(report));
      else print(report.output);
      const left =
        report.skipped === 0 ? "" : ` ${counted(report.skipped, "picture")} skipped: ${report.skippedLog}.`;
      say(
        `${counted(report.rows, "row")} of ${counted(report.pictures, "picture")} in ${duration((performance.now() - start) / 1000)}.${left}`,
      );
    });
}

/** Skipped pictures said one by one; the log names all. */
const mostSaid = 20;

async function run(
  source: readonly string[],
  flags: Flags,
  signal: AbortSignal,
): Promise<PretokenizeReport | undefined> {
  const output = outputOf(flags);
  const { rank, ranks } = ranksOf(process.env);
  const tell = (line: string): void => say(ranks === 1 ? line : `rank ${rank}: ${line}`);
  const { openImages } = await import("../data/image-set.js");
  const { openCodec } = await import("../data/image-codec.js");
  const { pretokenize } = await import("../data/pretokenize.js");

  const warnings: string[] = [];
  await using images = await openImages(source.length === 1 ? source[0]! : source, {
    onError: flags.onError,
    warn: (message) => warnings.push(message),
    maxPixels: flags.maxPixels,
    signal,
  });
  const folder = images.classNames !== undefined;
  for (const warning of warnings.slice(0, mostSaid)) tell(`${folder ? "Note" : "Skipped"}: ${warning}`);

  let progress: Progress | undefined;
  let current = "";
  const show = (label: string, done: number, total: number, inBytes = false): void => {
    if (rank !== 0) return;
    if (current !== label) {
      progress?.finish();
      progress = startProgress({
        label,
        total,
        amount: (part, all) =>
          inBytes ? `${bytes(part)} of ${bytes(all)}` : `${part} of ${counted(all, "picture")}`,
        rate: (speed) => (inBytes ? `${bytes(speed)}/s` : `${speed.toPrecision(3)} pictures/s`),
        quietFor: 0.5,
      });
      current = label;
    }
    progress?.update(done);
  };
  try {
    await using codec = await openCodec(flags.model, {
      ...loadOptions(flags),
      size: flags.size,
      atOnce: flags.atOnce,
      signal,
      onProgress: (what, done, total) => show(`bringing ${what}`, done, total, true),
    });
    await using pool = flags.decoders > 0 ? new PicturePool(flags.decoders) : undefined;
    for (const warning of codec.warnings) tell(`Warning: ${warning}`);
    const augment: Augmentation = flags.tenCrop ? "ten-crop" : flags.mirror ? "mirror" : "none";
    if (rank === 0) say(planned(images, codec.length, augment, ranks));
    let said = 0;
    return await pretokenize(images, codec, {
      output,
      size: codec.size,
      crop: flags.crop,
      augment,
      batch: flags.batch,
      rank,
      ranks,
      onError: flags.onError ?? (folder ? "skip" : "fail"),
      leftOut: folder ? [] : warnings,
      pool,
      overwrite: flags.overwrite,
      onProgress: (done, total) => show("encoding", done, total),
      onFirstBatch: async (originals, decoded) => {
        const { file, psnr } = await firstBatchSheet(`${output}.first-batch.png`, originals, decoded);
        progress?.finish();
        tell(`First pictures: ${file}, each above what its tokens give back; PSNR ${psnr.toFixed(2)} dB.`);
        if (psnr < poor) tell(`That is poor: is this the tokenizer for such pictures?`);
        return { sheet: file, psnr };
      },
      say: (line) => {
        progress?.finish();
        if (!line.startsWith("Skipped") || ++said <= mostSaid) tell(line);
        if (said === mostSaid + 1) tell("More are skipped; the log will name them.");
      },
      signal,
    });
  } finally {
    progress?.finish();
    if (signal.aborted) tell("What was done is kept: the same command goes on with it.");
  }
}

/** Below this a reconstruction shows little of its picture; tokenizers of this kind give 18 dB and more. */
const poor = 13; // dB

function outputOf({ output, jsonl }: Flags): string {
  const path = output ?? (jsonl ? "pretokenized.jsonl" : "pretokenized.tokens");
  const wanted = jsonl ? [".jsonl"] : [".tokens", ".jsonl"];
  if (wanted.some((extension) => path.endsWith(extension))) return path;
  throw new RarityError(
    "bad-usage",
    `--output "${path}": name the file ${wanted.map((e) => `FILE${e}`).join(" or ")}.`,
  );
}

function planned(images: ImageSet, length: number, augment: Augmentation, ranks: number): string {
  const each = { mirror: 2, "ten-crop": 10, none: 1 }[augment];
  const rows = shareSize(images.count, ranks) * ranks * each;
  const classes = images.classNames ? ` in ${counted(images.classNames.length, "class", "classes")}` : "";
  const among = ranks === 1 ? "" : `, by ${ranks} processes`;
  return `${counted(images.count, "picture")}${classes} to ${counted(rows, "row")} of ${counted(length, "token")}${among}.`;
}
