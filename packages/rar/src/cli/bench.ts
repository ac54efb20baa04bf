/** `rarity bench`: how long images take, as a share of what this machine could do at best. */
import { availableParallelism, cpus } from "node:os";
import type { Command } from "commander";
import { type BenchRow, bench } from "../bench/measure.js";
import { RarityError } from "../config/errors.js";
import { precisionsOf } from "../engines/create.js";
import { type Precision, precisions } from "../engines/engine.js";
import { locateModel, openModel } from "../weights/model-folder.js";
import { oneOf } from "./flag-values.js";

interface Flags {
  readonly engine: "onnx" | "torch";
  readonly device?: string;
  readonly precision?: string;
  readonly batch: string;
  readonly threads?: string;
  readonly runs: string;
  readonly window?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("bench")
    .description("time whole images beside the machine's floor")
    .argument("[model]", "embedded model, preset or model folder", "emoji")
    .option("--engine <name>", "onnx or torch", oneOf("onnx", "torch"), "onnx")
    .option("--device <name>", "cpu, cuda or cuda:1, for the torch engine")
    .option("--precision <names>", `comma list of ${precisions.join(", ")} (default: all of the engine's)`)
    .option("--batch <counts>", "comma list of images at once", "1")
    .option("--threads <n>", "threads of the engine")
    .option("--runs <n>", "counted runs after one that is not", "3")
    .option(
      "--window <n>",
      "positions of a lone image computed at once, for the onnx engine (default: what proves fastest)",
    )
    .option("--json", "print one JSON object a row")
    .addHelpText(
      "after",
      "\nExample:\n  rarity init out/rar-b --preset rar-b --random-modulation && rarity bench out/rar-b --batch 1,4,16",
    )
    .action(async (model: string, flags: Flags) => {
      const location = await locateModel(model, {});
      await using files = await openModel(location);
      if (!files.generator)
        throw new RarityError("not-found", `The model "${model}" has no generator to measure.`);
      const known: readonly string[] = precisionsOf[flags.engine];
      const wanted = flags.precision?.split(",") ?? known;
      const unknown = wanted.find((name) => !known.includes(name));
      if (unknown !== undefined)
        throw new RarityError(
          "bad-usage",
          `--precision ${unknown} is none of the ${flags.engine} engine's: ${known.join(", ")}.`,
        );
      const rows = bench(
        { generator: files.generator, tokenizer: files.tokenizer },
        {
          engine: flags.engine,
          device: flags.device,
          precisions: wanted as Precision[],
          batches: flags.batch.split(",").map(Number),
          threads: flags.threads === undefined ? undefined : Number(flags.threads),
          runs: Number(flags.runs),
          window: flags.window === undefined ? undefined : Number(flags.window),
        },
      );
      if (!flags.json) {
        console.log(
          `${location.name}, ${cpus()[0]?.model ?? "unknown processor"}, ${flags.threads ?? availableParallelism()} threads`,
        );
        console.log(
          "| precision | images | s a batch (least-most) | s an image | steps | ms a step | decoder s | floor s | ratio | load s | peak MB | B GB/s | F GFLOP/s |",
        );
        console.log("|".concat(" --- |".repeat(13)));
      }
      for await (const row of rows) console.log(flags.json ? JSON.stringify(row) : line(row));
    });
}

function line(row: BenchRow): string {
  const { median, least, most } = row.seconds;
  const cells = [
    row.precision,
    row.images,
    `${median.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`,
    row.secondsPerImage.toFixed(2),
    row.steps,
    row.stepMilliseconds.toFixed(1),
    row.decodeSeconds.toFixed(2),
    row.floorSeconds.toFixed(2),
    row.ratio.toFixed(2),
    row.loadSeconds.toFixed(1),
    Math.round(row.peakMemory / 1e6),
    (row.machine.bytesPerSecond / 1e9).toFixed(1),
    (row.machine.flops / 1e9).toFixed(0),
  ];
  return `| ${cells.join(" | ")} |`;
}
