/** One batch being sampled inside the worker: gathers a step's inputs, runs the step graph, keeps the cache. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import ort from "onnxruntime-node";
import { type GeneratorConfig, headWidth, noneId } from "../../config/architecture.js";
import { clsId, modulationParts, noPlaceRow, placeRow } from "../../networks/generator.js";
import type { SessionRequest } from "../engine.js";
import { BUCKET, KeyValueCache } from "./kv-cache.js";
import type { ModulationTables } from "./modulation.js";

/** Score added where nothing is stored: exp of it is exactly 0. */
const CLOSED = -1e9;

/** Rows of a batch: an image alone without guidance is computed twice, so that its numbers do not depend on its batch. */
export const graphRows = (images: number, guided: boolean): number =>
  guided ? 2 * images : Math.max(2, images);

export class StepRunner {
  readonly rows: number;
  readonly #config: GeneratorConfig;
  readonly #session: InferenceSession;
  readonly #tables: ModulationTables;
  readonly #conditions: Int32Array;
  readonly #images: number;
  readonly #order: Int32Array;
  readonly #cache: KeyValueCache;
  readonly #modulation: Float32Array; // [parts, rows, D]
  readonly #mask: Float32Array;
  readonly #feeds: Record<string, Tensor> = {};
  #chunk: { index: number; tables: Map<number, Float32Array> } | undefined;
  #position = 0;

  constructor(
    config: GeneratorConfig,
    session: InferenceSession,
    tables: ModulationTables,
    request: SessionRequest,
  ) {
    const { conditions, guided, order } = request;
    this.#config = config;
    this.#session = session;
    this.#tables = tables;
    this.#images = conditions.length;
    this.rows = guided ? 2 * this.#images : this.#images;
    const rows = graphRows(this.#images, guided);
    this.#conditions = new Int32Array(rows).fill(guided ? noneId(config) : conditions[0]!);
    this.#conditions.set(conditions);
    this.#order = order ?? Int32Array.from({ length: config.tokens }, (_, i) => i);
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

  /** Prepares position 0; must be awaited before {@link prefill}. */
  async start(): Promise<void> {
    await this.#loadModulation();
  }

  /** The class token and the condition; logits of the first place, [rows, K]. */
  async prefill(): Promise<Float32Array> {
    if (this.#position > 0) throw new RangeError("this image was begun already");
    await this.#run(
      new Int32Array(this.#conditions.length).fill(clsId(this.#config)),
      0,
      noPlaceRow(this.#config),
    );
    await this.advance();
    return this.#run(this.#conditions, 1, placeRow(this.#order[0]!));
  }

  /** tokens: one an image, of the place predicted last. Call {@link advance} before the next step. */
  async step(tokens: Int32Array): Promise<Float32Array> {
    const place = this.#position - 2;
    if (place < 0 || place + 1 >= this.#config.tokens)
      throw new RangeError("this image is complete, or not begun");
    const content = Int32Array.from(this.#conditions, (_, row) => tokens[row % this.#images]!);
    return this.#run(content, placeRow(this.#order[place]!), placeRow(this.#order[place + 1]!));
  }

  #packed: Float32Array | undefined;

  async #run(content: Int32Array, where: number, next: number): Promise<Float32Array> {
    const ids = (values: ArrayLike<number>, shape: number[]): Tensor =>
      new ort.Tensor("int64", BigInt64Array.from(Array.from(values), BigInt), shape);
    this.#feeds.content = ids(content, [content.length, 1]);
    this.#feeds.where = ids([where], [1]);
    this.#feeds.next = ids([next], [1]);
    const out = await this.#session.run(this.#feeds);
    this.#packed = out.cache!.data as Float32Array;
    return (out.logits!.data as Float32Array).slice(0, this.rows * this.#config.codebookSize);
  }

  /** Stores the last position's keys and values and gathers the next one's modulation. */
  async advance(): Promise<void> {
    if (!this.#packed) return;
    if (this.#position < this.#config.tokens) {
      this.#mask[this.#cache.length] = 0;
      if (this.#cache.append(this.#packed)) this.#takeViews();
    }
    this.#packed = undefined;
    this.#position++;
    if (this.#position <= this.#config.tokens) await this.#loadModulation();
  }

  #takeViews(): void {
    const { depth, heads } = this.#config;
    const shape = [this.#conditions.length, heads, this.#cache.bucket, headWidth(this.#config)];
    for (let i = 0; i < depth; i++) {
      this.#feeds[`k${i}`] = new ort.Tensor("float32", this.#cache.view(2 * i), shape);
      this.#feeds[`v${i}`] = new ort.Tensor("float32", this.#cache.view(2 * i + 1), shape);
    }
    const mask = this.#mask.subarray(0, this.#cache.bucket);
    this.#feeds.mask = new ort.Tensor("float32", mask, [1, 1, 1, this.#cache.bucket]);
    this.#feeds.lengths = new ort.Tensor("int64", BigInt64Array.from([BigInt(this.#cache.bucket), 1n]), [2]);
  }

  async #loadModulation(): Promise<void> {
    const index = Math.floor(this.#position / this.#tables.chunk);
    if (this.#chunk?.index !== index) {
      this.#chunk = undefined; // let go of the last one before the next is made
      this.#chunk = { index, tables: await this.#tables.get([...this.#conditions], index) };
    }
    const { width: D } = this.#config;
    const parts = modulationParts(this.#config);
    const rows = this.#conditions.length;
    const start = (this.#position % this.#tables.chunk) * parts * D;
    for (let row = 0; row < rows; row++) {
      const table = this.#chunk.tables.get(this.#conditions[row]!)!;
      for (let part = 0; part < parts; part++) {
        const from = start + part * D;
        this.#modulation.set(table.subarray(from, from + D), (part * rows + row) * D);
      }
    }
  }
}
