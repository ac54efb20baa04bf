/**
 * A linear layer's weight in 8 bits as the kernels read it: tiles of four outputs, each block by block [inputs / 4, 4 outputs, 4 inputs]
 * with four scales and four sums after it (products.ts), so that one stream of memory serves four outputs.
 */
import { BLOCK_TAIL, TILE } from "./products.js";

export interface TiledShape {
  /** Outputs and inputs of the layer. */
  readonly rows: number;
  readonly columns: number;
  /** Inputs that share a scale, a multiple of 16; what is missing to a whole block is 0. */
  readonly block: number;
}

export const tileCount = ({ rows }: TiledShape): number => Math.ceil(rows / TILE);
export const blockCount = ({ columns, block }: TiledShape): number => Math.ceil(columns / block);
export const tileBytes = (shape: TiledShape): number => blockCount(shape) * (shape.block * TILE + BLOCK_TAIL);
export const tiledBytes = (shape: TiledShape): number => tileCount(shape) * tileBytes(shape);

/** `values` ([rows, columns]) in tiles. */
export function packTiles(values: Float32Array, shape: TiledShape): Uint8Array {
  const { rows, columns, block } = shape;
  const out = new Uint8Array(tiledBytes(shape));
  const numbers = new Int8Array(out.buffer);
  const view = new DataView(out.buffer);
  const [blocks, bytes] = [blockCount(shape), tileBytes(shape)];
  for (let row = 0; row < rows; row++) {
    const lane = row % TILE;
    for (let b = 0; b < blocks; b++) {
      const start = Math.floor(row / TILE) * bytes + b * (block * TILE + BLOCK_TAIL);
      const from = row * columns + b * block;
      const count = Math.min(block, columns - b * block);
      let largest = 0;
      for (let i = from; i < from + count; i++) largest = Math.max(largest, Math.abs(values[i]!));
      const scale = roundedUp(largest / 127);
      let sum = 0;
      if (scale.value > 0)
        for (let i = 0; i < count; i++) {
          const rounded = Math.round(values[from + i]! / scale.value);
          numbers[start + (i >> 2) * 16 + lane * 4 + (i & 3)] = rounded;
          sum += rounded;
        }
      const tail = start + block * TILE;
      view.setUint16(tail + 2 * lane, scale.upper, true);
      view.setInt16(tail + 8 + 2 * lane, sum, true);
    }
  }
  return out;
}

const float = new Float32Array(1);
const word = new Uint32Array(float.buffer);
/** The least bfloat16 that is not below a positive number: no quotient then exceeds 127. */
function roundedUp(value: number): { value: number; upper: number } {
  float[0] = value;
  if (float[0]! < value) word[0]!++;
  word[0] = ((word[0]! + 0xffff) & 0xffff0000) >>> 0;
  return { value: float[0]!, upper: word[0]! >>> 16 };
}
