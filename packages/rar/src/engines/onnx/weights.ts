/** Writes a traced graph as a model file and a weights file beside it, one tensor in memory at a time. */
import { type FileHandle, open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TensorSource } from "../../weights/tensor-file.js";
import type { Graph, StoredParameter } from "./graph.js";
import { encodeModel, type InitializerSpec } from "./proto.js";

/** How weights of linear layers are stored: exact, or symmetric blocks of 8 or 4 bits. */
export type WeightFormat = "float32" | "int8" | "int4";

export const MODEL_FILE = "model.onnx";
export const WEIGHTS_FILE = "weights.bin";
/** ONNX Runtime maps external data; it wants pages. */
const ALIGNMENT = 4096;

/** Where each stored parameter begins in the weights file, by name, and the bytes of the whole. */
export function placesInFile(graph: Graph): { offsets: Map<string, number>; bytes: number } {
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const parameter of graph.stored.values()) {
    const offset = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    offsets.set(parameter.name, offset);
    bytes = offset + byteLength(parameter);
  }
  return { offsets, bytes };
}

/** Numbers that share a scale along the input axis: as many as fit evenly, at most 128. */
export function blockSize(columns: number): number {
  for (const block of [128, 64, 32, 16]) if (columns % block === 0) return block;
  return 32;
}

/**
 * Writes `graph` into `folder`.
 * @param onTensor - called after each stored tensor with bytes done and in all
 */
export async function writeGraph(
  graph: Graph,
  source: TensorSource,
  folder: string,
  options: {
    signal?: AbortSignal | undefined;
    onBytes?: ((done: number, total: number) => void) | undefined;
  } = {},
): Promise<void> {
  const stored = [...graph.stored.values()];
  const total = stored.reduce((sum, p) => sum + byteLength(p), 0);
  const initializers: InitializerSpec[] = [...graph.small.values()];
  const file = await open(join(folder, WEIGHTS_FILE), "w");
  try {
    let done = 0;
    const { offsets } = placesInFile(graph);
    const cache = new LastTensor(source);
    for (const parameter of stored) {
      options.signal?.throwIfAborted();
      const { name, type, shape } = parameter;
      const bytes = await encode(parameter, cache);
      const offset = offsets.get(name)!;
      await writeAll(file, bytes, offset);
      initializers.push({
        name,
        type,
        shape,
        data: { location: WEIGHTS_FILE, offset, length: bytes.byteLength },
      });
      done += bytes.byteLength;
      options.onBytes?.(done, total);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  const { nodes, inputs, outputs } = graph;
  await writeFile(join(folder, MODEL_FILE), encodeModel({ nodes, inputs, outputs, initializers }));
}

/** Bytes of all weights once stored: what running the graph holds in memory. */
export const storedBytes = (graph: Graph): number =>
  [...graph.stored.values()].reduce((sum, parameter) => sum + byteLength(parameter), 0);

const elementBytes = { float32: 4, uint8: 1, int8: 1, int64: 8, bool: 1 } as const;
const byteLength = (p: StoredParameter): number => p.shape.reduce((n, d) => n * d, 1) * elementBytes[p.type];

/** The numbers and the scales of a quantised tensor follow each other: read it once. */
class LastTensor {
  readonly #source: TensorSource;
  #name: string | undefined;
  #values: Float32Array | undefined;

  constructor(source: TensorSource) {
    this.#source = source;
  }

  async read(name: string): Promise<Float32Array> {
    if (this.#name !== name || !this.#values) {
      this.#values = undefined;
      this.#values = await this.#source.readFloat32(name);
      this.#name = name;
    }
    return this.#values;
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    const { bytesWritten } = await file.write(
      bytes,
      done,
      Math.min(bytes.byteLength - done, 1 << 28),
      offset + done,
    );
    done += bytesWritten;
  }
}

async function encode({ parameter, storage }: StoredParameter, cache: LastTensor): Promise<Uint8Array> {
  const pieces: Float32Array[] = [];
  for (const piece of parameter.pieces)
    pieces.push(typeof piece === "string" ? await cache.read(piece) : piece);
  const values = pieces.length === 1 ? pieces[0]! : joined(pieces);
  if (storage.kind === "plain") return asBytes(values);
  if (storage.kind === "phase") return asBytes(kernelPhase(values, storage.row, storage.column));
  const { rows, columns } = storage;
  if (storage.kind === "transposed") return asBytes(transposed(values, rows, columns));
  if (storage.kind === "channels") return asBytes(grouped(values, rows, columns, storage.channels));
  if (storage.kind === "bytes") return asBytes(transposedBytes(values, rows, columns));
  if (storage.kind === "outputSums") return asBytes(byteSums(values, rows, columns));
  if (storage.kind === "outputScales") return asBytes(scalesOf(values, rows, columns, columns, 127));
  return storage.kind === "scales"
    ? asBytes(scalesOf(values, rows, columns, storage.block, 7))
    : packBlocks(values, rows, columns, storage.block);
}

const asBytes = (values: Float32Array | Int8Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function joined(pieces: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(pieces.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** [rows, columns] -> [columns, rows] */
export function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  tilewise(rows, columns, (r, c) => {
    out[c * rows + r] = values[r * columns + c]!;
  });
  return out;
}

/** Every place of a matrix, tile by tile so that rows and columns stay in the processor's cache. */
function tilewise(rows: number, columns: number, visit: (row: number, column: number) => void): void {
  const TILE = 32;
  for (let r0 = 0; r0 < rows; r0 += TILE) {
    const r1 = Math.min(r0 + TILE, rows);
    for (let c0 = 0; c0 < columns; c0 += TILE) {
      const c1 = Math.min(c0 + TILE, columns);
      for (let c = c0; c < c1; c++) for (let r = r0; r < r1; r++) visit(r, c);
    }
  }
}

/** [rows, columns] -> [rows / size, columns / size, size of columns, size of rows] */
export function grouped(values: Float32Array, rows: number, columns: number, size: number): Float32Array {
  const out = new Float32Array(values.length);
  let at = 0;
  for (let r0 = 0; r0 < rows; r0 += size)
    for (let c = 0; c < columns; c++)
      for (let r = r0; r < r0 + size; r++) out[at++] = values[r * columns + c]!;
  return out;
}

/** Kernels of 3 x 3 as kernels of 2 x 2, by adding up the middle row and the one after it (`row` 0) or before (1), and columns likewise. */
export function kernelPhase(values: Float32Array, row: 0 | 1, column: 0 | 1): Float32Array {
  const place = (k: number, phase: 0 | 1): number => (k > phase ? 1 : 0);
  const out = new Float32Array((values.length / 9) * 4);
  for (const [i, value] of values.entries()) {
    const [kernel, y, x] = [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3];
    out[4 * kernel + 2 * place(y, row) + place(x, column)]! += value;
  }
  return out;
}

/** Largest magnitude of each block of a row over the largest number, `top`. [rows, blocks] */
export function scalesOf(
  values: Float32Array,
  rows: number,
  columns: number,
  block: number,
  top: number,
): Float32Array {
  const blocks = Math.ceil(columns / block);
  const scales = new Float32Array(rows * blocks);
  for (let r = 0; r < rows; r++) {
    for (let b = 0; b < blocks; b++) {
      const end = r * columns + Math.min((b + 1) * block, columns);
      let largest = 0;
      for (let i = r * columns + b * block; i < end; i++) largest = Math.max(largest, Math.abs(values[i]!));
      scales[r * blocks + b] = largest / top;
    }
  }
  return scales;
}

/** A number in steps of `scale`, at most `top` of them. */
const inSteps = (value: number, scale: number, top: number): number =>
  scale === 0 ? 0 : Math.max(-top, Math.min(top, Math.round(value / scale)));

/** Each row in steps of its scale: [columns, rows] */
export function transposedBytes(values: Float32Array, rows: number, columns: number): Int8Array {
  const scales = scalesOf(values, rows, columns, columns, 127);
  const out = new Int8Array(values.length);
  tilewise(rows, columns, (r, c) => {
    out[c * rows + r] = inSteps(values[r * columns + c]!, scales[r]!, 127);
  });
  return out;
}

/** Of each row what its bytes stand for, added up. [rows] */
export function byteSums(values: Float32Array, rows: number, columns: number): Float32Array {
  const scales = scalesOf(values, rows, columns, columns, 127);
  return scales.map((scale, r) => {
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += inSteps(values[r * columns + c]!, scale, 127);
    return sum * scale;
  });
}

/** Numbers of 4 bits, offset to unsigned (8 is zero); two to a byte, low half first. */
export function packBlocks(values: Float32Array, rows: number, columns: number, block: number): Uint8Array {
  const blocks = Math.ceil(columns / block);
  const scales = scalesOf(values, rows, columns, block, 7);
  const out = new Uint8Array((rows * blocks * block) / 2).fill(0x88);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const unsigned = 8 + inSteps(values[r * columns + c]!, scales[r * blocks + Math.floor(c / block)]!, 7);
      const index = r * blocks * block + c;
      if (index % 2 === 0) out[index >> 1] = (out[index >> 1]! & 0xf0) | unsigned;
      else out[index >> 1] = (out[index >> 1]! & 0x0f) | (unsigned << 4);
    }
  }
  return out;
}
