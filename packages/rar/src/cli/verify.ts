/** `rarity verify`: holds an engine against recorded numbers, one line a check. */
import type { Command } from "commander";
import { createEngine } from "../engines/create.js";
import { type Precision, precisions } from "../engines/engine.js";
import type { CheckResult } from "../verify/check.js";
import { verify } from "../verify/verify.js";
import { oneOf, wholeNumber } from "./flag-values.js";

interface Flags {
  readonly engine: "onnx" | "torch";
  readonly device: string;
  readonly precision: Precision;
  readonly threads?: number;
  readonly weights?: string;
  readonly only?: string[];
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("verify")
    .description("hold an engine against a folder of recorded numbers; exit code 1 where one is off")
    .argument("<folder>", "recorded numbers beside a model")
    .option("--engine <name>", "engine to check: onnx or torch", oneOf("onnx", "torch"), "onnx")
    .option("--device <name>", "cpu, cuda or cuda:1, for the torch engine", "cpu")
    .option("--precision <name>", `one of ${precisions.join(", ")}`, oneOf(...precisions), "float32")
    .option("--threads <n>", "threads of the engine", wholeNumber(1, 1024))
    .option("--weights <file>", "weights of the generator, in place of the folder's own")
    .option("--only <preset...>", "of several full-size networks, the ones to check (default: rar_b)")
    .option("--json", "print one JSON object a check")
    .addHelpText(
      "after",
      "\nExample:\n  rarity verify fixtures/rar_tiny --weights fixtures/rar_tiny/generator_legacy.bin",
    )
    .action(async (folder: string, flags: Flags) => {
      await using engine = await createEngine(
        { engine: flags.engine, device: flags.device, precision: flags.precision, threads: flags.threads },
        0,
      );
      let [count, wrong] = [0, 0];
      for await (const result of verify(folder, engine, { weights: flags.weights, only: flags.only })) {
        count++;
        if (!result.ok) wrong++;
        console.log(flags.json ? JSON.stringify(result) : line(result));
      }
      console.error(
        `${count} checks with the engine ${engine.name} on ${engine.device} in ${engine.precision}: ${count - wrong} hold, ${wrong} do not`,
      );
      if (wrong > 0) process.exitCode = 1;
    });
}

const figure = (value: number): string => (Number.isInteger(value) ? String(value) : value.toExponential(2));

const line = ({ ok, name, deviation, tolerance, note }: CheckResult): string =>
  `${ok ? "ok   " : "WRONG"} ${name.padEnd(52)} ${figure(deviation).padStart(9)} of ${figure(tolerance)}${note ? `  (${note})` : ""}`;
