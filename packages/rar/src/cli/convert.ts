/** `rarity convert`: published files to a model folder; other element types, other file formats. */
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { RarityError } from "../config/errors.js";
import { configOf } from "../config/keys.js";
import { writeConfig } from "../config/write.js";
import { fileSystemError } from "../weights/bad-file.js";
import { modelCard } from "../weights/model-card.js";
import { locateModel, type ModelLocation, openModel } from "../weights/model-folder.js";
import { openTensorFile } from "../weights/open.js";
import { writeSafetensors } from "../weights/safetensors.js";
import type { TensorFile, TensorSource } from "../weights/tensor-file.js";
import { writeTorchFile } from "../weights/torch-write.js";
import { checkDestination, writeFolder } from "./destination.js";
import { oneOf } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { startProgress } from "./progress.js";
import { type StoredType, storedTypes, storedWeights } from "./stored-weights.js";
import { print, say } from "./streams.js";
import { bytes, duration } from "./words.js";

export type FileFormat = "safetensors" | "bin";

interface Flags {
  readonly dtype?: StoredType;
  readonly to?: FileFormat;
  readonly tokenizer?: string;
  readonly modelCard?: string;
  readonly overwrite?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("convert")
    .description(
      "Make a model folder of published files or another folder, or translate one tensor file where the destination is named .safetensors or .bin.",
    )
    .argument("<source>", "weights file, model folder, preset or hub:owner/name")
    .argument("<destination>", "folder to make, or a file")
    .argument("[key=value...]", "the published overrides, laid over config.yaml")
    .option("--dtype <type>", `${storedTypes.join(", ")} (default: as stored)`, oneOf(...storedTypes))
    .option(
      "--to <format>",
      "safetensors, or bin, which torch.load reads (default: safetensors)",
      oneOf("safetensors", "bin"),
    )
    .option("--tokenizer <file>", "the tokenizer's weights, where they are elsewhere")
    .option("--model-card <file>", "becomes README.md of the folder")
    .option("--overwrite", "replace files that are there already")
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      "\nExample:\n  rarity convert rar_b.bin models/rar-b --tokenizer maskgit-vqgan-imagenet-f16-256.bin --dtype bfloat16",
    )
    .action(async (source: string, destination: string, overrides: string[], flags: Flags) => {
      const signal = interruption();
      const start = performance.now();
      const report = await convert({ ...flags, source, destination, overrides }, signal);
      for (const note of report.notes) say(`Note: ${note}`);
      if (flags.json) print(JSON.stringify(report));
      else {
        for (const file of report.files) print(file);
        say(`${bytes(report.bytes)} of weights in ${duration((performance.now() - start) / 1000)}.`);
      }
    });
}

export interface ConvertRequest extends Flags {
  readonly source: string;
  readonly destination: string;
  readonly overrides?: readonly string[] | undefined;
}

export interface ConvertReport {
  readonly files: readonly string[];
  /** Of the weights written. */
  readonly bytes: number;
  readonly notes: readonly string[];
}

/** @throws {RarityError} for a source that is no whole model, and a destination that is there already */
export async function convert(request: ConvertRequest, signal: AbortSignal): Promise<ConvertReport> {
  const ending = /\.(safetensors|bin|pth?|ckpt)$/i.exec(request.destination)?.[1]?.toLowerCase();
  const to = request.to ?? (ending === undefined || ending === "safetensors" ? "safetensors" : "bin");
  if (to === "bin" && request.dtype === "int8")
    throw new RarityError(
      "bad-usage",
      "int8 with scales is stored in safetensors only. Leave out --to bin, or use --dtype bfloat16.",
    );
  return ending === undefined ? toFolder(request, to, signal) : toFile(request, to, signal);
}

/** Any tensor file to one other file: nothing is asked about what it holds. */
async function toFile(request: ConvertRequest, to: FileFormat, signal: AbortSignal): Promise<ConvertReport> {
  const { source, destination, dtype, overwrite } = request;
  if (request.tokenizer !== undefined || request.modelCard !== undefined)
    throw new RarityError(
      "bad-usage",
      `"${destination}" is one file; --tokenizer and --model-card are for a model folder.`,
    );
  await using file = await openTensorFile(source);
  await checkDestination(destination, "file", overwrite);
  return { files: [destination], ...(await writeWeights(destination, file, to, dtype, signal)) };
}

async function toFolder(
  request: ConvertRequest,
  to: FileFormat,
  signal: AbortSignal,
): Promise<ConvertReport> {
  const { source, destination, dtype, overwrite, overrides } = request;
  await checkDestination(destination, "folder", overwrite);
  const location = await locateModel(source, {
    signal,
    overrides,
    tokenizerFile: request.tokenizer,
    // A published generator on its own would have its tokenizer fetched.
    ...(/\.(bin|safetensors|pth?|ckpt)$/i.test(source) && { parts: ["generator"] }),
    onProgress: downloadProgress(),
  });
  await using model = await openModel(location, { signal });
  const notes: string[] = [...location.notes, ...model.warnings];
  let written = 0;
  const files: string[] = [];
  await writeFolder(destination, { overwrite, shadows: otherFormats(to) }, async (folder) => {
    for (const part of ["generator", "tokenizer"] as const) {
      const network = model[part];
      if (network === undefined) continue;
      // The tokenizer is small, and its pixels show rounding: int8 is for the generator.
      const type = part === "tokenizer" && dtype === "int8" ? "bfloat16" : dtype;
      const name = `${part}.${to}`;
      const result = await writeWeights(
        join(folder, name),
        network.weights,
        to,
        type,
        signal,
        `writing ${name}`,
      );
      written += result.bytes;
      notes.push(...result.notes);
      files.push(name);
    }
    const settings = location.raw ?? configOf(location);
    await writeFile(join(folder, "config.yaml"), writeConfig(settings));
    files.push("config.yaml");
    const { names, wordnet } = location.classNames;
    if (names.length > 0 && wordnet === undefined) {
      await writeFile(join(folder, "classes.txt"), `${names.map((own) => own.join(", ")).join("\n")}\n`);
      files.push("classes.txt");
    }
    await writeCard(join(folder, "README.md"), request.modelCard, location);
    files.push("README.md");
  });
  return { files: files.map((name) => join(destination, name)), bytes: written, notes };
}

export async function writeWeights(
  path: string,
  source: TensorSource | TensorFile,
  to: FileFormat,
  dtype: StoredType | undefined,
  signal: AbortSignal | undefined,
  label = "writing",
): Promise<{ readonly bytes: number; readonly notes: readonly string[] }> {
  let progress: ReturnType<typeof startProgress> | undefined;
  const stored = storedWeights(source, { dtype, signal, onBytes: (done) => progress?.update(done) });
  progress = startProgress({
    label,
    total: stored.bytes,
    amount: (done, total) => `${bytes(done)} of ${bytes(total)}`,
    rate: (perSecond) => `${bytes(perSecond)}/s`,
    quietFor: 0.5,
  });
  try {
    if (to === "bin") await writeTorchFile(path, stored.stream);
    else await writeSafetensors(path, stored.stream, stored.metadata);
  } finally {
    progress.finish();
  }
  return { bytes: stored.bytes, notes: stored.notes };
}

const otherFormats = (to: FileFormat): string[] => {
  const other = to === "bin" ? "safetensors" : "bin";
  return [`generator.${other}`, `tokenizer.${other}`];
};

async function writeCard(path: string, card: string | undefined, location: ModelLocation): Promise<void> {
  if (card !== undefined) {
    await copyFile(card, path).catch((error: unknown) => {
      throw fileSystemError("read", card, error);
    });
    return;
  }
  const own = location.folder && (await readFile(join(location.folder, "README.md")).catch(() => undefined));
  await writeFile(path, own || modelCard(location));
}

/** One bar a file. */
function downloadProgress(): (what: string, done: number, total: number) => void {
  let current: { readonly what: string; readonly progress: ReturnType<typeof startProgress> } | undefined;
  return (what, done, total) => {
    if (current?.what !== what) {
      current?.progress.finish();
      current = {
        what,
        progress: startProgress({
          label: `downloading ${what}`,
          total,
          amount: (d, t) => `${bytes(d)} of ${bytes(t)}`,
          quietFor: 0.5,
        }),
      };
    }
    current.progress.update(done);
    if (done >= total) current.progress.finish();
  };
}
