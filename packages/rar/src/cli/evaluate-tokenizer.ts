/** `rarity evaluate-tokenizer`: what a tokenizer loses of pictures, one by one and as a set. */
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import { type Crop, crops } from "../data/pretokenize-plan.js";
import type { TokenizerReport } from "../evaluation/evaluate-tokenizer.js";
import type { Inception } from "../evaluation/inception-features.js";
import type { SquareSource } from "../evaluation/square-source.js";
import { oneOf, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { inceptionHelp, loadInception } from "./load-inception.js";
import { addModelFlags, loadOptions, type ModelFlags } from "./model-flags.js";
import { startProgress } from "./progress.js";
import { print, say } from "./streams.js";
import { bytes, counted } from "./words.js";

interface Flags extends ModelFlags {
  readonly output: string;
  readonly crop: Crop;
  readonly worst: number;
  readonly rfid: boolean;
  readonly inception?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("evaluate-tokenizer")
    .description(
      "Send pictures through a tokenizer and back: PSNR and SSIM of each, use of the codebook, rFID; a sheet of the worst.",
    )
    .argument(
      "<source...>",
      "a folder of pictures, WebDataset shards (.tar, .tar.gz, a pattern or a list), or an npz file",
    );
  addModelFlags(command, "whose tokenizer: any model that other verbs take (default: emoji)")
    .option(
      "--crop <name>",
      "how pictures become squares: reader, as the reference reads shards for evaluation; adm, as it pre-tokenizes",
      oneOf(...crops),
      "reader" as const,
    )
    .option("-o, --output <file>", "the sheet of the worst", "worst.png")
    .option("--worst <n>", "pictures on it", wholeNumber(1, 200), 16)
    .option("--no-rfid", "leave out rFID, which takes Inception's weights and libtorch")
    .option("--inception <file>", `for rFID: ${inceptionHelp}`)
    .option("--json", "print one JSON object, with PSNR and SSIM of each picture")
    .addHelpText("after", "\nExample:\n  rarity evaluate-tokenizer pictures/test --model runs/tokenizer")
    .action(async (source: string[], flags: Flags) => run(source, flags));
}

async function run(paths: readonly string[], flags: Flags): Promise<void> {
  const signal = interruption();
  const { openCodec } = await import("../data/image-codec.js");
  const { openSquares } = await import("../evaluation/square-source.js");
  const { evaluateTokenizer } = await import("../evaluation/evaluate-tokenizer.js");
  let bar: ReturnType<typeof startProgress> | undefined;
  await using codec = await openCodec(flags.model, {
    ...loadOptions(flags),
    signal,
    onProgress: (what, done, total) => {
      bar ??= startProgress({
        label: `bringing ${what}`,
        total,
        quietFor: 0.5,
        amount: (n, of) => `${bytes(n)} of ${bytes(of)}`,
      });
      bar.update(done);
    },
  });
  bar?.finish();
  for (const warning of codec.warnings) say(`Warning: ${warning}`);
  await using source = await openSquares(paths, { size: codec.size, crop: flags.crop, signal });
  if (source.count === 0) throw new RarityError("bad-file", `There is no picture in "${source.name}".`);
  const scoring = flags.rfid
    ? await inceptionOr({ ...flags, device: codec.engine.device }, signal)
    : undefined;
  const progress = startProgress({
    label: "measuring",
    total: source.count,
    quietFor: 1,
    amount: (done, total) => `${done} of ${counted(total, "picture")}`,
    rate: (perSecond) => `${perSecond.toPrecision(3)} pictures/s`,
  });
  try {
    const report = await evaluateTokenizer(source, codec, {
      network: scoring?.network,
      worst: flags.worst,
      signal,
      onProgress: (done) => progress.update(done),
      onFirstBatch(psnr, pictures) {
        progress.finish();
        say(`The first ${counted(pictures, "picture")}: PSNR ${psnr.toFixed(2)} dB.`);
        if (psnr < poor) say("That is poor: is this the tokenizer for such pictures?");
      },
    });
    progress.finish();
    await writeSheet(flags.output, report);
    const protocol = protocolOf(report, source, scoring?.weightsId, flags);
    if (flags.json) print(JSON.stringify(plain(report, source, protocol, flags.output)));
    else for (const line of lines(report, source, protocol, flags.output)) print(line);
  } finally {
    progress.finish();
    scoring?.network.dispose();
  }
}

/** Below this a reconstruction shows little of its picture; tokenizers of this kind give 18 dB and more. */
const poor = 13; // dB

/** Inception, or one line that says why there is none: the other numbers do not need it. */
async function inceptionOr(
  flags: Flags,
  signal: AbortSignal,
): Promise<{ readonly network: Inception; readonly weightsId: string } | undefined> {
  let bar: ReturnType<typeof startProgress> | undefined;
  try {
    return await loadInception(flags, signal, (done, total) => {
      bar ??= startProgress({ label: "fetching Inception", total, quietFor: 0.5 });
      bar.update(done);
    });
  } catch (error) {
    signal.throwIfAborted();
    // A file that was named must be right.
    if (flags.inception !== undefined && flags.inception !== "formula") throw error;
    say(`rFID is left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    bar?.finish();
  }
}

async function writeSheet(file: string, { worst }: TokenizerReport): Promise<void> {
  const { contactSheet } = await import("../images/sheet.js");
  const { encodePng } = await import("../images/png.js");
  const { writeAtomically } = await import("../weights/atomic-file.js");
  const { sheetScale } = await import("./run-sheet.js");
  const { sideBySide } = await import("./side-by-side.js");
  const cells = worst.map(({ picture, reconstruction, psnr, place }) => ({
    image: sideBySide([picture, reconstruction]),
    label: `#${place}: ${decibels(psnr)}`,
  }));
  const sheet = await contactSheet(cells, {
    title: "worst first, each beside what came back",
    columns: Math.min(4, cells.length),
    scale: sheetScale(worst[0]!.picture),
  });
  const png = await encodePng(sheet);
  await writeAtomically(file, (sink) => sink.append(png));
}

const decibels = (psnr: number): string => (Number.isFinite(psnr) ? `${psnr.toFixed(2)} dB` : "equal");

function protocolOf(
  { pictures, rfid }: TokenizerReport,
  { name }: SquareSource,
  weightsId: string | undefined,
  { crop }: Flags,
): string | undefined {
  if (rfid === undefined) return undefined;
  const of = `${pictures.toLocaleString("en")} reconstructions vs their pictures from ${name}, crop ${crop}`;
  return weightsId === "formula"
    ? `${of}; weights by formula: compares with nothing`
    : `ADM's Inception, ${of}`;
}

/** Worst pictures that are named. */
const named = 5;

function lines(
  report: TokenizerReport,
  source: SquareSource,
  protocol: string | undefined,
  sheet: string,
): string[] {
  const { pictures, psnr, equal, ssim, codebook, rfid, worst } = report;
  const same = equal === 0 ? "" : `; ${counted(equal, "picture")} came back as they were and do not count`;
  const result = [
    `PSNR: ${psnr === undefined ? "-" : `${psnr.toFixed(3)} dB`} (mean over ${counted(pictures, "picture")} of bytes${same})`,
    `SSIM: ${ssim === undefined ? "-" : ssim.toFixed(4)} (Gaussian window 11 x 11, sigma 1.5)`,
    `Codebook: ${codebook.unique.toLocaleString("en")} of ${counted(codebook.size, "code")} used (${(100 * codebook.usage).toFixed(1)}%), entropy ${codebook.entropy.toFixed(3)} bits, perplexity ${codebook.perplexity.toFixed(1)}`,
    ...(rfid === undefined ? [] : [`rFID: ${Number(rfid.toPrecision(9))} (${protocol})`]),
    `Worst: ${worst
      .slice(0, named)
      .map((one) => `${source.nameOf(one.place)} ${decibels(one.psnr)}`)
      .join(", ")}; sheet: ${sheet}`,
  ];
  if (rfid !== undefined && pictures < 2048)
    result.push(
      `Note: ${pictures} pictures are fewer than the 2,048 dimensions of the features: rFID is then far too high.`,
    );
  return result;
}

function plain(
  { each, worst, ...report }: TokenizerReport,
  source: SquareSource,
  protocol: string | undefined,
  sheet: string,
): object {
  return {
    ...report,
    rfidProtocol: protocol,
    source: source.name,
    sheet,
    worst: worst.map(({ place, psnr }) => ({ name: source.nameOf(place), psnr })),
    images: each.map((quality, i) => ({ name: source.nameOf(i), ...quality })), // Infinity becomes null
  };
}
