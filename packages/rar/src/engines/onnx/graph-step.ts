/** Steps by ONNX Runtime: gathers the inputs of the step graph, runs it, keeps the cache. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import ort from "onnxruntime-node";
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import { modulationParts } from "../../networks/generator.js";
import { BLOCK, KeyValueCache } from "./kv-cache.js";
import type { Positions, StepEngine, Stepper } from "./stepper.js";
import { MOST } from "./window.js";

/** Score added where nothing is stored: exp of it is exactly 0. */
const CLOSED = -1e9;

export interface GraphStepOptions {
  /** Whether all rows but a lone one have the same bits. */
  readonly rowsAlike: boolean;
  /** Whether the graph takes several positions at once. */
  readonly several: boolean;
}

/** ONNX Runtime multiplies a lone row by another kernel, and of 4-bit weights also the last of an odd number. */
export const graphSteps = (
  config: GeneratorConfig,
  session: InferenceSession,
  { rowsAlike, several }: GraphStepOptions,
): StepEngine => ({
  filled: (rows) => (rowsAlike ? Math.max(2, rows) : 2 * Math.ceil(rows / 2)),
  most: several ? MOST : 1,
  open: (rows, most) => new GraphStepper(config, session, rows, most),
  release: () => session.release(),
});

class GraphStepper implements Stepper {
  readonly #config: GeneratorConfig;
  readonly #session: InferenceSession;
  readonly #rows: number;
  readonly #cache: KeyValueCache;
  readonly #modulation: Float32Array; // [rows, positions, parts * D]
  readonly #feeds: Record<string, Tensor> = {};
  /** Keys and values of the last step. */
  #packed: Float32Array | undefined;

  constructor(config: GeneratorConfig, session: InferenceSession, rows: number, most: number) {
    this.#config = config;
    this.#session = session;
    this.#rows = rows;
    this.#cache = new KeyValueCache({
      layers: config.depth,
      rows,
      heads: config.heads,
      headWidth: headWidth(config),
      positions: config.tokens,
    });
    this.#modulation = new Float32Array(modulationParts(config) * rows * most * config.width);
    this.#takeViews();
  }

  room(position: number): number {
    return BLOCK - (position % BLOCK);
  }

  modulate(row: number, vectors: Float32Array): void {
    this.#modulation.set(vectors, row * vectors.length);
  }

  async step({ first, content, where, next }: Positions): Promise<Float32Array> {
    const feeds = this.#feeds;
    const N = content.length;
    const T = N / this.#rows;
    feeds.content = int64(content, [N, 1]);
    feeds.where = int64(where, [N, 1]);
    feeds.next = int64(next, [N, 1]);
    const vectors = modulationParts(this.#config) * this.#config.width;
    feeds.modulation = new ort.Tensor("float32", this.#modulation.subarray(0, N * vectors), [N, 1, vectors]);
    feeds.byRow = int64([this.#rows, T, -1, headWidth(this.#config)], [4]);
    const filled = first - this.#cache.whole;
    const open = (i: number): boolean => i % BLOCK < filled + Math.floor(i / BLOCK);
    const mask = Float32Array.from({ length: T * BLOCK }, (_, i) => (open(i) ? 0 : CLOSED));
    feeds.mask = new ort.Tensor("float32", mask, [1, 1, T, 1, BLOCK]);
    feeds.from = int64(new Array<number>(this.#rows).fill(filled), [this.#rows]);
    feeds.several = new ort.Tensor("bool", [T > 1], []);
    const given = this.#session.inputNames.map((name) => [name, feeds[name]!]);
    const out = await this.#session.run(Object.fromEntries(given));
    this.#packed = out.cache!.data as Float32Array;
    return out.logits!.data as Float32Array;
  }

  advance(positions: number, count: number): void {
    const packed = this.#packed;
    this.#packed = undefined;
    if (!packed || this.#cache.length + count > this.#config.tokens) return; // after the last position nothing comes
    if (this.#cache.append(packed, positions, count)) this.#takeViews();
  }

  close(): void {} // all it holds is garbage then

  #takeViews(): void {
    const { depth, heads } = this.#config;
    const tensor = (data: Float32Array, positions: number): Tensor =>
      new ort.Tensor("float32", data, [this.#rows, heads, 1, positions, headWidth(this.#config)]);
    const { whole } = this.#cache;
    for (let i = 0; i < depth; i++)
      for (const [j, name] of ["k", "v"].entries()) {
        this.#feeds[`${name}${i}`] = tensor(this.#cache.past(2 * i + j), whole);
        this.#feeds[`recent${name.toUpperCase()}${i}`] = tensor(this.#cache.recent(2 * i + j), BLOCK);
      }
    this.#feeds.lengths = int64([whole, BLOCK, 1], [3]);
  }
}

const int64 = (values: ArrayLike<number>, shape: readonly number[]): Tensor =>
  new ort.Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), shape);
