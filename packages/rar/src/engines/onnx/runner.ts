/** One batch being sampled inside the worker: which positions come next, what stands there, and how they are conditioned. */
import { type GeneratorConfig, noneId } from "../../config/architecture.js";
import { type DrawPlan, drawPlace } from "../../drawing/plan.js";
import { clsId, modulationParts, noPlaceRow, placeRow } from "../../networks/generator.js";
import type { SessionRequest } from "../engine.js";
import { Guesses } from "./guesses.js";
import type { ModulationTables } from "./modulation.js";
import type { StepEngine, Stepper } from "./stepper.js";
import { WindowChoice } from "./window.js";

export class StepRunner {
  readonly rows: number;
  readonly #config: GeneratorConfig;
  readonly #stepper: Stepper;
  readonly #tables: ModulationTables;
  readonly #conditions: Int32Array;
  readonly #images: number;
  readonly #order: Int32Array;
  readonly #windows: WindowChoice;
  readonly #chunks = new Map<number, Map<number, Float32Array>>();
  /** The next step's first. */
  #position = 0;
  /** Positions of the last step, and how many of them hold, until they are kept. */
  #stepped: { readonly positions: number; readonly count: number } | undefined;
  /** Of the place that comes next, [rows, K]; none before the prefix, and once its tokens were drawn. */
  #logits: Float32Array | undefined;
  /** Places whose tokens the caller knows. */
  #known = 0;
  /** Drawn and not asked for yet, a place each. */
  #ready: Int32Array[] = [];
  /** Of the network, so far. */
  #steps = 0;
  /** Milliseconds of the last one, without the modulation that is made once in many positions. */
  #took = 0;
  /** Drawn last. */
  #drawn: Int32Array | undefined;
  readonly #guesses: Guesses;

  constructor(
    config: GeneratorConfig,
    engine: StepEngine,
    tables: ModulationTables,
    request: SessionRequest,
    windows = new WindowChoice(engine.most),
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
    this.#windows = this.#images === 1 ? windows : new WindowChoice(1);
    this.#guesses = new Guesses(this.#windows.most, config.tokens);
    this.#stepper = engine.open(rows, this.#windows.most);
  }

  /** Prepares position 0; must be awaited before {@link prefill}. */
  async start(): Promise<void> {
    await this.#chunkOf(0);
  }

  /** The class token and the condition; logits of the first place, [rows, K]. */
  async prefill(): Promise<Float32Array> {
    if (this.#position > 0 || this.#stepped) throw new RangeError("this image was begun already");
    const cls = new Int32Array(this.#conditions.length).fill(clsId(this.#config));
    if (Math.min(this.most, this.#stepper.room(0)) > 1)
      return this.#single(await this.#run([cls, this.#conditions]), 2);
    await this.#run([cls]);
    this.#stepped = { positions: 1, count: 1 };
    await this.advance();
    return this.#single(await this.#run([this.#conditions]), 1);
  }

  /** Positions of a step at most. */
  get most(): number {
    return this.#windows.most;
  }

  /** tokens: one an image, of the place predicted last and of those after it, [count][images]. Call {@link advance} before the next step. */
  async step(tokens: Int32Array): Promise<Float32Array> {
    if (this.#ready.length > 0) throw new RangeError("this image's next places were drawn already");
    const count = tokens.length / this.#images;
    let logits: Float32Array | undefined;
    for (let done = 0; done < count; ) {
      await this.advance();
      const place = this.#position - 2;
      if (place < 0 || place + count - done >= this.#config.tokens)
        throw new RangeError("this image is complete, or not begun");
      const some = Math.min(this.most, this.#stepper.room(this.#position), count - done);
      const contents = Array.from({ length: some }, (_, i) =>
        this.#everyRow(tokens.subarray((done + i) * this.#images, (done + i + 1) * this.#images)),
      );
      logits = this.#single(await this.#run(contents), some);
      this.#known += some;
      done += some;
    }
    return logits!;
  }

  /** The tokens of the next places, one after the other, after the prefix where it has not run: [count][images]. Call {@link advance} before the next. */
  async draw(plan: DrawPlan): Promise<Int32Array> {
    const drawn = new Int32Array(plan.count * this.#images);
    for (let i = 0; i < plan.count; i++) {
      const place = plan.place + i;
      if (place !== this.#known || place >= this.#config.tokens)
        throw new RangeError(`place ${place} cannot be drawn now`);
      if (this.#ready.length === 0) await this.#predict(plan, place);
      drawn.set(this.#ready.shift()!, i * this.#images);
      this.#known++;
    }
    return drawn;
  }

  get steps(): number {
    return this.#steps;
  }

  /** Draws this place, and those after it as far as guesses hold. */
  async #predict(plan: DrawPlan, place: number): Promise<void> {
    const { codebookSize: K, tokens: L } = this.#config;
    await this.advance();
    let logits: Float32Array[];
    if (this.#drawn) {
      const most = Math.min(this.#windows.next(), this.#stepper.room(this.#position), L - place);
      const contents = [this.#drawn, ...this.#guesses.next(most)];
      logits = await this.#run(contents.map((tokens) => this.#everyRow(tokens)));
    } else {
      logits = [this.#logits ?? (await this.prefill())];
    }
    const start = performance.now();
    this.#ready = this.#guesses.settle(place, logits, (at, rows) =>
      drawPlace(rows, this.#images, K, plan, at),
    );
    if (this.#drawn) {
      this.#stepped = { positions: logits.length, count: this.#ready.length };
      this.#windows.took(logits.length, this.#ready.length, this.#took + performance.now() - start);
    }
    this.#logits = undefined;
    this.#drawn = this.#ready.at(-1)!;
  }

  /** Steps over the next positions. contents: what stands at each, for every row. Logits of each place predicted, [rows, K]. */
  async #run(contents: readonly Int32Array[]): Promise<Float32Array[]> {
    const { codebookSize: K } = this.#config;
    const [rows, positions, first] = [this.#conditions.length, contents.length, this.#position];
    for (const i of contents.keys()) await this.#modulate(i, positions);
    const each = (what: (row: number, i: number) => number): Int32Array =>
      Int32Array.from({ length: rows * positions }, (_, n) => what(Math.floor(n / positions), n % positions));
    this.#steps++;
    const start = performance.now();
    const logits = await this.#stepper.step({
      first,
      content: each((row, i) => contents[i]![row]!),
      where: each((_, i) => this.#where(first + i)),
      next: each((_, i) => this.#next(first + i)),
    });
    this.#took = performance.now() - start;
    return contents.map((_, i) => {
      const own = new Float32Array(this.rows * K);
      for (let row = 0; row < this.rows; row++) {
        const start = (row * positions + i) * K;
        own.set(logits.subarray(start, start + K), row * K);
      }
      return own;
    });
  }

  /** After a step whose tokens are not drawn here. */
  #single(logits: readonly Float32Array[], positions: number): Float32Array {
    this.#stepped = { positions, count: positions };
    this.#drawn = undefined;
    this.#guesses.clear();
    this.#logits = logits.at(-1)!;
    return this.#logits;
  }

  #everyRow(tokens: Int32Array): Int32Array {
    return this.#conditions.map((_, row) => tokens[row % this.#images]!);
  }

  #where(position: number): number {
    return position < 2 ? position : placeRow(this.#order[position - 2]!);
  }

  #next(position: number): number {
    return position === 0 ? noPlaceRow(this.#config) : placeRow(this.#order[position - 1]!);
  }

  /** Keeps the last step's keys and values. */
  async advance(): Promise<void> {
    if (!this.#stepped) return;
    const { positions, count } = this.#stepped;
    this.#stepped = undefined;
    this.#stepper.advance(positions, count);
    this.#position += count;
  }

  close(): void {
    this.#stepper.close();
  }

  /** Conditions the i-th of the next step's positions. */
  async #modulate(i: number, positions: number): Promise<void> {
    const position = this.#position + i;
    const vectors = modulationParts(this.#config) * this.#config.width;
    const start = (position % this.#tables.chunk) * vectors;
    const tables = await this.#chunkOf(position);
    for (const [row, condition] of this.#conditions.entries()) {
      const own = tables.get(condition)!.subarray(start, start + vectors);
      this.#stepper.modulate(row * positions + i, own);
    }
  }

  async #chunkOf(position: number): Promise<Map<number, Float32Array>> {
    const chunk = (p: number): number => Math.floor(p / this.#tables.chunk);
    // let go of the last one before the next is made
    for (const index of this.#chunks.keys()) if (index < chunk(this.#position)) this.#chunks.delete(index);
    const index = chunk(position);
    const known = this.#chunks.get(index) ?? (await this.#tables.get([...this.#conditions], index));
    this.#chunks.set(index, known);
    return known;
  }
}
