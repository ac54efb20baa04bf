/** `rarity tokens`: what a token file holds, whether every row of it is right, its rows as pictures, another format. */
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import type { ConvertOptions } from "../data/token-convert.js";
import type { ExpectedTokens, OpenTokensOptions, TokenRows } from "../data/token-rows.js";
import type { TokenStatistics } from "../data/token-statistics.js";
import { checkDestination } from "./destination.js";
import { wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { addModelFlags, loadOptions, type ModelFlags } from "./model-flags.js";
import { startProgress } from "./progress.js";
import { print, say } from "./streams.js";
import { counted, bytes as inBytes } from "./words.js";

interface Flags extends ModelFlags {
  readonly check?: boolean;
  readonly to?: string;
  readonly rows?: string;
  readonly output?: string;
  readonly codebook?: number;
  readonly classes?: number;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("tokens")
    .description(
      "Describe a token file: rows, classes, how the codebook is used. Check it, convert it, or see its rows as pictures.",
    )
    .argument("<file>", "token file (.tokens), JSON lines (.jsonl), or these packed (.jsonl.gz)")
    .option("--check", "read every row and name those that are wrong, rather than looking at 100,000 of them")
    .option("--to <file>", "convert: FILE.tokens for rarity's own format, FILE.jsonl for the reference's")
    .option(
      "--rows <list>",
      "such as 0-15 or 3,5,9-12: these rows as JSON lines, or as pictures with --model",
    )
    .option("-o, --output <file>", "where the sheet of pictures goes (default: tokens.png)")
    .option("--codebook <n>", "number of codes, where the file does not say it", wholeNumber(1, 2 ** 31))
    .option("--classes <n>", "number of classes, where the file does not say it", wholeNumber(1, 2 ** 31));
  addModelFlags(command, "the model that the rows are for, any that other verbs take")
    .option("--overwrite", "replace a file that is there already")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  rarity tokens train.jsonl --codebook 1024 --classes 1000 --to train.tokens\n  rarity tokens train.tokens --rows 0-15 --model rar-b --output sheet.png",
    )
    .action(async (file: string, flags: Flags) => {
      const signal = interruption();
      const expected = await expectedBy(flags);
      const { openTokens } = await import("../data/token-rows.js");
      await using rows = await withProgress("finding lines", inBytes, (onProgress) =>
        openTokens(file, { ...expected, signal, onProgress }),
      );
      if (flags.to !== undefined) await convert(rows, flags.to, flags, signal);
      else if (flags.rows !== undefined) await show(rows, flags.rows, flags, signal);
      else await describe(rows, flags, signal);
    });
}

/** Rows looked at where not every one is asked for. */
const sampleRows = 100_000;
const mostShown = 1024;

/** What the rows are held against: the flags, then the model where one is named. */
async function expectedBy({ model, codebook, classes }: Flags): Promise<ExpectedTokens> {
  if (model === undefined) return { codebookSize: codebook, classes };
  const { locateModel } = await import("../weights/model-folder.js");
  const { generator, tokenizer } = await locateModel(model, { parts: [] });
  return {
    length: generator?.tokens,
    codebookSize: codebook ?? generator?.codebookSize ?? tokenizer?.codebookSize,
    classes: classes ?? generator?.classes,
  };
}

async function describe(rows: TokenRows, { check, json }: Flags, signal: AbortSignal): Promise<void> {
  const { tokenStatistics } = await import("../data/token-statistics.js");
  const statistics = await withProgress("reading", rowsInWords, (onProgress) =>
    tokenStatistics(rows, { sample: check ? undefined : sampleRows, signal, onProgress }),
  );
  const { path, format, length, codebookSize, classes, metadata, identity } = rows;
  const fileBytes = (await stat(path)).size;
  if (json) {
    const about = { file: path, format, fileBytes, rows: rows.rows, length, codebookSize, classes, metadata };
    const { rows: rowsRead, ...counts } = statistics;
    print(JSON.stringify({ ...about, identity, rowsRead, ...counts }));
  } else for (const line of lines(rows, statistics, fileBytes)) print(line);
  const { wrong } = statistics;
  if (wrong.count === 0) return;
  for (const sentence of wrong.first) say(sentence);
  throw new RarityError(
    "bad-file",
    `"${path}": ${wrong.count.toLocaleString("en")} of ${counted(statistics.rows, "row")} read ${wrong.count === 1 ? "is" : "are"} wrong. Copy the file again, or make it anew.`,
  );
}

const formats: Readonly<Record<TokenRows["format"], string>> = {
  tokens: "token file",
  jsonl: "JSON lines",
  "jsonl.gz": "packed JSON lines",
  images: "pictures",
};

function* lines(rows: TokenRows, statistics: TokenStatistics, fileBytes: number): Generator<string> {
  const { codebookSize, classes, metadata } = rows;
  const { rows: read, classRows, codesUsed, largestCode, entropy, wrong } = statistics;
  yield `${rows.path} (${formats[rows.format]}, ${inBytes(fileBytes)})`;
  yield `  rows        ${rows.rows.toLocaleString("en")} of ${counted(rows.length, "token")}`;
  const known = codebookSize === undefined ? "size not known" : counted(codebookSize, "code");
  const bits = codebookSize === undefined ? "" : ` of ${Math.log2(codebookSize).toFixed(2)}`;
  yield `  codebook    ${known}; ${codesUsed.toLocaleString("en")} used, the largest ${largestCode}; entropy ${entropy.toFixed(2)} bits${bits}`;
  const seen = classRows.filter((count) => count > 0).toSorted((a, b) => a - b);
  const spread = seen.length === 0 ? "" : `; ${seen[0]} to ${seen.at(-1)} rows each, median ${median(seen)}`;
  yield `  classes     ${classes === undefined ? "number not known" : classes.toLocaleString("en")}; ${seen.length.toLocaleString("en")} seen${spread}`;
  for (const [key, value] of Object.entries(metadata))
    yield `  ${key.padEnd(11)} ${(typeof value === "string" ? value : JSON.stringify(value)).slice(0, 200)}`;
  yield `  identity    ${rows.identity}`;
  yield read === rows.rows
    ? `  ${wrong.count === 0 ? "Every row was read and is right." : `Every row was read; ${wrong.count} are wrong.`}`
    : `  Counts are of ${read.toLocaleString("en")} rows drawn at random; --check reads all.`;
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)]!;

async function convert(rows: TokenRows, path: string, flags: Flags, signal: AbortSignal): Promise<void> {
  const toJson = path.endsWith(".jsonl");
  if (!toJson && !path.endsWith(".tokens"))
    throw new RarityError("bad-usage", `--to "${path}": name the file FILE.tokens or FILE.jsonl.`);
  await checkDestination(path, "file", flags.overwrite);
  if (!toJson && rows.codebookSize === undefined)
    say("Note: the codebook's size is not known, so a token takes 32 bits; --codebook N halves that.");
  const { writeTokenFile, writeTokenJsonl } = await import("../data/token-convert.js");
  await withProgress("converting", rowsInWords, (onProgress) => {
    const metadata = rows.format === "tokens" ? rows.metadata : { from: basename(rows.path) };
    const options: ConvertOptions = { metadata, signal, onProgress: (done) => onProgress(done, rows.rows) };
    return toJson ? writeTokenJsonl(path, rows, options) : writeTokenFile(path, rows, options);
  });
  const fileBytes = (await stat(path)).size;
  if (flags.json) print(JSON.stringify({ file: path, rows: rows.rows, fileBytes }));
  else print(path);
  say(`${counted(rows.rows, "row")}, ${inBytes(fileBytes)}.`);
}

async function show(rows: TokenRows, text: string, flags: Flags, signal: AbortSignal): Promise<void> {
  const { rowRanges } = await import("./row-ranges.js");
  const wanted = rowRanges(text, rows.rows, mostShown);
  const { length } = rows;
  const { classes, tokens } = await rows.read(wanted);
  const one = (i: number): Int32Array => tokens.subarray(i * length, (i + 1) * length);
  if (flags.model === undefined) {
    if (flags.output !== undefined)
      throw new RarityError(
        "bad-usage",
        "--output is for pictures: say with --model whose tokenizer made the tokens.",
      );
    const { tokenLine } = await import("../data/token-line.js");
    for (const [i, label] of classes.entries()) print(tokenLine(label, one(i)).trimEnd());
    return;
  }
  const output = flags.output ?? "tokens.png";
  await checkDestination(output, "file", flags.overwrite);
  const { tokenSheet } = await import("./token-sheet.js");
  const items = wanted.map((row, i) => ({ row, label: classes[i]!, tokens: one(i).slice() }));
  await tokenSheet(items, {
    title: basename(rows.path),
    model: flags.model,
    load: { ...loadOptions(flags), signal },
    output,
    screen: flags.json ? undefined : process.stdout,
  });
  if (flags.json) print(JSON.stringify({ sheet: output, rows: wanted }));
  else if (!process.stdout.isTTY) print(output);
  else say(output);
}

const rowsInWords = (count: number): string => counted(Math.round(count), "row");

/** Does long work under a progress bar. */
async function withProgress<T>(
  label: string,
  words: (count: number) => string,
  work: (onProgress: NonNullable<OpenTokensOptions["onProgress"]>) => Promise<T>,
): Promise<T> {
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    return await work((done, total) => {
      progress ??= startProgress({
        label,
        total,
        amount: (part, all) => `${words(part)} of ${words(all)}`,
        rate: (speed) => `${words(speed)}/s`,
        quietFor: 0.5,
      });
      progress.update(done);
    });
  } finally {
    progress?.finish();
  }
}
