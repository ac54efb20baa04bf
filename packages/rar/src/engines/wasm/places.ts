/** Where everything lies in a generator's memory: weights, and what one session needs. Addresses and sizes in bytes. */
import { type GeneratorConfig, headWidth } from "../../config/architecture.js";
import { blockCount, type TiledShape } from "./tiles.js";

export interface LinearPlaces {
  readonly weight: number; // tiles
  readonly bias: number; // [out]
  readonly shape: TiledShape;
}
export interface NormPlaces {
  readonly weight: number; // [d]
  readonly bias: number; // [d]
}
export interface BlockPlaces {
  readonly qkv: LinearPlaces;
  /** With the scores' 1 / sqrt(d) folded in. */
  readonly qNorm: NormPlaces;
  readonly kNorm: NormPlaces;
  readonly proj: LinearPlaces;
  readonly fc1: LinearPlaces;
  readonly fc2: LinearPlaces;
}
/** The weights of a step; the three tables are float32 [rows, D]. */
export interface StepPlaces {
  readonly blocks: readonly BlockPlaces[];
  readonly head: LinearPlaces;
  readonly content: number;
  readonly where: number;
  readonly next: number;
}

/** Inputs of a layer rounded up to whole blocks. */
export const paddedInputs = (shape: TiledShape): number => blockCount(shape) * shape.block;
const upTo4 = (n: number): number => 4 * Math.ceil(n / 4);

/** What one thread computes with alone. */
export interface ScratchPlaces {
  readonly row: number; // one row of float32
  readonly q: number; // [n, qRow] bytes
  readonly scales: number; // [n, scalesRow / 8] pairs of float32
  readonly query: number; // [d]
  readonly key: number; // [d]
  readonly scores: number; // [capacity]
}

/** One batch. Rows of `x` and `out` are D numbers long, the others as their names in `rowBytes` say. */
export interface SessionPlaces {
  /** Rows of the cache. */
  readonly rows: number;
  /** Positions of each that a step may take. What follows is for all of them, n = rows * positions at most, unless it says otherwise. */
  readonly most: number;
  /** Positions the cache has room for, a multiple of 4. */
  readonly capacity: number;
  readonly x: number; // [n, D]
  readonly out: number; // [n, D], of the layer under way
  readonly qkv: number; // [n, 3 D]
  readonly heard: number; // [n, D in whole blocks]
  readonly hidden: number; // [n, F in whole blocks]
  readonly logits: number; // [n, K up to a multiple of 4]
  readonly modulation: number; // [n, parts, D]
  readonly keys: number; // [layers, rows, heads, capacity / 4, d, 4]
  readonly values: number; // [layers, rows, heads, d / 4, capacity, 4]
  readonly heardRow: number;
  readonly hiddenRow: number;
  readonly logitsRow: number;
  readonly modulationRow: number;
  readonly qRow: number;
  readonly scalesRow: number;
  readonly scratch: readonly ScratchPlaces[]; // one a thread
  readonly bytes: number;
}

/** Lays a session out from address `start`. `parts`: vectors of a position's modulation. */
export function sessionPlaces(
  config: GeneratorConfig,
  weights: StepPlaces,
  parts: number,
  rows: number,
  threads: number,
  start: number,
  most = 1,
): SessionPlaces {
  const { width: D, depth, heads } = config;
  const d = headWidth(config);
  const capacity = upTo4(config.tokens + 1);
  const [narrow, wide] = [weights.head.shape, weights.blocks[0]?.fc2.shape ?? weights.head.shape]; // inputs: D and F
  const [heardRow, hiddenRow] = [4 * paddedInputs(narrow), 4 * paddedInputs(wide)];
  const logitsRow = 4 * upTo4(config.codebookSize);
  const modulationRow = 4 * parts * D;
  const qRow = Math.max(paddedInputs(narrow), paddedInputs(wide));
  const scalesRow = 8 * Math.max(blockCount(narrow), blockCount(wide));
  let end = start;
  /** Whole cache lines, so that no two threads write to one. */
  const take = (bytes: number): number => {
    const at = end;
    end += 64 * Math.ceil(bytes / 64);
    return at;
  };
  const cache = depth * rows * heads * capacity * d * 4;
  const n = rows * most;
  const places = {
    rows,
    most,
    capacity,
    x: take(4 * n * D),
    out: take(4 * n * D),
    qkv: take(12 * n * D),
    heard: take(n * heardRow),
    hidden: take(n * hiddenRow),
    logits: take(n * logitsRow),
    modulation: take(n * modulationRow),
    keys: take(cache),
    values: take(cache),
    heardRow,
    hiddenRow,
    logitsRow,
    modulationRow,
    qRow,
    scalesRow,
    scratch: Array.from({ length: threads }, () => ({
      row: take(heardRow),
      q: take(n * qRow),
      scales: take(n * scalesRow),
      query: take(4 * d),
      key: take(4 * d),
      scores: take(4 * capacity),
    })),
  };
  return { ...places, bytes: end - start };
}
