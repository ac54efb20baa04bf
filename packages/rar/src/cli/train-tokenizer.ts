/** `rarity train-tokenizer`: a tokenizer of any size, from one's own pictures to a model folder. */
import type { Command } from "commander";
import { loadConfig } from "../config/load.js";
import { isFirstRank } from "../training/environment.js";
import { collect, oneOf, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { progressBars } from "./progress-bars.js";
import { print, say } from "./streams.js";

interface Flags {
  readonly device?: string;
  readonly threads?: number;
  readonly onError: "fail" | "skip";
  readonly allowChanged?: readonly string[];
  readonly timeout: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("train-tokenizer")
    .description(
      "Train a tokenizer on pictures, and go on with a run that was interrupted. Writes a model folder with config.yaml and tokenizer.safetensors.",
    )
    .argument("<key=value...>", "config=FILE, experiment.output_dir=FOLDER and other settings")
    .option("--device <device>", "cpu, cuda or cuda:N (default: a CUDA device where there is one)")
    .option(
      "--threads <n>",
      "threads of one operator (default: this process's share of the cores)",
      wholeNumber(1, 4096),
    )
    .option(
      "--on-error <what>",
      "pictures that cannot be decoded: fail, or skip",
      oneOf("fail", "skip"),
      "fail" as const,
    )
    .option(
      "--allow-changed <key>",
      "a setting that may differ from the checkpoint's; may be repeated",
      collect,
    )
    .option("--timeout <seconds>", "how long to wait for other processes", wholeNumber(1, 2e6), 600)
    .option("--dry-run", "print the plan and stop")
    .option("--json", "print one JSON object at the end")
    .addHelpText(
      "after",
      "\nExample:\n  rarity train-tokenizer config=configs/cifar10-tokenizer.yaml experiment.output_dir=runs/cifar10-tokenizer",
    )
    .action(async (overrides: string[], flags: Flags) => {
      const signal = interruption();
      const loaded = await loadConfig({ overrides });
      const first = isFirstRank();
      for (const note of first ? loaded.notes : []) say(`Note: ${note}`);
      const { trainTokenizer } = await import("../training/tokenizer/run.js");
      const bars = progressBars();
      try {
        const result = await trainTokenizer({
          loaded,
          signal,
          device: flags.device,
          threads: flags.threads,
          onError: flags.onError,
          allowChanged: flags.allowChanged,
          timeoutSeconds: flags.timeout,
          dryRun: flags.dryRun,
          say(line) {
            bars.clear();
            say(line);
          },
          onProgress: bars.show,
          onStep: (done, total) => {
            if (process.stderr.isTTY) bars.show("training", done, total);
          },
        });
        bars.clear();
        if (!first) return;
        if (flags.json) print(JSON.stringify(result));
        else if (result.outcome !== "planned") print(result.outputDir);
      } finally {
        bars.clear();
      }
    });
}
