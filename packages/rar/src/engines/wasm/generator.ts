/** A generator whose decode steps run in WebAssembly: its memory with the weights in it, and the sessions that live beside them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import { RarityError } from "../../config/errors.js";
import type { Positions, StepEngine, Stepper } from "../stepper.js";
import { dotIsOneInstruction, instantiate, type Kernels, PAGE } from "./kernels.js";
import type { SessionPlaces, StepPlaces } from "./places.js";
import { sessionPlaces } from "./places.js";
import { Space } from "./space.js";
import { StepThread } from "./step.js";
import type { SharedGenerator, Team } from "./team.js";
import { type Memory, type Module, WebAssembly } from "./webassembly.js";

/** Address of the weights file's first byte; the page before it holds the barrier. */
export const WEIGHTS_AT = PAGE;

let ids = 0;

export class WasmGenerator implements StepEngine {
  /** Rows are computed alike however many there are. */
  readonly filled = (rows: number): number => rows;
  /** Four rows take a quarter longer than two where products are one instruction, else nearly twice as long (docs/log.md). */
  readonly most = dotIsOneInstruction() ? 4 : 1;
  readonly config: GeneratorConfig;
  readonly parts: number;
  readonly #team: Team;
  readonly #shared: SharedGenerator;
  readonly #kernels: Kernels;
  readonly #space: Space;

  /** Reads the weights file into a memory of its own. `parts`: vectors of a position's modulation. */
  constructor(
    config: GeneratorConfig,
    parts: number,
    weights: StepPlaces,
    file: string,
    module: Module,
    team: Team,
  ) {
    this.config = config;
    this.parts = parts;
    this.#team = team;
    const memory = readWeights(file);
    scaleQueries(memory, config, weights);
    const { width, heads } = config;
    this.#kernels = instantiate(module, memory);
    this.#space = new Space(memory, memory.buffer.byteLength);
    this.#shared = {
      id: ++ids,
      module,
      memory,
      shape: { width, heads, headWidth: headWidth(config) },
      weights,
    };
    team.send({ kind: "load", generator: this.#shared });
  }

  open(rows: number, most: number): WasmSession {
    const { weights, memory, shape } = this.#shared;
    const sized = (start: number): SessionPlaces =>
      sessionPlaces(this.config, weights, this.parts, rows, this.#team.threads, start, most);
    const { bytes } = sized(0);
    const at = this.#space.take(bytes);
    if (at === undefined)
      throw new RarityError(
        "memory",
        `${rows} rows at once need ${Math.ceil(bytes / 2 ** 20)} MiB beside the model, more than the int8 engine's memory of 4 GiB has left. ` +
          "Draw fewer images at once, or pass --precision float32.",
      );
    const session = sized(at);
    const id = ++ids;
    this.#team.send({ kind: "open", id, generator: this.#shared.id, session, thread: 0 });
    const own = new StepThread(this.#kernels, shape, weights, session, 0);
    return new WasmSession(this.config, weights, memory, session, {
      run: (position, positions) => {
        if (this.#team.threads > 1) this.#team.send({ kind: "step", id, position, positions });
        own.run(position, positions);
      },
      close: () => {
        this.#team.send({ kind: "close", id });
        this.#space.give(at);
      },
    });
  }

  async release(): Promise<void> {
    this.#team.send({ kind: "release", generator: this.#shared.id });
  }
}

interface Threads {
  run(position: number, positions: number): void;
  close(): void;
}

/** One batch: what the caller puts in and takes out; the threads do the rest. */
class WasmSession implements Stepper {
  readonly #config: GeneratorConfig;
  readonly #places: SessionPlaces;
  readonly #threads: Threads;
  readonly #x: Float32Array;
  readonly #logits: Float32Array;
  readonly #modulation: Float32Array;
  readonly #tables: Readonly<Record<"content" | "where" | "next", Float32Array>>;

  constructor(
    config: GeneratorConfig,
    weights: StepPlaces,
    memory: Memory,
    places: SessionPlaces,
    threads: Threads,
  ) {
    this.#config = config;
    this.#places = places;
    this.#threads = threads;
    const n = places.rows * places.most;
    const floats = (at: number, length?: number): Float32Array => new Float32Array(memory.buffer, at, length);
    this.#x = floats(places.x, n * config.width);
    this.#logits = floats(places.logits, (n * places.logitsRow) / 4);
    this.#modulation = floats(places.modulation, (n * places.modulationRow) / 4);
    this.#tables = {
      content: floats(weights.content),
      where: floats(weights.where),
      next: floats(weights.next),
    };
  }

  room(position: number): number {
    return this.#config.tokens + 1 - position;
  }

  modulate(row: number, vectors: Float32Array): void {
    this.#modulation.set(vectors, (row * this.#places.modulationRow) / 4);
  }

  step({ first, content, where, next }: Positions): Float32Array {
    const { width: D, codebookSize: K } = this.#config;
    const { tables, x } = { tables: this.#tables, x: this.#x };
    for (const [row, id] of content.entries()) {
      const [whereAt, nextAt] = [where[row]! * D, next[row]! * D];
      for (let i = 0; i < D; i++)
        x[row * D + i] =
          tables.content[id * D + i]! + Math.fround(tables.where[whereAt + i]! + tables.next[nextAt + i]!);
    }
    const n = content.length;
    this.#threads.run(first, n / this.#places.rows);
    const { logitsRow } = this.#places;
    const out = new Float32Array(n * K);
    for (let row = 0; row < n; row++)
      out.set(this.#logits.subarray((row * logitsRow) / 4, (row * logitsRow) / 4 + K), row * K);
    return out;
  }

  /** Keys and values were stored within the step; those that do not hold are overwritten. */
  advance(): void {}

  close(): void {
    this.#threads.close();
  }
}

function readWeights(path: string): Memory {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const pages = 1 + Math.ceil(size / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true });
    const bytes = new Uint8Array(memory.buffer, WEIGHTS_AT);
    for (let done = 0; done < size; ) {
      const read = readSync(file, bytes, done, Math.min(size - done, 1 << 26), done);
      if (read === 0) throw new RarityError("io", `"${path}" ended early. Run rarity doctor --clear-cache.`);
      done += read;
    }
    return memory;
  } finally {
    closeSync(file);
  }
}

/** Folds the scores' 1 / sqrt(d) into the queries' norms. */
function scaleQueries(memory: Memory, config: GeneratorConfig, { blocks }: StepPlaces): void {
  const d = headWidth(config);
  for (const { qNorm } of blocks)
    for (const at of [qNorm.weight, qNorm.bias]) {
      const values = new Float32Array(memory.buffer, at, d);
      for (let i = 0; i < d; i++) values[i]! /= Math.sqrt(d);
    }
}
