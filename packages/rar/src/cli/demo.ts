/** `rarity demo`: a labelled grid of everything the embedded model draws, and what to try next. */
import type { Command } from "commander";
import { encodePng } from "../images/png.js";
import { contactSheet, type SheetRow } from "../images/sheet.js";
import type { GeneratedImage } from "../pipeline.js";
import { className } from "./classes.js";
import type { DrawTools } from "./draw.js";
import { wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { loadModel } from "./load-model.js";
import { outputFolder } from "./output-folder.js";
import { startProgress } from "./progress.js";
import { sheetScale } from "./run-sheet.js";
import { showPictures } from "./show.js";
import { sideBySide } from "./side-by-side.js";
import { print, say } from "./streams.js";
import { duration } from "./words.js";

interface Flags {
  readonly model?: string;
  readonly count: number;
  readonly seed: number;
  readonly output: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("demo")
    .description(
      "See what the embedded model draws: a few images of every class, in the terminal and as a file.",
    )
    .option("-m, --model <name>", "another model (default: emoji)")
    .option("-n, --count <n>", "images of each class", wholeNumber(1, 100), 2)
    .option("-s, --seed <n>", "another seed gives other images", wholeNumber(0), 1)
    .option("-o, --output <folder>", "where demo.png goes", "out")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  rarity demo --seed 2")
    .action(async (flags: Flags) => {
      const signal = interruption();
      const { Pipeline } = await import("../pipeline.js");
      const report = await demo(flags, {
        load: Pipeline.load,
        signal,
        screen: flags.json ? undefined : process.stdout,
      });
      if (flags.json) print(JSON.stringify(report));
      else {
        say(
          `${report.images} images in ${duration(report.seconds)}: ${duration(report.secondsPerImage)} an image, on this machine's processor.`,
        );
        print(report.file);
        for (const line of nextSteps(report, flags.model)) say(line);
      }
    });
}

export interface DemoReport {
  readonly file: string;
  readonly model: string;
  readonly classes: readonly string[];
  readonly images: number;
  readonly seconds: number;
  readonly secondsPerImage: number;
}

/** More classes than this make a grid nobody looks at: ImageNet's are spread over. */
const mostClasses = 24;

export async function demo(
  flags: { readonly model?: string; readonly count: number; readonly seed: number; readonly output: string },
  { load, signal, screen }: Omit<DrawTools, "locate">,
): Promise<DemoReport> {
  const output = await outputFolder(flags.output);
  await using pipeline = await loadModel(load, flags.model, { signal });
  const total = pipeline.generator.classes;
  const shown = Math.min(total, mostClasses);
  const labels = Array.from({ length: shown }, (_, i) => Math.floor((i * total) / shown));
  const classes = labels.flatMap((label) => new Array<number>(flags.count).fill(label));

  const progress = startProgress({ label: "drawing", total: 1 });
  const start = performance.now();
  const images: GeneratedImage[] = [];
  try {
    for await (const { step, total: steps, finished } of pipeline.stream({
      classes,
      seed: flags.seed,
      signal,
    })) {
      progress.update(step / steps);
      images.push(...(finished ?? []));
    }
  } finally {
    progress.finish();
  }
  const seconds = (performance.now() - start) / 1000;

  const names = labels.map((label) => className(label, pipeline.classNames[label]));
  const rows: SheetRow[] = labels.map((label, i) => ({
    label: names[i]!,
    images: images.filter(({ classIndex }) => classIndex === label),
  }));
  const scale = sheetScale(images[0]!);
  const title = `What ${pipeline.name} draws`;
  const half = Math.ceil(rows.length / (rows.length > 8 ? 2 : 1));
  const columns = [contactSheet(rows.slice(0, half), { title, scale })];
  // An empty title keeps the rows of the second column level with the first.
  if (half < rows.length) columns.push(contactSheet(rows.slice(half), { title: " ", scale }));
  const sheet = sideBySide(await Promise.all(columns));
  const file = await output.write("demo.png", await encodePng(sheet, { Software: "rarity demo" }));
  if (screen) showPictures(screen, sheet, rows);
  return {
    file,
    model: pipeline.name,
    classes: names,
    images: images.length,
    seconds,
    secondsPerImage: seconds / images.length,
  };
}

function nextSteps({ classes }: DemoReport, model: string | undefined): string[] {
  const [first = "0", second = first] = [classes[4] ?? classes[0], classes[3] ?? classes[1]];
  const quoted = (name: string): string => (name.includes(" ") ? `"${name}"` : name);
  const other = model === undefined ? "" : ` --model ${model}`;
  return [
    "",
    "Try next:",
    `  rarity generate --class ${quoted(first)} --count 16 --watch${other}`,
    `  rarity generate --class ${quoted(second)} --animate webp --seed 3${other}`,
    `  rarity generate --class all --guidance 1 --temperature 1.2${other}`,
  ];
}
