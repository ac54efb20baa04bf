/** `rarity generate`: images of given classes, as PNG files and a labelled sheet. */
import type { Command } from "commander";
import { type AnimationFormat, draw } from "./draw.js";
import { collect, oneOf, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import {
  addModelFlags,
  addSamplingFlags,
  loadOptions,
  type ModelFlags,
  type SamplingFlags,
} from "./model-flags.js";
import { drawingOverrides } from "./overrides.js";
import { print, say } from "./streams.js";
import { summary } from "./summary.js";

interface Flags extends ModelFlags, SamplingFlags {
  readonly class?: string[];
  readonly count?: number;
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly sheet: boolean;
  readonly scale?: number;
  readonly watch?: boolean;
  readonly animate?: AnimationFormat;
  readonly like?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("generate")
    .description("Draw images of given classes: PNG files with their settings inside, and a labelled sheet.")
    .argument("[key=value...]", "the published overrides, such as model.generator.guidance_scale=4")
    .option(
      "-c, --class <names>",
      'names or numbers, with commas between, or "all"; may be repeated',
      collect,
    )
    .option("-n, --count <n>", "images of each class (default: 1)", wholeNumber(1, 1_000_000));
  addSamplingFlags(addModelFlags(command))
    .option("-o, --output <folder>", "where the files go (default: out)")
    .option("--overwrite", "start at number 0 again rather than number on")
    .option("--no-sheet", "no contact sheet")
    .option("--scale <n>", "enlarge the images, each pixel a square", wholeNumber(1, 64))
    .option("--watch", "see the images come into being in the terminal")
    .option(
      "--animate <format>",
      "also write how each image came into being: webp or gif",
      oneOf("webp", "gif"),
    )
    .option("--like <image.png>", "repeat an image that rarity drew; further flags change one thing about it")
    .option("--json", "print one JSON object in place of the files' names")
    .addHelpText(
      "after",
      '\nExample:\n  rarity generate --class "golden retriever",207 --count 4 --model rar-b --seed 7',
    )
    .action(async (words: string[], flags: Flags) => {
      const signal = interruption();
      const overrides = await drawingOverrides(words);
      for (const note of overrides.notes) say(`Note: ${note}`);
      const { Pipeline } = await import("../pipeline.js");
      const { locateModel } = await import("../weights/model-folder.js");
      const report = await draw(
        {
          model: flags.model ?? overrides.model,
          load: loadOptions(flags),
          classes: flags.class ?? [],
          count: flags.count ?? 1,
          sampling: {
            ...flags,
            temperature: flags.temperature ?? overrides.temperature,
            guidance: flags.guidance ?? overrides.guidance,
            guidancePow: flags.guidancePow ?? overrides.guidancePow,
          } as SamplingFlags,
          sizes: overrides.sizes,
          like: flags.like,
          folder: flags.output ?? overrides.outputFolder ?? "out",
          overwrite: flags.overwrite,
          sheet: flags.sheet,
          scale: flags.scale,
          watch: flags.watch,
          animate: flags.animate,
        },
        { load: Pipeline.load, locate: locateModel, signal, screen: flags.json ? undefined : process.stdout },
      );
      if (flags.json) print(JSON.stringify(report));
      else if (!process.stdout.isTTY) for (const { file } of report.images) print(file);
      say(summary(report));
      signal.throwIfAborted();
    });
}
