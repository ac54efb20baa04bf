/** `rarity sample`: the benchmark's images, 50 a class, on any number of processes; gone on with after any interruption. */
import type { Command } from "commander";
import { downsampling } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import type { ModelLocation } from "../weights/model-folder.js";
import { checkComplete } from "./draw.js";
import { wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { inceptionHelp } from "./load-inception.js";
import { loadModel } from "./load-model.js";
import {
  addDrawingFlags,
  addModelFlags,
  loadOptions,
  type ModelFlags,
  type SamplingFlags,
  samplingOptions,
} from "./model-flags.js";
import { checkSizes, drawingOverrides } from "./overrides.js";
import { ranksOf } from "./ranks.js";
import { modelOf, samplingOf } from "./sample-model.js";
import { print, say } from "./streams.js";

interface Flags extends ModelFlags, SamplingFlags {
  readonly preset?: string;
  readonly count?: number;
  readonly output?: string;
  readonly referenceLayout?: number;
  readonly png: boolean;
  readonly npz: boolean;
  readonly sweep?: string[];
  readonly reference?: string;
  readonly inception?: string;
  readonly json?: boolean;
}

/** As the reference draws: images of a class, and images together. */
const imagesOfClass = 50;
const imagesTogether = 50;

export function register(program: Command): void {
  const command = program
    .command("sample")
    .description(
      "Draw the images that a benchmark scores: 50 of each class, as PNG files and as one npz file. A run that is stopped goes on where it was when it is started again.",
    )
    .argument(
      "[key=value...]",
      "the reference's own words: experiment.output_dir=FOLDER, experiment.generator_checkpoint=FILE, model.generator.guidance_scale=8 ...",
    );
  addModelFlags(command)
    .option(
      "--preset <name>",
      "a published model's sampling settings, and its weights unless others are named",
    )
    .option("-n, --count <n>", "images in all (default: 50 of each class)", wholeNumber(1, 1e9));
  addDrawingFlags(command)
    .option("-b, --batch <n>", "images drawn together (default: 50)", wholeNumber(1, 4096))
    .option("-o, --output <folder>", "where the files go (default: samples); the npz file lies beside it")
    .option(
      "--reference-layout <n>",
      "number the files as n processes of the reference do",
      wholeNumber(1, 1e6),
    )
    .option("--no-png", "straight into the npz file")
    .option("--no-npz", "PNG files alone")
    .option(
      "--sweep <key=values...>",
      "a run for each combination of guidance=4,8,16 pow=1,2 temperature=1,1.02, and a table of scores",
    )
    .option("--reference <file>", "what a sweep is scored against: an npz file or a folder of pictures")
    .option("--inception <file>", `for a sweep: ${inceptionHelp}`)
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
An image is decided by the seed and its position in the list of labels, 0, 1, ... repeated, and by nothing else: any number
of processes (rarity launch, torchrun, Slurm) gives the same files.

Examples:
  rarity sample --preset rar-b --output rar_b
  rarity launch --ranks 8 -- sample --preset rar-xxl experiment.output_dir=rar_xxl
  rarity sample --model cifar10 --count 500 --sweep guidance=1,2,4 pow=0,1 --reference test.npz`,
    )
    .action(async (words: string[], flags: Flags) => run(words, flags));
}

async function run(words: readonly string[], flags: Flags): Promise<void> {
  // The flag takes every word behind it; those with a dot are the reference's.
  const swept = (flags.sweep ?? []).filter((word) => !isOverride(word));
  const overrides = await drawingOverrides([...words, ...(flags.sweep ?? []).filter(isOverride)]);
  const points = flags.sweep && (await import("../evaluation/sweep.js")).sweepPoints(swept);
  if ((points === undefined) !== (flags.reference === undefined))
    throw new RarityError(
      "bad-usage",
      points
        ? "--sweep scores its runs: name what against, with --reference FILE."
        : "--reference belongs to --sweep. To score one run: rarity evaluate REFERENCE SAMPLES.npz.",
    );
  if (!flags.png && !flags.npz)
    throw new RarityError("bad-usage", "--no-png and --no-npz together leave nothing to write.");
  const asked = samplingOptions(flags);
  const signal = interruption();
  const { rank, ranks } = ranksOf(process.env);
  if (rank === 0) for (const note of overrides.notes) say(`Note: ${note}`);

  const { SampleLayout } = await import("../evaluation/sample-layout.js");
  const { sampleOnce } = await import("./sample-run.js");
  const { locateModel } = await import("../weights/model-folder.js");
  const { Pipeline } = await import("../pipeline.js");
  const model = modelOf(flags, overrides);
  const location = await locateModel(model, { signal });
  checkComplete(location);
  await using pipeline = await loadModel(Pipeline.load, model, {
    ...loadOptions(flags),
    precision: flags.precision ?? "float32",
    threads: flags.threads ?? shareOfThreads(process.env),
    signal,
  });
  checkSizes(overrides.sizes, pipeline.generator, pipeline.name);
  const { tokens, classes } = pipeline.generator;
  const layout = new SampleLayout({
    count: flags.count ?? imagesOfClass * classes,
    classes,
    batch: flags.batch ?? imagesTogether,
    parts: flags.referenceLayout,
  });
  if (rank === 0) say(layout.describe());
  const options = {
    pipeline,
    model,
    sampling: samplingOf(asked, overrides, flags, location),
    layout,
    side: Math.sqrt(tokens) * downsampling(pipeline.tokenizer),
    folder: flags.output ?? overrides.outputFolder ?? "samples",
    png: flags.png,
    npz: flags.npz,
    weights: await weightsOf(location),
    rank,
    ranks,
    signal,
  };
  if (points) {
    const { sweep } = await import("./sample-sweep.js");
    await sweep({ run: options, points, reference: flags.reference!, inception: flags, json: flags.json });
    return;
  }
  const report = await sampleOnce(options);
  if (report === undefined) return; // rank 0 tells
  if (flags.json) print(JSON.stringify(report));
  else print(report.npz ?? report.folder);
}

const isOverride = (word: string): boolean => /^[^=]*\.[^=]*=/.test(word) || word.startsWith("config=");

/** Processes of one machine share its cores, as the launcher has said. */
function shareOfThreads(env: NodeJS.ProcessEnv): number | undefined {
  const threads = Number(env.OMP_NUM_THREADS);
  return Number(env.LOCAL_WORLD_SIZE) > 1 && Number.isInteger(threads) && threads > 0 ? threads : undefined;
}

async function weightsOf({ generatorFile, tokenizerFile, name, order }: ModelLocation) {
  const { fingerprint } = await import("../evaluation/sample-settings.js");
  const of = (file: string | undefined) => (file === undefined ? name : fingerprint(file));
  return { generator: await of(generatorFile), tokenizer: await of(tokenizerFile), order };
}
