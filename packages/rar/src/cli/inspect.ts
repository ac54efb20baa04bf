/** `rarity inspect`: what a tensor file, a model folder or a preset holds, and what it lacks. Reads no weights. */

import { stat } from "node:fs/promises";
import type { Command } from "commander";
import type { GeneratorConfig, SamplingConfig, TokenizerConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import type { OrderKind } from "../config/orders.js";
import { type Preset, presets } from "../config/presets.js";
import { networkOf, recogniseGenerator, recogniseTokenizer } from "../config/recognise.js";
import { generatorShapes, tokenizerShapes } from "../config/shapes.js";
import { cachedHubFile } from "../weights/hub.js";
import { checkTensors, locateModel, type ModelLocation } from "../weights/model-folder.js";
import { openTensorFile } from "../weights/open.js";
import { dtypeBytes, type TensorFile, type TensorInfo } from "../weights/tensor-file.js";
import { print } from "./streams.js";
import { groupTensors } from "./tensor-groups.js";
import { bytes, counted } from "./words.js";

interface Flags {
  readonly tensors?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("inspect")
    .description(
      "Describe a tensor file, a model folder or a preset: formats, tensors, sizes, and what is missing.",
    )
    .argument("<what>", "tensor file, model folder, embedded model, preset or hub:owner/name")
    .option("--tensors", "list every tensor")
    .option("--json", "print one JSON object")
    .addHelpText("after", "\nExample:\n  rarity inspect rar_b.bin --tensors")
    .action(async (what: string, flags: Flags) => {
      const report = await inspect(what);
      if (flags.json) print(JSON.stringify(report, undefined, 1));
      else for (const line of lines(report, flags.tensors ?? false)) print(line);
    });
}

export interface FileReport {
  readonly file: string;
  readonly format: TensorFile["format"];
  readonly fileBytes: number;
  readonly network: "generator" | "tokenizer" | "other";
  readonly numbers: number;
  readonly tensors: readonly TensorInfo[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Why it cannot be loaded as what it seems to be. */
  readonly problem?: string | undefined;
}

export interface InspectReport {
  readonly name: string;
  readonly kind: ModelLocation["kind"] | "tensors";
  readonly preset?: string | undefined;
  readonly generator?: GeneratorConfig | undefined;
  readonly tokenizer?: TokenizerConfig | undefined;
  readonly sampling?: SamplingConfig | undefined;
  readonly order?: OrderKind | undefined;
  readonly classes?:
    | { readonly count: number; readonly named: boolean; readonly first: readonly string[] }
    | undefined;
  readonly files: readonly FileReport[];
  /** Parts that are not here, and what that means. */
  readonly missing: readonly string[];
  readonly notes: readonly string[];
}

export async function inspect(what: string): Promise<InspectReport> {
  const isFile = await stat(what).then(
    (stats) => stats.isFile() && !/\.ya?ml$/i.test(what),
    () => false,
  );
  if (isFile) {
    const report = await describeFile(what);
    if (report.network === "other")
      return { name: what, kind: "tensors", files: [report], missing: [], notes: [] };
  }
  // Nothing is downloaded for a description.
  const location = await locateModel(what, { parts: isFile ? ["generator"] : [] });
  const files: FileReport[] = [];
  for (const [path, config] of [
    [location.generatorFile, location.generator],
    [location.tokenizerFile, location.tokenizer],
  ] as const)
    if (path !== undefined) files.push(await describeFile(path, config));
  const { names, count } = location.classNames;
  return {
    name: location.name,
    kind: location.kind,
    preset: location.preset,
    generator: location.generator,
    tokenizer: location.tokenizer,
    sampling: location.sampling,
    order: location.order,
    classes:
      count > 0
        ? { count, named: names.length > 0, first: names.slice(0, 8).map((own) => own[0] ?? "") }
        : undefined,
    files,
    missing: missingParts(location),
    notes: location.notes,
  };
}

async function describeFile(path: string, config?: GeneratorConfig | TokenizerConfig): Promise<FileReport> {
  await using file = await openTensorFile(path);
  const tensors = [...file.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }));
  const network = networkOf(file.tensors) ?? "other";
  return {
    file: path,
    format: file.format,
    fileBytes: (await stat(path)).size,
    network,
    numbers: tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    tensors,
    metadata: file.metadata,
    problem: problemOf(path, file, network, config),
  };
}

function problemOf(
  path: string,
  file: TensorFile,
  network: FileReport["network"],
  config: GeneratorConfig | TokenizerConfig | undefined,
): string | undefined {
  const shapes =
    config === undefined
      ? shapesOf(file, network)
      : "width" in config
        ? generatorShapes(config)
        : tokenizerShapes(config);
  if (shapes === undefined) return undefined;
  try {
    const quantized = "rarity.quantization" in file.metadata;
    checkTensors(path, file.tensors, shapes, config ? "the configuration" : "a network of its sizes", {
      quantized,
    });
    return undefined;
  } catch (error) {
    if (error instanceof RarityError) return error.message;
    throw error;
  }
}

function shapesOf({ tensors }: TensorFile, network: FileReport["network"]) {
  if (network === "other") return undefined;
  if (network === "generator") {
    const sizes = recogniseGenerator(tensors);
    return sizes && generatorShapes(sizes);
  }
  const sizes = recogniseTokenizer(tensors);
  return sizes && tokenizerShapes(sizes);
}

function missingParts({
  kind,
  preset,
  generatorFile,
  tokenizerFile,
  config,
  classNames,
}: ModelLocation): string[] {
  const missing: string[] = [];
  const published: Preset["files"] =
    kind === "preset" && preset ? (presets[preset] as Preset).files : undefined;
  if (published) {
    for (const [part, file] of Object.entries(published)) {
      const cached = cachedHubFile(file);
      missing.push(
        cached === undefined
          ? `${part}: Hub ${file.repository}, ${file.file}: not on this machine yet, fetched on first use`
          : `${part}: Hub ${file.repository}, ${file.file}: on this machine, ${cached}`,
      );
    }
    return missing;
  }
  if (preset === "debug") return ["weights: made up from the names of the tensors"];
  if (kind === "hub") return ["weights: not opened; fetched on first use"];
  if (generatorFile === undefined) missing.push("generator.safetensors: without it nothing can be drawn");
  if (tokenizerFile === undefined)
    missing.push("tokenizer.safetensors: without it there are tokens, but no pictures");
  if (config === undefined) missing.push("config.yaml: sizes are read off the weights, sampling is plain");
  if (generatorFile && classNames.names.length === 0)
    missing.push("classes.txt: classes are known by number only");
  return missing;
}

function* lines(report: InspectReport, all: boolean): Generator<string> {
  const { name, kind, preset, generator, tokenizer, sampling, order, classes, files, missing, notes } =
    report;
  yield `${name} (${kind === "tensors" ? "tensor file" : kind === "file" ? "weights file" : kind}${preset && preset !== name ? `, sizes of ${preset}` : ""})`;
  if (generator) {
    const { depth, width, heads, mlpWidth, tokens, codebookSize, classes: N } = generator;
    yield `  generator   ${depth} blocks, width ${width}, ${heads} heads, MLP ${mlpWidth}; ${tokens} tokens of ${codebookSize} codes; ${N} classes`;
  }
  if (tokenizer) {
    const { channels, multipliers, blocks, zChannels, codebookSize, resolution } = tokenizer;
    yield `  tokenizer   ${channels} channels x ${multipliers.join(",")}, ${counted(blocks, "block")} a level; ${codebookSize} codes of ${zChannels}; images of ${resolution} x ${resolution}`;
  }
  if (sampling)
    yield `  sampling    temperature ${sampling.temperature}, guidance ${sampling.guidanceScale}, power ${sampling.guidanceScalePow}${order && order !== "raster" ? `; order ${order}` : ""}`;
  if (classes?.named)
    yield `  classes     ${classes.first.join(", ")}${classes.count > classes.first.length ? ", ..." : ""}`;
  for (const file of files) {
    yield "";
    yield `${file.file}`;
    yield `  ${file.format}, ${file.network === "other" ? "no network of rarity" : file.network}: ${file.tensors.length} tensors, ${file.numbers.toLocaleString("en")} numbers, ${bytes(file.fileBytes)}`;
    for (const [key, value] of Object.entries(file.metadata))
      yield `  metadata ${JSON.stringify(key)}: ${JSON.stringify(value.slice(0, 100))}`;
    if (file.problem) yield `  cannot be loaded: ${file.problem}`;
    const rows = all ? file.tensors.map((info) => ({ ...info, count: 1 })) : groupTensors(file.tensors);
    const longest = Math.min(60, Math.max(...rows.map((row) => row.name.length), 0));
    for (const row of rows) {
      const times = row.count > 1 ? `  x ${row.count}` : "";
      yield `    ${row.name.padEnd(longest)}  ${row.dtype.padEnd(4)} [${row.shape.join(", ")}]${times}`;
    }
    const stored = new Map<string, number>();
    for (const { dtype, shape } of file.tensors)
      stored.set(dtype, (stored.get(dtype) ?? 0) + dtypeBytes[dtype] * shape.reduce((a, b) => a * b, 1));
    yield `  ${[...stored].map(([dtype, size]) => `${dtype} ${bytes(size)}`).join(", ")}`;
  }
  if (missing.length > 0) yield "";
  for (const part of missing) yield kind === "preset" ? `  ${part}` : `missing: ${part}`;
  for (const note of notes) yield `note: ${note}`;
}
