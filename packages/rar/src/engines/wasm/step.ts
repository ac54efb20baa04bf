/**
 * One thread's share of a decode step. All threads run it at once and meet after each phase; each layer's outputs, and the heads in
 * attention, are divided among them. No sum depends on how.
 */
import { BARRIER_AT } from "./barrier.js";
import type { Kernels } from "./kernels.js";
import type { LinearPlaces, NormPlaces, SessionPlaces, StepPlaces } from "./places.js";
import { blockCount, tileBytes, tileCount } from "./tiles.js";

export interface StepShape {
  readonly width: number;
  readonly heads: number;
  readonly headWidth: number;
}

/** With many rows a layer is read in pieces that stay in the processor's cache while one group of rows follows the other. */
const PIECE = 2 ** 18;

const share = (count: number, thread: number, threads: number): [number, number] => [
  Math.floor((count * thread) / threads),
  Math.floor((count * (thread + 1)) / threads),
];

export class StepThread {
  readonly #kernels: Kernels;
  readonly #shape: StepShape;
  readonly #weights: StepPlaces;
  readonly #session: SessionPlaces;
  readonly #thread: number;
  readonly #threads: number;
  /** Of the step under way: positions of each row of the cache, and rows in all. */
  #positions = 1;
  #rows = 0;

  constructor(
    kernels: Kernels,
    shape: StepShape,
    weights: StepPlaces,
    session: SessionPlaces,
    thread: number,
  ) {
    this.#kernels = kernels;
    this.#shape = shape;
    this.#weights = weights;
    this.#session = session;
    this.#thread = thread;
    this.#threads = session.scratch.length;
  }

  /**
   * From the embedded positions in `x` and their modulation to logits; their keys and values join the cache. Row by row of the
   * cache: `positions` that follow each other, from `position` on.
   */
  run(position: number, positions: number): void {
    const s = this.#session;
    this.#positions = positions;
    this.#rows = s.rows * positions;
    const D = this.#shape.width;
    const { blocks, head } = this.#weights;
    for (const [i, w] of blocks.entries()) {
      const part = (index: number): number => s.modulation + 4 * D * (6 * i + index);
      const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = [0, 1, 2, 3, 4, 5].map(part) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      this.#modulate(w.qkv, scaleA, shiftA);
      this.#linear(w.qkv, s.qkv, 12 * D, (at, from, count) =>
        this.#kernels.addBias(at, w.qkv.bias + 4 * from, count),
      );
      this.#attention(i, w.qNorm, w.kNorm, position);
      this.#quantise(s.heard, s.heardRow, w.proj);
      this.#addTo(w.proj, gateA);

      this.#modulate(w.fc1, scaleM, shiftM);
      this.#linear(w.fc1, s.hidden, s.hiddenRow, (at, from, count) =>
        this.#kernels.biasGelu(at, w.fc1.bias + 4 * from, count),
      );
      this.#quantise(s.hidden, s.hiddenRow, w.fc2);
      this.#addTo(w.fc2, gateM);
    }
    const final = s.modulation + 24 * D * blocks.length;
    this.#modulate(head, final, final + 4 * D);
    this.#linear(head, s.logits, s.logitsRow, (at, from, count) =>
      this.#kernels.addBias(at, head.bias + 4 * from, count),
    );
  }

  /** norm(x) * scale + shift in 7 bits, for `layer`. Every thread does it for itself, which takes less than waiting. */
  #modulate(layer: LinearPlaces, scale: number, shift: number): void {
    const s = this.#session;
    const D = this.#shape.width;
    const { row, q, scales } = this.#scratch;
    const { block } = layer.shape;
    for (let r = 0; r < this.#rows; r++) {
      const m = r * s.modulationRow;
      this.#kernels.normalise(s.x + 4 * D * r, row, D, scale + m, shift + m);
      this.#kernels.quantise(row, q + r * s.qRow, scales + r * s.scalesRow, blockCount(layer.shape), block);
    }
  }

  #quantise(from: number, rowBytes: number, { shape }: LinearPlaces): void {
    const s = this.#session;
    const { q, scales } = this.#scratch;
    for (let r = 0; r < this.#rows; r++)
      this.#kernels.quantise(
        from + r * rowBytes,
        q + r * s.qRow,
        scales + r * s.scalesRow,
        blockCount(shape),
        shape.block,
      );
  }

  /** x = x + gate * layer(what was quantised last) */
  #addTo(layer: LinearPlaces, gate: number): void {
    const s = this.#session;
    const D = this.#shape.width;
    this.#linear(layer, s.out, 4 * D, (at, from, count, r) =>
      this.#kernels.addGated(
        s.x + 4 * (D * r + from),
        at,
        layer.bias + 4 * from,
        gate + r * s.modulationRow + 4 * from,
        count,
      ),
    );
  }

  /** This thread's outputs of a layer, for all rows, `finish`ed row by row; then the others' are there too. */
  #linear(
    layer: LinearPlaces,
    y: number,
    yRow: number,
    finish: (at: number, from: number, count: number, row: number) => void,
  ): void {
    const rows = this.#rows;
    const [first, last] = share(tileCount(layer.shape), this.#thread, this.#threads);
    const bytes = tileBytes(layer.shape);
    const piece = rows > 4 ? Math.max(8, Math.floor(PIECE / bytes)) : last - first;
    for (let tile = first; tile < last; tile += piece)
      this.#product(layer, tile, Math.min(piece, last - tile), y + 16 * tile, yRow);
    if (last > first)
      for (let r = 0; r < rows; r++) finish(y + r * yRow + 16 * first, 4 * first, 4 * (last - first), r);
    this.#wait();
  }

  #product({ weight, shape }: LinearPlaces, tile: number, count: number, y: number, yRow: number): void {
    const s = this.#session;
    const { q, scales } = this.#scratch;
    const [blocks, bytes] = [blockCount(shape), tileBytes(shape)];
    for (let r = 0; r < this.#rows; ) {
      const kernel = this.#kernels.int8.find(({ rows }) => rows <= this.#rows - r)!;
      const each = Math.floor(count / kernel.streams);
      const done = each * kernel.streams;
      const run = (call: typeof kernel.many, from: number, tiles: number): void =>
        call(
          q + r * s.qRow,
          s.qRow,
          scales + r * s.scalesRow,
          s.scalesRow,
          weight + (tile + from) * bytes,
          tiles,
          blocks,
          shape.block,
          y + r * yRow + 16 * from,
          yRow,
        );
      if (each > 0) run(kernel.many, 0, each);
      if (count > done) run(kernel.one, done, count - done);
      r += kernel.rows;
    }
  }

  /** Attention of this thread's rows of the cache and heads, from `qkv` to `heard`. */
  #attention(layer: number, qNorm: NormPlaces, kNorm: NormPlaces, position: number): void {
    const s = this.#session;
    const k = this.#kernels;
    const { width: D, heads, headWidth: d } = this.#shape;
    const { query, key, scores } = this.#scratch;
    const headBytes = 4 * d * s.capacity;
    const [first, last] = share(s.rows * heads, this.#thread, this.#threads);
    for (let pair = first; pair < last; pair++) {
      const [cacheRow, head] = [Math.floor(pair / heads), pair % heads];
      const cached = (layer * s.rows * heads + pair) * headBytes;
      const [keys, values] = [s.keys + cached, s.values + cached];
      const row = cacheRow * this.#positions;
      const q0 = s.qkv + 4 * (3 * D * row + d * head);
      for (let i = 0; i < this.#positions; i++) {
        const [from, at] = [q0 + 12 * D * i, position + i];
        k.normalise(from + 4 * D, key, d, kNorm.weight, kNorm.bias);
        k.storeKeyValue(
          key,
          keys + 16 * d * (at >> 2) + 4 * (at & 3),
          from + 8 * D,
          values + 16 * at,
          16 * s.capacity,
          d,
        );
      }
      for (let i = 0; i < this.#positions; i++) {
        const seen = position + i + 1;
        const tiles = (seen + 3) >> 2;
        k.normalise(q0 + 12 * D * i, query, d, qNorm.weight, qNorm.bias);
        this.#float(query, d, keys, 16 * d, tiles, scores);
        k.softmax(scores, seen, 4 * tiles);
        const out = s.heard + (row + i) * s.heardRow + 4 * d * head;
        this.#float(scores, 4 * tiles, values, 16 * s.capacity, d / 4, out);
      }
    }
    this.#wait();
  }

  #float(x: number, columns: number, w: number, bytes: number, tiles: number, y: number): void {
    let done = 0;
    for (const { streams, call } of this.#kernels.float) {
      const each = Math.floor((tiles - done) / streams);
      if (each > 0) call(x, columns, w + done * bytes, bytes, each, y + 16 * done);
      done += each * streams;
    }
  }

  #wait(): void {
    if (this.#threads > 1) this.#kernels.barrier(BARRIER_AT, this.#threads);
  }

  get #scratch() {
    return this.#session.scratch[this.#thread]!;
  }
}
