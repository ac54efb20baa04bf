/** What the library's front door takes and gives; `pipeline.ts` is the door itself. */
import type { GeneratorConfig, SamplingConfig, TokenizerConfig } from "./config/architecture.js";
import type { Sampler } from "./drawing/draw.js";
import type { EngineName } from "./engines/create.js";
import type { Precision } from "./engines/engine.js";
import type { RgbImage } from "./images/rgb.js";

export type { EngineName, Precision, Sampler };

export interface LoadOptions {
  /** "auto": torch where libtorch finds a CUDA device, else onnx. */
  readonly engine?: EngineName | undefined;
  /** "cpu", "cuda", "cuda:1": for the torch engine. Default: cuda where it is there. */
  readonly device?: string | undefined;
  /** "auto": float32 where the model is small, else int8 with onnx and bfloat16 on CUDA. */
  readonly precision?: Precision | "auto" | undefined;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((event: LoadProgress) => void) | undefined;
}

/** Progress of loading: a download, or preparing weights for an engine (fraction 0..1). */
export interface LoadProgress {
  readonly stage: "download" | "prepare" | "load";
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface SamplingOptions {
  /** Decides the images, together with their index; 0 ≤ seed < 2^53. Default 0. */
  readonly seed?: number | undefined;
  /** Index of the first image of this request under the seed. Default 0. */
  readonly firstIndex?: number | undefined;
  /** 0 is greedy. Default: the model's own. */
  readonly temperature?: number | undefined;
  /** 0 and 1: no guidance. Default: the model's own. */
  readonly guidanceScale?: number | undefined;
  readonly guidanceScalePow?: number | undefined;
  /** Keep the k likeliest codes. Default: all. */
  readonly topK?: number | undefined;
  /** Keep the likeliest codes that make up this probability, 0 < p ≤ 1. Default 1. */
  readonly topP?: number | undefined;
  /** "torch": PyTorch's own draws, equal to the reference's for its seeds; the torch engine only. Default "philox". */
  readonly sampler?: Sampler | undefined;
  /** Images computed together. Default chosen from memory. */
  readonly batchSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface GenerateOptions extends SamplingOptions {
  /** One image for each entry: a class index or a name. */
  readonly classes: readonly (number | string)[];
}

export interface StreamOptions extends GenerateOptions {
  /** Decode the partial images every so many tokens; 0 never. Default 0. */
  readonly previewEvery?: number | undefined;
}

export interface CompleteOptions extends SamplingOptions {
  /** Share of the image's tokens kept, in raster order, 0..1. */
  readonly keep: number;
  readonly class: number | string;
  /** How many different completions. Default 1. */
  readonly count?: number | undefined;
}

export interface GeneratedImage extends RgbImage {
  /** Index under the seed. */
  readonly index: number;
  readonly seed: number;
  readonly classIndex: number;
  /** Class name where the model has names. */
  readonly className: string | undefined;
  /** The image's tokens in raster order. */
  readonly tokens: Int32Array;
}

export interface StreamEvent {
  /** Network steps done of this request, and in all (the tokens of an image, for every batch). */
  readonly step: number;
  readonly total: number;
  /** Indices (in the request) of the images now being drawn. */
  readonly images: readonly number[];
  /** Partial pictures of those images, only where asked for and at that cadence. */
  readonly previews?: readonly RgbImage[];
  /** The finished images of a batch, on its last event. */
  readonly finished?: readonly GeneratedImage[];
}

/** A loaded model. All calls may overlap. */
export interface PipelineApi extends AsyncDisposable {
  /** What the model is called: preset, folder or Hub name. */
  readonly name: string;
  readonly engine: string;
  readonly precision: Precision;
  readonly generator: GeneratorConfig;
  readonly tokenizer: TokenizerConfig;
  readonly sampling: SamplingConfig;
  /** What is doubtful about the weights, such as numbers that are not finite; one sentence each. */
  readonly warnings: readonly string[];
  /** Class names by index; empty when the model has none. */
  readonly classNames: readonly string[];

  generate(options: GenerateOptions): Promise<GeneratedImage[]>;
  stream(options: StreamOptions): AsyncIterableIterator<StreamEvent>;
  complete(image: RgbImage, options: CompleteOptions): Promise<GeneratedImage[]>;
  encode(images: readonly RgbImage[]): Promise<Int32Array[]>;
  decode(tokens: readonly Int32Array[]): Promise<RgbImage[]>;
  dispose(): Promise<void>;
}
