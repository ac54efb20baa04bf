/** Steps by ONNX Runtime: gathers the inputs of the step graph, runs it, keeps the cache. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import ort from "onnxruntime-node";
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import { modulationParts } from "../../networks/generator.js";
import { BUCKET, KeyValueCache } from "./kv-cache.js";
import type { StepEngine, Stepper } from "./runner.js";

/** Score added where nothing is stored: exp of it is exactly 0. */
const CLOSED = -1e9;

/**
 * ONNX Runtime multiplies a lone row by another kernel, and of 4- and 8-bit weights also the last of an odd number.
 *
 * @param rowsAlike - whether all rows but a lone one have the same bits
 */
export const graphSteps = (
  config: GeneratorConfig,
  session: InferenceSession,
  rowsAlike = false,
): StepEngine => ({
  filled: (rows) => (rowsAlike ? Math.max(2, rows) : 2 * Math.ceil(rows / 2)),
  open: (rows) => new GraphStepper(config, session, rows),
  release: () => session.release(),
});

class GraphStepper implements Stepper {
  readonly #config: GeneratorConfig;
  readonly #session: InferenceSession;
  readonly #rows: number;
  readonly #cache: KeyValueCache;
  readonly #modulation: Float32Array; // [parts, rows, D]
  readonly #mask: Float32Array;
  readonly #feeds: Record<string, Tensor> = {};
  #packed: Float32Array | undefined;

  constructor(config: GeneratorConfig, session: InferenceSession, rows: number) {
    this.#config = config;
    this.#session = session;
    this.#rows = rows;
    this.#cache = new KeyValueCache({
      layers: config.depth,
      sequences: rows * config.heads,
      headWidth: headWidth(config),
      positions: config.tokens,
    });
    this.#modulation = new Float32Array(modulationParts(config) * rows * config.width);
    this.#mask = new Float32Array(Math.ceil(config.tokens / BUCKET) * BUCKET + BUCKET).fill(CLOSED);
    const shape = [modulationParts(config) * rows, 1, config.width];
    this.#feeds.modulation = new ort.Tensor("float32", this.#modulation, shape);
    this.#takeViews();
  }

  modulate(row: number, vectors: Float32Array): void {
    const { width: D } = this.#config;
    for (let part = 0; part * D < vectors.length; part++)
      this.#modulation.set(vectors.subarray(part * D, (part + 1) * D), (part * this.#rows + row) * D);
  }

  async step(_: number, content: Int32Array, where: number, next: number): Promise<Float32Array> {
    const ids = (values: ArrayLike<number>, shape: number[]): Tensor =>
      new ort.Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), shape);
    this.#feeds.content = ids(content, [content.length, 1]);
    this.#feeds.where = ids([where], [1]);
    this.#feeds.next = ids([next], [1]);
    const out = await this.#session.run(this.#feeds);
    this.#packed = out.cache!.data as Float32Array;
    return out.logits!.data as Float32Array;
  }

  advance(position: number): void {
    if (this.#packed && position < this.#config.tokens) {
      this.#mask[this.#cache.length] = 0;
      if (this.#cache.append(this.#packed)) this.#takeViews();
    }
    this.#packed = undefined;
  }

  close(): void {} // all it holds is garbage then

  #takeViews(): void {
    const { depth, heads } = this.#config;
    const shape = [this.#rows, heads, this.#cache.bucket, headWidth(this.#config)];
    for (let i = 0; i < depth; i++) {
      this.#feeds[`k${i}`] = new ort.Tensor("float32", this.#cache.view(2 * i), shape);
      this.#feeds[`v${i}`] = new ort.Tensor("float32", this.#cache.view(2 * i + 1), shape);
    }
    const mask = this.#mask.subarray(0, this.#cache.bucket);
    this.#feeds.mask = new ort.Tensor("float32", mask, [1, 1, 1, this.#cache.bucket]);
    this.#feeds.lengths = new ort.Tensor("int64", BigInt64Array.from([BigInt(this.#cache.bucket), 1n]), [2]);
  }
}
