/** Ten samples of the model as it is, on the torch engine, two rows of five (REFERENCE 6.6). */
import type { Tensor } from "libtorch";
import type { GeneratorConfig, SamplingConfig } from "../config/architecture.js";
import { downsampling } from "../config/architecture.js";
import type { Tokenizer } from "../engines/engine.js";
import { TorchEngine } from "../engines/torch/engine.js";
import type { RgbImage } from "../images/rgb.js";
import { fromPlanes } from "../images/to-bytes.js";
import { sampleTokens } from "../sampling/generate.js";
import type { TensorInfo, TensorSource } from "../weights/tensor-file.js";
import { hostCopy } from "./checkpoint.js";
import { type FoundTokenizer, withTokenizer } from "./run-data.js";

const [ROWS, COLUMNS] = [2, 5];
/** The reference's, with 207 for the one it draws at random (REFERENCE 4.3). */
const imagenetLabels = [1, 7, 282, 604, 724, 179, 751, 404, 850, 207];

/** Ten classes spread over the model's. */
export const gridLabels = (classes: number): readonly number[] =>
  classes === 1000
    ? imagenetLabels
    : Array.from({ length: ROWS * COLUMNS }, (_, i) =>
        classes >= ROWS * COLUMNS ? Math.floor((i * classes) / (ROWS * COLUMNS)) : i % classes,
      );

export interface GridOptions {
  readonly model: GeneratorConfig;
  readonly sampling: SamplingConfig;
  readonly tokenizer: FoundTokenizer;
  readonly device: string;
  readonly threads: number;
  readonly seed: number;
  /** Place i holds the token of raster index order[i]; default: raster. */
  readonly order?: Int32Array | undefined;
}

/** Holds the tokenizer from one grid to the next; weights are brought for each. */
export class SampleGrid implements AsyncDisposable {
  readonly #options: GridOptions;
  readonly #engine: TorchEngine;
  readonly #tokenizer: Tokenizer;

  private constructor(options: GridOptions, engine: TorchEngine, tokenizer: Tokenizer) {
    this.#options = options;
    this.#engine = engine;
    this.#tokenizer = tokenizer;
  }

  static async create(options: GridOptions): Promise<SampleGrid> {
    const { device, threads, tokenizer } = options;
    const engine = await TorchEngine.create({ device, threads });
    try {
      const loaded = await withTokenizer(tokenizer, (weights) =>
        engine.loadTokenizer({ config: tokenizer.config, weights }),
      );
      return new SampleGrid(options, engine, loaded);
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  /** Draws the same images of the seed each time, so that grids show what training changes. */
  async draw(parameters: ReadonlyMap<string, Tensor>, signal?: AbortSignal): Promise<RgbImage> {
    const { model, sampling, seed, order } = this.#options;
    const classes = gridLabels(model.classes);
    await using generator = await this.#engine.loadGenerator({
      config: model,
      weights: sourceOf(parameters),
    });
    const steps = sampleTokens(generator, {
      classes,
      indices: classes.map((_, i) => i),
      seed,
      guidance: { scale: sampling.guidanceScale, pow: sampling.guidanceScalePow },
      draw: { temperature: sampling.temperature },
      order,
      signal,
    });
    let tokens: readonly Int32Array[] = [];
    for await (const step of steps) tokens = step.tokens;
    const side = Math.sqrt(model.tokens);
    const codes = new Int32Array(classes.length * model.tokens);
    for (const [i, row] of tokens.entries()) codes.set(row, i * model.tokens);
    const planes = await this.#tokenizer.decode(codes, side, side);
    const pixels = side * downsampling(this.#options.tokenizer.config);
    return tile(
      classes.map((_, i) => fromPlanes(planes, pixels, pixels, i * 3 * pixels * pixels)),
      COLUMNS,
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#engine.dispose();
  }
}

/** Pictures of one size side by side, without gaps. */
function tile(images: readonly RgbImage[], columns: number): RgbImage {
  const { width, height } = images[0]!;
  const sheet = {
    width: width * columns,
    height: height * Math.ceil(images.length / columns),
    data: new Uint8Array(3 * width * columns * height * Math.ceil(images.length / columns)),
  };
  for (const [i, image] of images.entries())
    for (let y = 0; y < height; y++) {
      const at = (Math.floor(i / columns) * height + y) * sheet.width + (i % columns) * width;
      sheet.data.set(image.data.subarray(y * width * 3, (y + 1) * width * 3), at * 3);
    }
  return sheet;
}

function sourceOf(parameters: ReadonlyMap<string, Tensor>): TensorSource {
  const tensors = new Map<string, TensorInfo>(
    [...parameters].map(([name, { shape }]) => [name, { name, dtype: "F32", shape }]),
  );
  return {
    tensors,
    readFloat32: async (name) => hostCopy([name, parameters.get(name)!]).data as Float32Array,
  };
}
