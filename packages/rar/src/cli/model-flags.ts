/** The flags of every verb that loads a model, and the settings of sampling. */
import type { Command } from "commander";
import { checkSampling, type Sampler, samplers } from "../drawing/draw.js";
import { engineNames } from "../engines/create.js";
import { precisions } from "../engines/engine.js";
import type { EngineName, LoadOptions, Precision, SamplingOptions } from "../pipeline.js";
import { decimal, oneOf, wholeNumber } from "./flag-values.js";

export interface ModelFlags {
  readonly model?: string;
  readonly engine?: EngineName;
  readonly device?: string;
  readonly precision?: Precision | "auto";
  readonly threads?: number;
}

export interface SamplingFlags {
  readonly seed?: number;
  readonly temperature?: number;
  readonly guidance?: number;
  readonly guidancePow?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly sampler?: Sampler;
  readonly batch?: number;
}

export const addModelFlags = (
  command: Command,
  model = "embedded model, preset, model folder, weights file or hub:owner/name (default: emoji)",
): Command =>
  command
    .option("-m, --model <name>", model)
    .option(
      "--engine <name>",
      "auto, onnx or torch (default: torch where there is a GPU, else onnx)",
      oneOf(...engineNames),
    )
    .option("--device <name>", "cpu, cuda or cuda:1, for the torch engine")
    .option("--precision <name>", `auto, ${precisions.join(", ")}`, oneOf("auto", ...precisions))
    .option("--threads <n>", "processor threads (default: all cores)", wholeNumber(1, 1024));

/** What decides an image beside its class and number. */
export const addDrawingFlags = (command: Command): Command =>
  command
    .option("-s, --seed <n>", "decides the images, together with their number", wholeNumber(0))
    .option("-t, --temperature <x>", "0 draws the likeliest code every time (default: the model's)", decimal)
    .option("-g, --guidance <x>", "how strongly the class pulls; 0 for none (default: the model's)", decimal)
    .option("--guidance-pow <x>", "larger keeps guidance low for longer (default: the model's)", decimal)
    .option("--top-k <n>", "draw among the k likeliest codes only", wholeNumber(1))
    .option("--top-p <x>", "draw among the likeliest codes of this probability, 0 to 1", decimal);

export const addSamplingFlags = (command: Command): Command =>
  addDrawingFlags(command)
    .option(
      "--sampler <name>",
      "philox, or torch for PyTorch's own random stream (torch engine; default: philox)",
      oneOf(...samplers),
    )
    .option("-b, --batch <n>", "images computed together (default: as many as fit)", wholeNumber(1, 4096));

export const loadOptions = ({ engine, device, precision, threads }: ModelFlags): LoadOptions => ({
  engine,
  device,
  precision,
  threads,
});

/** @throws {RangeError} for a value out of its range, before anything is loaded */
export function samplingOptions(flags: SamplingFlags): SamplingOptions {
  const options: SamplingOptions = {
    seed: flags.seed,
    temperature: flags.temperature,
    guidanceScale: flags.guidance,
    guidanceScalePow: flags.guidancePow,
    topK: flags.topK,
    topP: flags.topP,
    sampler: flags.sampler,
    batchSize: flags.batch,
  };
  checkSampling(options);
  return options;
}
