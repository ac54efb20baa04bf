/**
 * Products of few rows with a matrix, as WebAssembly: bound by how fast the matrix is read, so they read it in several places
 * at once, far apart, which keeps more of the memory busy than one long run (docs/log.md).
 */
import { doWhile, type FinishedFunc, Func, f32x4, I32, i16x8, i32, i32x4, V128, v128 } from "./code.js";

/** Outputs of a tile: one vector of float32 sums. */
export const TILE = 4;
/** Bytes after each block of a tile: four scales in bfloat16, four sums of the block's numbers as 16-bit integers. */
export const BLOCK_TAIL = 16;

/**
 * y = x W for `rows` rows of x in 7 bits and tiles of W in 8 bits (tiles.ts), `streams` tiles at once.
 * Parameters: x, bytes from row to row of x; scales of x, bytes from row to row; W, tiles of each stream, blocks, numbers of a
 * block (a multiple of 16); y, bytes from row to row. A sum's order does not depend on `rows` or `streams`.
 * `dotInOne`: multiplies and adds by one instruction, with the same result (kernels.ts says where that is faster).
 */
export function int8Product(rows: number, streams: number, dotInOne = false): FinishedFunc {
  const f = new Func(int8ProductName(rows, streams), 10);
  const [x, xRow, scales, scalesRow, w, tiles, blocks, block, y, yRow] = f.given;
  const dots = f.locals(V128, rows * streams);
  const sums = f.locals(V128, rows * streams);
  const weights = f.locals(V128, streams);
  const xs = f.locals(I32, rows);
  const ws = f.locals(I32, streams);
  const [value, lowest, ones] = f.locals(V128, 3);
  const [tile, end, left, s, out, at, streamBytes, streamOut] = f.locals(I32, 8);
  const UNROLL = 4; // vectors of 4 inputs x 4 outputs

  const multiply = Array.from({ length: UNROLL }, (_, u) => [
    ...weights.map((v, t) => v.set(v128.load(ws[t]!.get, 16 * u))),
    ...xs.flatMap((row, m) => [
      value.set(v128.loadSplat32(row.get, 4 * u)),
      ...weights.map((v, t) => {
        const dot = dots[m * streams + t]!;
        return dot.set(
          dotInOne
            ? i32x4.addDotI8U7(v.get, value.get, dot.get)
            : i32x4.add(i32x4.dotI16(i16x8.dotI8U7(v.get, value.get), ones.get), dot.get),
        );
      }),
    ]),
  ]).flat();

  // x = lowest + scale * q, so a block adds weightScale * (scale * dot + lowest * sum of its weights).
  const addBlock = [
    s.set(scales.get),
    ...xs.flatMap((_, m) => [
      value.set(v128.loadSplat32(s.get, 0)),
      lowest.set(v128.loadSplat32(s.get, 4)),
      s.set(i32.add(s.get, scalesRow.get)),
      ...ws.map((p, t) => {
        const [dot, sum] = [dots[m * streams + t]!, sums[m * streams + t]!];
        const exact = f32x4.add(
          f32x4.mul(f32x4.fromI32x4(dot.get), value.get),
          f32x4.mul(f32x4.fromI32x4(v128.load16x4(p.get, 8)), lowest.get),
        );
        const weightScale = i32x4.shl(v128.load16x4(p.get, 0), 16); // bfloat16 is the upper half of a float32
        return sum.set(f32x4.add(sum.get, f32x4.mul(exact, weightScale)));
      }),
    ]),
  ];

  return f.body(
    ones.set(i16x8.const(1)),
    // A stream's tiles follow each other; the next stream's come after all of them.
    streamOut.set(i32.mul(tiles.get, i32.const(16))),
    streamBytes.set(
      i32.mul(
        tiles.get,
        i32.mul(blocks.get, i32.add(i32.mul(block.get, i32.const(TILE)), i32.const(BLOCK_TAIL))),
      ),
    ),
    ...ws.map((p, t) => p.set(t === 0 ? w.get : i32.add(ws[t - 1]!.get, streamBytes.get))),
    tile.set(tiles.get),
    doWhile(
      [
        ...xs.map((p, m) => p.set(m === 0 ? x.get : i32.add(x.get, i32.mul(xRow.get, i32.const(m))))),
        ...sums.map((v) => v.set(v128.zero)),
        left.set(blocks.get),
        doWhile(
          [
            ...dots.map((v) => v.set(v128.zero)),
            end.set(i32.add(xs[0]!.get, block.get)),
            doWhile(
              [...multiply, ...ws.map((p) => p.step(16 * UNROLL)), ...xs.map((p) => p.step(4 * UNROLL))],
              i32.less(xs[0]!.get, end.get),
            ),
            ...addBlock,
            ...ws.map((p) => p.step(BLOCK_TAIL)),
            scales.step(8),
            left.step(-1),
          ],
          left.get,
        ),
        scales.set(i32.sub(scales.get, i32.mul(blocks.get, i32.const(8)))),
        out.set(y.get),
        ...xs.flatMap((_, m) => [
          at.set(out.get),
          ...ws.flatMap((__, t) => [
            v128.store(at.get, sums[m * streams + t]!.get),
            at.set(i32.add(at.get, streamOut.get)),
          ]),
          out.set(i32.add(out.get, yRow.get)),
        ]),
        y.step(16),
        tile.step(-1),
      ],
      tile.get,
    ),
  );
}

export const int8ProductName = (rows: number, streams: number): string => `int8Product${rows}x${streams}`;

/**
 * y = x W for one row in float32, `streams` tiles at once: scores and sums of attention.
 * Parameters: x, numbers of x (a multiple of 4); W, bytes from tile to tile, tiles of each stream; y.
 */
export function floatProduct(streams: number): FinishedFunc {
  const f = new Func(floatProductName(streams), 6);
  const [x, columns, w, tileBytes, tiles, y] = f.given;
  const sums = f.locals(V128, streams);
  const ws = f.locals(I32, streams);
  const value = f.local(V128);
  const [p, end, at, tile] = f.locals(I32, 4);
  const UNROLL = 4;
  return f.body(
    end.set(i32.add(x.get, i32.mul(columns.get, i32.const(4)))),
    tile.set(tiles.get),
    doWhile(
      [
        ...ws.map((q, t) =>
          q.set(t === 0 ? w.get : i32.add(ws[t - 1]!.get, i32.mul(tiles.get, tileBytes.get))),
        ),
        ...sums.map((v) => v.set(v128.zero)),
        p.set(x.get),
        doWhile(
          [
            ...Array.from({ length: UNROLL }, (_, u) => [
              value.set(v128.loadSplat32(p.get, 4 * u)),
              ...sums.map((v, t) =>
                v.set(f32x4.add(v.get, f32x4.mul(value.get, v128.load(ws[t]!.get, 16 * u)))),
              ),
            ]).flat(),
            ...ws.map((q) => q.step(16 * UNROLL)),
            p.step(4 * UNROLL),
          ],
          i32.less(p.get, end.get),
        ),
        at.set(y.get),
        ...sums.flatMap((v) => [
          v128.store(at.get, v.get),
          at.set(i32.add(at.get, i32.mul(tiles.get, i32.const(16)))),
        ]),
        w.set(i32.add(w.get, tileBytes.get)),
        y.step(16),
        tile.step(-1),
      ],
      tile.get,
    ),
  );
}

export const floatProductName = (streams: number): string => `floatProduct${streams}`;
