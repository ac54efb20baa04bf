/** The library's front door: load a model once, then generate, stream, complete, encode and decode. */
import { freemem } from "node:os";
import {
  downsampling,
  type GeneratorConfig,
  type SamplingConfig,
  type TokenizerConfig,
} from "./config/architecture.js";
import { type ClassNames, findClass } from "./config/class-names.js";
import { RarityError } from "./config/errors.js";
import { finalOrder } from "./config/orders.js";
import { checkSampling } from "./drawing/draw.js";
import { needsUnconditional } from "./drawing/guidance.js";
import { createEngine } from "./engines/create.js";
import type { Engine, Generator, Precision, Tokenizer } from "./engines/engine.js";
import { centreCrop } from "./images/crop.js";
import type { RgbImage } from "./images/rgb.js";
import { fromPlanes, toPlanes } from "./images/to-bytes.js";
import type {
  CompleteOptions,
  GeneratedImage,
  GenerateOptions,
  LoadOptions,
  PipelineApi,
  StreamEvent,
  StreamOptions,
} from "./pipeline-types.js";
import { Gate } from "./sampling/gate.js";
import { sampleTokens } from "./sampling/generate.js";
import { locateModel, openModel } from "./weights/model-folder.js";

export type * from "./pipeline-types.js";

/** Batches computed at the same time: more only share the same processors. */
const CONCURRENT_BATCHES = 4;
const LARGEST_BATCH = 16;

interface Parts {
  readonly name: string;
  readonly engine: Engine;
  readonly generator: Generator | undefined;
  readonly tokenizer: Tokenizer | undefined;
  readonly sampling: SamplingConfig;
  /** Raster index of each place; undefined is raster order. */
  readonly order: Int32Array | undefined;
  readonly classNames: ClassNames;
  /** The model's files, open as long as a graph for another size may be asked for. */
  readonly files: AsyncDisposable;
  readonly warnings: readonly string[];
}

export class Pipeline implements PipelineApi {
  readonly name: string;
  readonly engine: string;
  readonly precision: Precision;
  readonly sampling: SamplingConfig;
  readonly classNames: readonly string[];
  readonly warnings: readonly string[];
  readonly #parts: Parts;
  readonly #gate = new Gate(CONCURRENT_BATCHES);
  readonly #stop = new AbortController();
  #disposed: Promise<void> | undefined;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.name = parts.name;
    this.engine = parts.engine.name;
    this.precision = parts.engine.precision;
    this.sampling = parts.sampling;
    this.warnings = parts.warnings;
    this.classNames = parts.classNames.names.map((names) => names[0] ?? "");
  }

  /**
   * Loads a model.
   *
   * @param model - an embedded model ("emoji", "cifar10"), a preset ("rar-b" ... "rar-xxl"), a model folder, a
   *   weights file, or a folder on the Hub ("org/name"). Default: "emoji"
   * @throws {RarityError} when the model cannot be found, read or held in memory
   */
  static async load(model?: string, options: LoadOptions = {}): Promise<Pipeline> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const location = await locateModel(model, {
      signal,
      onProgress: onProgress && ((what, done, total) => onProgress({ stage: "download", what, done, total })),
    });
    const opened = await openModel(location);
    try {
      const { generator, tokenizer } = opened;
      const parameters = generator
        ? [...generator.weights.tensors.values()].reduce((n, t) => n + t.shape.reduce((a, b) => a * b, 1), 0)
        : 0;
      const engine = await createEngine(options, parameters);
      try {
        const run = (what: string) => ({
          signal,
          onPrepare:
            onProgress &&
            ((done: number, total: number) => onProgress({ stage: "prepare", what, done, total })),
        });
        return new Pipeline({
          name: location.name,
          engine,
          generator: generator && (await engine.loadGenerator(generator, run("generator"))),
          tokenizer: tokenizer && (await engine.loadTokenizer(tokenizer, run("tokenizer"))),
          sampling: location.sampling,
          order:
            generator && location.order !== "raster"
              ? finalOrder(location.order, Math.sqrt(generator.config.tokens))
              : undefined,
          classNames: location.classNames,
          files: opened,
          warnings: opened.warnings,
        });
      } catch (error) {
        await engine.dispose();
        throw error;
      }
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  get generator(): GeneratorConfig {
    return this.#generator().config;
  }

  get tokenizer(): TokenizerConfig {
    return this.#tokenizer().config;
  }

  /** Draws one image for each class. */
  async generate(options: GenerateOptions): Promise<GeneratedImage[]> {
    const images: GeneratedImage[] = [];
    for await (const event of this.stream(options)) images.push(...(event.finished ?? []));
    return images;
  }

  /** The same, with an event after every token; stop by `break` or by the signal. */
  stream(options: StreamOptions): AsyncIterableIterator<StreamEvent> {
    const classes = options.classes.map((query) => findClass(query, this.#parts.classNames));
    return this.#sample(classes, options);
  }

  /** Keeps the first part of an image's tokens, in the model's order, and draws the rest. */
  async complete(image: RgbImage, options: CompleteOptions): Promise<GeneratedImage[]> {
    const { keep, count = 1 } = options;
    if (!(keep >= 0 && keep <= 1))
      throw new RangeError(`keep is a share of the image from 0 to 1, it is ${keep}.`);
    if (!Number.isInteger(count) || count < 1)
      throw new RangeError(`count must be a whole number of at least 1, it is ${count}.`);
    const { tokens } = this.generator;
    const [codes] = await this.encode([centreCrop(image, this.tokenizer.resolution)]);
    const prefix = Int32Array.from(
      { length: Math.round(keep * tokens) },
      (_, i) => codes![this.#parts.order?.[i] ?? i]!,
    );
    const label = findClass(options.class, this.#parts.classNames);
    const images: GeneratedImage[] = [];
    for await (const event of this.#sample(new Array<number>(count).fill(label), options, prefix)) {
      images.push(...(event.finished ?? []));
    }
    return images;
  }

  /**
   * Pictures of the tokenizer's own resolution (crop them first) -> codes in raster order.
   * @throws {RangeError} when a picture has another size
   */
  async encode(images: readonly RgbImage[]): Promise<Int32Array[]> {
    const { resolution } = this.tokenizer;
    for (const { width, height } of images) {
      if (width === resolution && height === resolution) continue;
      throw new RangeError(
        `This tokenizer takes pictures of ${resolution} x ${resolution}, not ${width} x ${height}. Crop them first.`,
      );
    }
    if (images.length === 0) return [];
    const each = 3 * resolution * resolution;
    const planes = new Float32Array(images.length * each);
    for (const [i, image] of images.entries()) toPlanes(image, planes, i * each);
    const codes = await this.#tokenizer().encode(planes, resolution, resolution);
    const length = codes.length / images.length;
    return images.map((_, i) => codes.slice(i * length, (i + 1) * length));
  }

  /** Codes in raster order, of square grids -> pictures. */
  async decode(tokens: readonly Int32Array[]): Promise<RgbImage[]> {
    if (tokens.length === 0) return [];
    const length = tokens[0]!.length;
    const side = Math.sqrt(length);
    if (!Number.isInteger(side) || tokens.some((codes) => codes.length !== length)) {
      throw new RangeError(
        `Tokens must be square grids of one size, there are ${[...new Set(tokens.map((t) => t.length))].join(", ")}.`,
      );
    }
    const codes = new Int32Array(tokens.length * length);
    for (const [i, one] of tokens.entries()) codes.set(one, i * length);
    const pixels = side * downsampling(this.tokenizer);
    const planes = await this.#tokenizer().decode(codes, side, side);
    return tokens.map((_, i) => fromPlanes(planes, pixels, pixels, i * 3 * pixels * pixels));
  }

  async *#sample(
    classes: readonly number[],
    options: StreamOptions | CompleteOptions,
    prefix?: Int32Array,
  ): AsyncGenerator<StreamEvent> {
    checkSampling(options);
    if (classes.length === 0) throw new RangeError("There is no class to draw: pass at least one.");
    const generator = this.#generator();
    const seed = options.seed ?? 0;
    const first = options.firstIndex ?? 0;
    const guidance = {
      scale: options.guidanceScale ?? this.sampling.guidanceScale,
      pow: options.guidanceScalePow ?? this.sampling.guidanceScalePow,
    };
    const draw = {
      temperature: options.temperature ?? this.sampling.temperature,
      topK: options.topK,
      topP: options.topP,
      sampler: options.sampler,
    };
    const previewEvery = "previewEvery" in options ? (options.previewEvery ?? 0) : 0;
    const signal = options.signal ? AbortSignal.any([options.signal, this.#stop.signal]) : this.#stop.signal;

    const batchSize =
      options.batchSize ?? this.#batchSize(classes.length, needsUnconditional(guidance.scale));
    const L = generator.config.tokens;
    const total = Math.ceil(classes.length / batchSize) * L;
    for (let start = 0, done = 0; start < classes.length; start += batchSize, done += L) {
      const images = classes.slice(start, start + batchSize).map((_, i) => start + i);
      using _place = await this.#gate.enter(signal);
      const steps = sampleTokens(generator, {
        classes: images.map((i) => classes[i]!),
        indices: images.map((i) => first + i),
        seed,
        guidance,
        draw,
        order: this.#parts.order,
        prefix: prefix && images.map(() => prefix),
        signal,
      });
      for await (const { filled, tokens } of steps) {
        const event = { step: done + filled, total, images };
        if (filled === L) {
          const pictures = await this.decode(tokens);
          signal.throwIfAborted();
          yield {
            ...event,
            finished: pictures.map((picture, j) =>
              this.#image(picture, classes[images[j]!]!, first + images[j]!, seed, tokens[j]!),
            ),
          };
        } else if (previewEvery > 0 && filled % previewEvery === 0) {
          yield {
            ...event,
            previews: (await this.decode(tokens)).map((picture) => this.#coverUnfilled(picture, filled)),
          };
        } else {
          yield event;
        }
      }
    }
  }

  #image(
    picture: RgbImage,
    classIndex: number,
    index: number,
    seed: number,
    tokens: Int32Array,
  ): GeneratedImage {
    return {
      ...picture,
      index,
      seed,
      classIndex,
      className: this.classNames[classIndex],
      tokens: tokens.slice(),
    };
  }

  /** Paints places without a token light grey: what is decoded there means nothing yet. */
  #coverUnfilled(picture: RgbImage, filled: number): RgbImage {
    const side = Math.sqrt(this.generator.tokens);
    const cell = picture.width / side;
    const data = picture.data.slice();
    for (let step = filled; step < side * side; step++) {
      const place = this.#parts.order?.[step] ?? step;
      const [row, column] = [Math.floor(place / side), place % side];
      for (let y = row * cell; y < (row + 1) * cell; y++) {
        data.fill(
          232,
          (y * picture.width + column * cell) * 3,
          (y * picture.width + (column + 1) * cell) * 3,
        );
      }
    }
    return { ...picture, data };
  }

  /** As many images at once as a quarter of the free memory holds. */
  #batchSize(images: number, guided: boolean): number {
    const rows = guided ? 2 : 1;
    const one = this.#generator().sessionBytes(rows);
    const fit = Math.floor(freemem() / 4 / one);
    return Math.max(1, Math.min(images, LARGEST_BATCH * (this.generator.width < 512 ? 4 : 1), fit));
  }

  #generator(): Generator {
    const { generator, name } = this.#parts;
    if (!generator)
      throw new RarityError(
        "not-found",
        `The model "${name}" has no generator; images can only be encoded and decoded with it.`,
      );
    return generator;
  }

  #tokenizer(): Tokenizer {
    const { tokenizer, name } = this.#parts;
    if (!tokenizer)
      throw new RarityError(
        "not-found",
        `The model "${name}" has no tokenizer. Add tokenizer.safetensors to its folder.`,
      );
    return tokenizer;
  }

  /** Stops what is under way within a step and frees the model. */
  dispose(): Promise<void> {
    this.#disposed ??= (async () => {
      this.#stop.abort(new RarityError("engine", `The pipeline of "${this.name}" was disposed.`));
      await this.#parts.engine.dispose();
      await this.#parts.files[Symbol.asyncDispose]();
    })();
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
