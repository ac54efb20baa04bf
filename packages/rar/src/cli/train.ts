/** `rarity train`: trains a generator on tokens, from a configuration to a model folder. */
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import { loadConfig } from "../config/load.js";
import { collect, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { type Progress, startProgress } from "./progress.js";
import { isFancy, print, say } from "./streams.js";
import { version } from "./version.js";
import { counted } from "./words.js";

interface Flags {
  readonly dryRun?: boolean;
  readonly device?: string;
  readonly threads?: number;
  readonly timeout: number;
  readonly allowChanged?: string[];
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
    .option("--reference-format", "also write pytorch_model.bin at the end, as the reference does")
    .addHelpText(
      "after",
      "\nExample:\n  rarity train config=debug.yaml experiment.output_dir=out/debug\n  rarity generate --model out/debug --count 10",
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
      for (const note of loaded.notes) say(`Note: ${note}`);
      const { train } = await import("../training/run.js");
      const bar = trainingBar();
      try {
        const { outcome, outputDir } = await train({
          loaded,
          version: version(),
          device: flags.device,
          threads: flags.threads,
          timeoutSeconds: flags.timeout,
          dryRun: flags.dryRun,
          allowChanged: flags.allowChanged,
          referenceFormat: flags.referenceFormat,
          signal,
          say: bar.say,
          onStep: bar.step,
        });
        if (outcome === "finished" || outcome === "finished before") print(outputDir);
      } finally {
        bar.finish();
      }
    });
}

/** On a terminal a bar below the lines; elsewhere the lines alone tell how far it is. */
function trainingBar(): {
  say(line: string): void;
  step(step: number, total: number): void;
  finish(): void;
} {
  let progress: Progress | undefined;
  const finish = (): void => progress?.finish();
  return {
    say(line) {
      finish();
      say(line);
    },
    step(step, total) {
      if (!isFancy(process.stderr)) return;
      progress ??= startProgress({
        label: "training",
        total,
        amount: (done, all) => `step ${done.toLocaleString("en")} of ${counted(all, "step")}`,
        rate: (perSecond) =>
          perSecond >= 1 ? `${perSecond.toFixed(1)} steps/s` : `${(1 / perSecond).toFixed(1)} s a step`,
      });
      progress.update(step);
    },
    finish,
  };
}
