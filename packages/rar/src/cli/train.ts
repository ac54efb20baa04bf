/** `rarity train`: trains a generator on tokens, from a configuration to a model folder. */
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import { loadConfig } from "../config/load.js";
import { isFirstRank } from "../training/environment.js";
import { collect, oneOf, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { progressBars } from "./progress-bars.js";
import { print, say } from "./streams.js";
import { version } from "./version.js";

interface Flags {
  readonly dryRun?: boolean;
  readonly device?: string;
  readonly threads?: number;
  readonly timeout: number;
  readonly allowChanged?: string[];
  readonly onError?: "fail" | "skip";
  readonly referenceFormat?: boolean;
}

export function register(program: Command): void {
  program
    .command("train")
    .description(
      "Train a generator on tokens: the published rar.yaml and its command lines work unchanged. The run goes on from its last checkpoint.",
    )
    .argument(
      "<key=value...>",
      "config=FILE, and the published overrides, such as experiment.output_dir=out/mine",
    )
    .option("--dry-run", "print the plan and stop")
    .option("--device <name>", "cpu, cuda or cuda:1 (default: this process's CUDA device where there is one)")
    .option(
      "--threads <n>",
      "threads of one operator (default: this process's share of the cores)",
      wholeNumber(1, 1024),
    )
    .option("--timeout <seconds>", "how long to wait for other processes", wholeNumber(1, 2_000_000), 600)
    .option(
      "--allow-changed <key>",
      "go on although this key differs from the checkpoint's; may be repeated",
      collect,
    )
    .option(
      "--on-error <what>",
      "fail or skip, for pictures that cannot be read, where tokens are made of pictures",
      oneOf("fail", "skip"),
    )
    .option("--reference-format", "also write pytorch_model.bin at the end, as the reference does")
    .addHelpText(
      "after",
      "\nExample:\n  rarity train config=debug.yaml experiment.output_dir=out/debug\n  rarity generate --model out/debug --class all",
    )
    .action(async (words: string[], flags: Flags) => {
      const stray = words.find((word) => !/^[^\s=]+=/.test(word));
      if (stray !== undefined)
        throw new RarityError(
          "bad-usage",
          `"${stray}" is no key.path=value. A configuration is config=FILE.`,
        );
      const signal = interruption();
      const loaded = await loadConfig({ overrides: words });
      const first = isFirstRank();
      for (const note of first ? loaded.notes : []) say(`Note: ${note}`);
      const { train } = await import("../training/run.js").catch(withoutLibtorch);
      const bars = progressBars();
      try {
        const { outcome, outputDir } = await train({
          loaded,
          version: version(),
          device: flags.device,
          threads: flags.threads,
          timeoutSeconds: flags.timeout,
          dryRun: flags.dryRun,
          allowChanged: flags.allowChanged,
          onError: flags.onError,
          referenceFormat: flags.referenceFormat,
          signal,
          say(line) {
            bars.clear();
            say(line);
          },
          onProgress: bars.show,
          onStep(step, total) {
            if (process.stderr.isTTY) bars.show("training", step, total);
          },
        });
        if (first && outcome.startsWith("finished")) print(outputDir);
      } finally {
        bars.clear();
      }
    });
}

/** The package is optional: drawing needs none of it. */
function withoutLibtorch(error: NodeJS.ErrnoException): never {
  if (error.code !== "ERR_MODULE_NOT_FOUND" || !error.message.includes("libtorch")) throw error;
  throw new RarityError(
    "engine",
    'Training needs the package "libtorch", which is not installed. Run `npm install libtorch`, then `npx libtorch setup`.',
    { cause: error },
  );
}
