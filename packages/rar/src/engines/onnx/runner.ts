/** One batch being sampled inside the worker: which position comes next, what stands there, and how it is conditioned. */
import { type GeneratorConfig, noneId } from "../../config/architecture.js";
import { type DrawPlan, drawPlace } from "../../drawing/plan.js";
import { clsId, modulationParts, noPlaceRow, placeRow } from "../../networks/generator.js";
import type { SessionRequest } from "../engine.js";
import type { ModulationTables } from "./modulation.js";

/** What computes one batch's steps and holds its keys and values. */
export interface Stepper {
  /** What conditioning does to a row at the next position: [parts * D]. */
  modulate(row: number, vectors: Float32Array): void;
  /**
   * The next position: logits [rows, K].
   * @param content - what stands there in each row
   * @param where - row of the position table, `next` of the target-aware one
   */
  step(
    position: number,
    content: Int32Array,
    where: number,
    next: number,
  ): Float32Array | Promise<Float32Array>;
  /** Stores what the last step left for later ones; called once it was answered. */
  advance(position: number): void;
  close(): void;
}

/** Opens steppers of one generator. */
export interface StepEngine {
  /** How many rows a batch is computed as, so that its numbers do not depend on its size. */
  filled(rows: number): number;
  open(rows: number): Stepper;
  release(): Promise<void>;
}

export class StepRunner {
  readonly rows: number;
  readonly #config: GeneratorConfig;
  readonly #stepper: Stepper;
  readonly #tables: ModulationTables;
  readonly #conditions: Int32Array;
  readonly #images: number;
  readonly #order: Int32Array;
  #chunk: { index: number; tables: Map<number, Float32Array> } | undefined;
  #position = 0;
  #stepped = false;
  /** Of the place that comes next, [rows, K]; none before the prefix, and once its tokens were drawn. */
  #logits: Float32Array | undefined;
  /** Drawn last, and not heard yet. */
  #drawn: Int32Array | undefined;

  constructor(
    config: GeneratorConfig,
    engine: StepEngine,
    tables: ModulationTables,
    request: SessionRequest,
  ) {
    const { conditions, guided, order } = request;
    this.#config = config;
    this.#tables = tables;
    this.#images = conditions.length;
    this.rows = guided ? 2 * this.#images : this.#images;
    const rows = engine.filled(this.rows);
    this.#conditions = new Int32Array(rows).fill(guided ? noneId(config) : conditions[0]!);
    this.#conditions.set(conditions);
    this.#order = order ?? Int32Array.from({ length: config.tokens }, (_, i) => i);
    this.#stepper = engine.open(rows);
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

  /** The tokens of the next places, one after the other, after the prefix where it has not run: [count][images]. Call {@link advance} before the next. */
  async draw(plan: DrawPlan): Promise<Int32Array> {
    const { codebookSize: K } = this.#config;
    const tokens: number[] = [];
    for (const i of plan.factors.keys()) {
      await this.advance();
      if (this.#drawn) await this.step(this.#drawn);
      else if (!this.#logits) await this.prefill();
      if (plan.place + i !== this.#position - (this.#stepped ? 1 : 2))
        throw new RangeError(`place ${plan.place + i} cannot be drawn now`);
      this.#drawn = drawPlace(this.#logits!, this.#images, K, plan, i);
      this.#logits = undefined;
      tokens.push(...this.#drawn);
    }
    return Int32Array.from(tokens);
  }

  async #run(content: Int32Array, where: number, next: number): Promise<Float32Array> {
    const logits = await this.#stepper.step(this.#position, content, where, next);
    this.#stepped = true;
    this.#drawn = undefined;
    this.#logits = logits.slice(0, this.rows * this.#config.codebookSize);
    return this.#logits;
  }

  /** Stores the last position's keys and values and gathers the next one's modulation. */
  async advance(): Promise<void> {
    if (!this.#stepped) return;
    this.#stepped = false;
    this.#stepper.advance(this.#position++);
    if (this.#position <= this.#config.tokens) await this.#loadModulation();
  }

  close(): void {
    this.#stepper.close();
  }

  async #loadModulation(): Promise<void> {
    const index = Math.floor(this.#position / this.#tables.chunk);
    if (this.#chunk?.index !== index) {
      this.#chunk = undefined; // let go of the last one before the next is made
      this.#chunk = { index, tables: await this.#tables.get([...this.#conditions], index) };
    }
    const vectors = modulationParts(this.#config) * this.#config.width;
    const start = (this.#position % this.#tables.chunk) * vectors;
    for (const [row, condition] of this.#conditions.entries())
      this.#stepper.modulate(row, this.#chunk.tables.get(condition)!.subarray(start, start + vectors));
  }
}
