/** Opens a located model's weights and holds every tensor against the architecture. */
import type { GeneratorConfig, TokenizerConfig } from "../config/architecture.js";
import { normGroups } from "../config/checks.js";
import { RarityError } from "../config/errors.js";
import { presets } from "../config/presets.js";
import { networkOf, recogniseGenerator, recogniseTokenizer } from "../config/recognise.js";
import { generatorShapes, levelWidths, tokenizerShapes } from "../config/shapes.js";
import { quote } from "./bad-file.js";
import { closedForm } from "./closed-form.js";
import { checkTensors } from "./model-folder-check.js";
import { findNonFinite, nonFiniteWarning } from "./model-folder-finite.js";
import type { ModelLocation } from "./model-folder-location.js";
import { openTensorFile } from "./open.js";
import { quantizationMetadata } from "./quantized.js";
import type { TensorFile, TensorSource } from "./tensor-file.js";

export interface OpenedNetwork<Config> {
  readonly config: Config;
  readonly weights: TensorSource;
}

/** Open weights. Close them when no more tensors are read. */
export interface OpenedModel extends AsyncDisposable {
  readonly generator?: OpenedNetwork<GeneratorConfig> | undefined;
  readonly tokenizer?: OpenedNetwork<TokenizerConfig> | undefined;
  /** Weights that are no numbers, by tensor. */
  readonly warnings: readonly string[];
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly signal?: AbortSignal | undefined;
  /** Look for NaN and infinity in the weights. Default: in files of at most 8 million numbers, where it takes no time. */
  readonly checkFinite?: boolean | undefined;
}

const quicklyRead = 8_000_000;

/**
 * Opens what the model has of generator and tokenizer. The preset `debug`, which has no files, gets weights made up
 * from their names.
 *
 * @throws {RarityError} "bad-file" naming tensors that are missing, too many, or of another shape, and codebooks of
 *   two sizes
 */
export async function openModel(location: ModelLocation, options: OpenOptions = {}): Promise<OpenedModel> {
  const files: TensorFile[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(files.splice(0).map((file) => file[Symbol.asyncDispose]()));
  };
  const warnings: string[] = [];
  const open = async (path: string): Promise<TensorFile> => {
    options.signal?.throwIfAborted();
    const file = await openTensorFile(path);
    files.push(file);
    return file;
  };
  const scan = async (file: TensorFile): Promise<void> => {
    if (!(options.checkFinite ?? numbersIn(file) <= quicklyRead)) return;
    const warning = nonFiniteWarning(file.path, await findNonFinite(file, options));
    if (warning !== undefined) warnings.push(warning);
  };

  try {
    if (location.preset === "debug" && location.generatorFile === undefined) {
      const { generator, tokenizer } = location;
      return {
        generator: generator && { config: generator, weights: closedForm(generatorShapes(generator)) },
        tokenizer: tokenizer && { config: tokenizer, weights: closedForm(tokenizerShapes(tokenizer)) },
        warnings,
        close,
        [Symbol.asyncDispose]: close,
      };
    }
    const wanted = whoAsks(location);
    let generator: OpenedNetwork<GeneratorConfig> | undefined;
    if (location.generatorFile !== undefined) {
      const file = await open(location.generatorFile);
      const config = location.generator ?? recogniseGenerator(file.tensors) ?? presets["rar-b"].generator;
      checkTensors(file.path, file.tensors, generatorShapes(config), wanted, storage(file));
      await scan(file);
      generator = { config, weights: file };
    }
    let tokenizer: OpenedNetwork<TokenizerConfig> | undefined;
    if (location.tokenizerFile !== undefined) {
      const file = await open(location.tokenizerFile);
      if (networkOf(file.tensors) === "generator")
        throw new RarityError(
          "bad-file",
          `${quote(file.path)} holds a generator, not a tokenizer. Exchange the two files.`,
        );
      const config = location.tokenizer ?? recogniseTokenizer(file.tensors) ?? presets["rar-b"].tokenizer;
      checkTensors(file.path, file.tensors, tokenizerShapes(config), wanted, storage(file));
      checkTokenizer(file.path, config);
      await scan(file);
      tokenizer = { config, weights: file };
    }
    if (generator && tokenizer && generator.config.codebookSize !== tokenizer.config.codebookSize)
      throw new RarityError(
        "bad-file",
        `The generator ${quote(location.generatorFile!)} draws ${generator.config.codebookSize} codes, the tokenizer ${quote(location.tokenizerFile!)} has ${tokenizer.config.codebookSize}. Take the tokenizer it was trained with.`,
      );
    return { generator, tokenizer, warnings, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Who needs the shapes, in the words of an error. */
function whoAsks({ kind, preset, config, name }: ModelLocation): string {
  if (kind === "preset") return `preset "${preset}"`;
  return config === undefined ? "a network of its sizes" : `the configuration of ${quote(name)}`;
}

function checkTokenizer(path: string, config: TokenizerConfig): void {
  const odd = levelWidths(config).find((width) => width % normGroups !== 0);
  if (odd === undefined && config.channels % normGroups === 0) return;
  throw new RarityError(
    "bad-file",
    `${quote(path)} has layers of ${odd ?? config.channels} channels, which GroupNorm cannot part into ${normGroups} groups. Take another tokenizer.`,
  );
}

const storage = ({ metadata }: TensorFile): { quantized: boolean } => ({
  quantized: Object.keys(quantizationMetadata).every((key) => Object.hasOwn(metadata, key)),
});

const numbersIn = ({ tensors }: TensorSource): number => {
  let sum = 0;
  for (const { shape } of tensors.values()) sum += shape.reduce((a, b) => a * b, 1);
  return sum;
};
