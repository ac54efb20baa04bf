/** `rarity evaluate`: the five numbers of the ADM evaluator, each with its protocol. */
import type { Command } from "commander";
import type { Evaluation } from "../evaluation/evaluate.js";
import { wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { inceptionHelp, loadInception } from "./load-inception.js";
import { startProgress } from "./progress.js";
import { print, say } from "./streams.js";

interface Flags {
  readonly inception?: string;
  readonly device: string;
  readonly threads?: number;
  readonly batch?: number;
  readonly cache: boolean;
  readonly statistics?: boolean;
  readonly output?: string;
  readonly pictures?: number;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("evaluate")
    .description("Score pictures against others: Inception Score, FID, sFID, precision, recall.")
    .argument("<reference>", "an npz file (with statistics or without) or a folder of pictures")
    .argument("[samples]", "the pictures to score, likewise")
    .option("--inception <file>", inceptionHelp)
    .option("--device <name>", "cpu, cuda or cuda:1", "cpu")
    .option("--threads <n>", "processor threads (default: all cores)", wholeNumber(1, 1024))
    .option("--batch <n>", "pictures at a time", wholeNumber(1, 4096))
    .option("--no-cache", "compute features anew, and do not keep them")
    .option("--statistics", "make a reference file of the pictures instead of scoring (with --output)")
    .option("-o, --output <file.npz>", "the reference file to write")
    .option("--pictures <n>", "pictures to put into it (default: 10000)", wholeNumber(4))
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExamples:\n  rarity evaluate VIRTUAL_imagenet256_labeled.npz rar_b.npz\n  rarity evaluate --statistics photos -o photos-256.npz",
    )
    .action(async (reference: string, samples: string | undefined, flags: Flags) =>
      run(reference, samples, flags),
    );
}

async function run(referencePath: string, samplesPath: string | undefined, flags: Flags): Promise<void> {
  const { RarityError } = await import("../config/errors.js");
  if (flags.statistics ? samplesPath !== undefined || !flags.output : samplesPath === undefined)
    throw new RarityError(
      "bad-usage",
      flags.statistics
        ? "--statistics takes one set of pictures and --output FILE.npz."
        : "Name the samples too: rarity evaluate REFERENCE SAMPLES.",
    );
  const signal = interruption();
  const { openPictures } = await import("../evaluation/picture-source.js");
  await using reference = await openPictures(referencePath);
  await using samples = samplesPath === undefined ? undefined : await openPictures(samplesPath);
  const stages = new Stages();
  const { network, weightsId } = await loadInception(flags, signal, (done, total) =>
    stages.update("fetching Inception", done, total),
  );
  try {
    const options = { signal, batch: flags.batch, onProgress: stages.update };
    if (!samples) {
      const { summarize } = await import("../evaluation/summary.js");
      const { writeStatistics } = await import("../evaluation/statistics-file.js");
      const summary = await summarize(reference, network, {
        ...options,
        onProgress: (done, total) => stages.update("features", done, total),
      });
      stages.finish();
      await writeStatistics(flags.output!, reference, summary, flags.pictures);
      print(flags.output!);
      return;
    }
    const { evaluate } = await import("../evaluation/evaluate.js");
    const evaluation = await evaluate(reference, samples, network, {
      ...options,
      weightsId,
      cache: flags.cache,
      device: flags.device,
    });
    stages.finish();
    show(evaluation, weightsId === "formula", flags.json);
  } finally {
    stages.finish();
    network.dispose();
  }
}

function show({ scores, warnings }: Evaluation, meaningless: boolean, json: boolean | undefined): void {
  if (meaningless) say("Weights by formula: these numbers check the installation, and compare with nothing.");
  for (const warning of warnings) say(`Note: ${warning}`);
  if (json) {
    print(JSON.stringify({ inception: meaningless ? "formula" : "2015-12-05", scores, warnings }));
    return;
  }
  for (const { name, value, protocol } of scores)
    print(`${name}: ${value === undefined ? "-" : Number(value.toPrecision(9))} (${protocol})`);
}

/** One bar a stage. */
class Stages {
  #name: string | undefined;
  #progress: ReturnType<typeof startProgress> | undefined;

  update = (name: string, done: number, total: number): void => {
    if (name !== this.#name) {
      this.finish();
      this.#name = name;
      const pictures = name === "reference" || name === "samples" || name === "features";
      this.#progress = startProgress({
        label: name,
        total,
        quietFor: 1,
        ...(pictures && {
          amount: (n: number, of: number) => `${n} of ${of} pictures`,
          rate: (perSecond: number) => `${perSecond.toFixed(1)} pictures/s`,
        }),
      });
    }
    this.#progress?.update(done);
  };

  finish(): void {
    this.#progress?.finish();
    this.#progress = undefined;
    this.#name = undefined;
  }
}
