/** `rarity verify`: holds an engine against recorded numbers, one line a check. */
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import { type Precision, precisions } from "../engines/engine.js";
import { OnnxEngine } from "../engines/onnx/engine.js";
import type { CheckResult } from "../verify/check.js";
import { verify } from "../verify/verify.js";

interface Flags {
  readonly engine: string;
  readonly precision: string;
  readonly threads?: string;
  readonly weights?: string;
  readonly only?: string[];
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("verify")
    .description("hold an engine against a folder of recorded numbers; exit code 1 where one is off")
    .argument("<folder>", "recorded numbers beside a model")
    .option("--engine <name>", "engine to check", "onnx")
    .option("--precision <name>", `one of ${precisions.join(", ")}`, "float32")
    .option("--threads <n>", "threads of the engine")
    .option("--weights <file>", "weights of the generator, in place of the folder's own")
    .option("--only <preset...>", "of several full-size networks, the ones to check (default: rar_b)")
    .option("--json", "print one JSON object a check")
    .addHelpText(
      "after",
      "\nExample:\n  rarity verify fixtures/rar_tiny --weights fixtures/rar_tiny/generator_legacy.bin",
    )
    .action(async (folder: string, flags: Flags) => {
      if (!(precisions as readonly string[]).includes(flags.precision)) {
        throw new RarityError(
          "bad-usage",
          `--precision ${flags.precision} is none of ${precisions.join(", ")}.`,
        );
      }
      if (flags.engine !== "onnx")
        throw new RarityError(
          "engine",
          `The engine "${flags.engine}" is not part of this version. Use --engine onnx.`,
        );
      await using engine = new OnnxEngine({
        precision: flags.precision as Precision,
        threads: flags.threads === undefined ? undefined : Number(flags.threads),
      });
      let [count, wrong] = [0, 0];
      for await (const result of verify(folder, engine, { weights: flags.weights, only: flags.only })) {
        count++;
        if (!result.ok) wrong++;
        console.log(flags.json ? JSON.stringify(result) : line(result));
      }
      console.error(
        `${count} checks with the engine onnx in ${flags.precision}: ${count - wrong} hold, ${wrong} do not`,
      );
      if (wrong > 0) process.exitCode = 1;
    });
}

const figure = (value: number): string => (Number.isInteger(value) ? String(value) : value.toExponential(2));

const line = ({ ok, name, deviation, tolerance, note }: CheckResult): string =>
  `${ok ? "ok   " : "WRONG"} ${name.padEnd(52)} ${figure(deviation).padStart(9)} of ${figure(tolerance)}${note ? `  (${note})` : ""}`;
