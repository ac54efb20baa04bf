/** A pipeline that draws coloured gradients at once: what the verbs are tested with. */
import { findClass } from "../config/class-names.js";
import { presets } from "../config/presets.js";
import type { RgbImage } from "../images/rgb.js";
import type {
  CompleteOptions,
  GeneratedImage,
  GenerateOptions,
  LoadOptions,
  PipelineApi,
  StreamEvent,
  StreamOptions,
} from "../pipeline.js";

export interface FakeOptions {
  readonly classNames?: readonly string[] | undefined;
  /** Side of the images, pixels. Default 16. */
  readonly side?: number | undefined;
  /** Called before every step: to abort in the middle, or to take time. */
  readonly onStep?: ((step: number) => void | Promise<void>) | undefined;
}

/** What was asked of the fake, in order. */
export interface FakeCalls {
  readonly loads: { readonly model: string | undefined; readonly options: LoadOptions }[];
  readonly streams: StreamOptions[];
  readonly completions: CompleteOptions[];
  disposed: number;
}

const defaultNames = ["cat", "dog", "sea creature", "apple"];

/** `load` stands in for `Pipeline.load`. Images depend on seed, index and class, as real ones do. */
export function fakePipeline({ classNames = defaultNames, side = 16, onStep }: FakeOptions = {}): {
  readonly calls: FakeCalls;
  load(model?: string, options?: LoadOptions): Promise<PipelineApi>;
} {
  const calls: FakeCalls = { loads: [], streams: [], completions: [], disposed: 0 };
  const classes = { count: classNames.length, names: classNames.map((name) => [name]) };
  const tokens = 16;

  const picture = (seed: number, index: number, label: number): RgbImage => {
    const data = new Uint8Array(side * side * 3);
    for (let i = 0; i < side * side; i++) {
      const [x, y] = [i % side, Math.floor(i / side)];
      data.set([(x * 15 + seed * 40) % 256, (y * 15 + index * 30) % 256, (label * 60) % 256], i * 3);
    }
    return { width: side, height: side, data };
  };
  const drawn = (seed: number, index: number, classIndex: number): GeneratedImage => ({
    ...picture(seed, index, classIndex),
    index,
    seed,
    classIndex,
    className: classNames[classIndex],
    tokens: Int32Array.from({ length: tokens }, (_, i) => (i + index) % 64),
  });

  async function* draw(labels: readonly number[], options: StreamOptions): AsyncGenerator<StreamEvent> {
    const { seed = 0, firstIndex = 0, batchSize = 4, previewEvery = 0, signal } = options;
    const total = Math.ceil(labels.length / batchSize) * tokens;
    let step = 0;
    for (let start = 0; start < labels.length; start += batchSize) {
      const images = labels.slice(start, start + batchSize).map((_, i) => start + i);
      const all = images.map((i) => drawn(seed, firstIndex + i, labels[i]!));
      for (let filled = 1; filled <= tokens; filled++) {
        signal?.throwIfAborted();
        await onStep?.(step);
        signal?.throwIfAborted();
        step++;
        const previews = previewEvery > 0 && filled % previewEvery === 0 && filled < tokens;
        yield {
          step,
          total,
          images,
          ...(previews && { previews: all }),
          ...(filled === tokens && { finished: all }),
        };
      }
    }
  }

  const pipeline: PipelineApi = {
    name: "fake",
    engine: "onnx",
    precision: "float32",
    generator: { ...presets.debug.generator, classes: classNames.length },
    tokenizer: { ...presets.debug.tokenizer, resolution: side },
    sampling: { temperature: 1, guidanceScale: 4, guidanceScalePow: 0 },
    classNames,
    warnings: [],
    stream(options) {
      calls.streams.push(options);
      return draw(
        options.classes.map((query) => findClass(query, classes)),
        options,
      );
    },
    async generate(options: GenerateOptions) {
      const images: GeneratedImage[] = [];
      for await (const { finished = [] } of this.stream(options)) images.push(...finished);
      return images;
    },
    async complete(_image, options) {
      calls.completions.push(options);
      options.signal?.throwIfAborted();
      const { seed = 0, firstIndex = 0, count = 1 } = options;
      const label = findClass(options.class, classes);
      return Array.from({ length: count }, (_, i) => drawn(seed, firstIndex + i, label));
    },
    async encode(images) {
      return images.map((image) => Int32Array.from({ length: tokens }, (_, i) => image.data[i * 3]! % 64));
    },
    async decode(rows) {
      return rows.map((row) => picture(row[0] ?? 0, row[1] ?? 0, 0));
    },
    async dispose() {
      calls.disposed++;
    },
    async [Symbol.asyncDispose]() {
      await this.dispose();
    },
  };

  return {
    calls,
    async load(model, options = {}) {
      calls.loads.push({ model, options });
      options.signal?.throwIfAborted();
      options.onProgress?.({ stage: "load", what: "generator", done: 1, total: 1 });
      return pipeline;
    },
  };
}
