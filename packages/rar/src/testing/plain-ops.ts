/** The networks' operations in plain JavaScript and float64, slow and obvious: what engines are held against. */
import type { ConvOptions, Dim, Ops, Past } from "../networks/ops.js";

export interface Plain {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  /** Ids and positions rather than real numbers. */
  readonly whole: boolean;
}

export const plain = (shape: readonly number[], data: ArrayLike<number>, whole = false): Plain => {
  if (data.length !== volume(shape))
    throw new RangeError(`${data.length} numbers do not make up [${shape}], ${volume(shape)} do`);
  return { shape, data: Float64Array.from(data), whole };
};

export const volume = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

/** Builds a tensor from what stands at each index. */
function build(shape: readonly number[], at: (index: readonly number[]) => number, whole = false): Plain {
  const data = new Float64Array(volume(shape));
  const index = shape.map(() => 0);
  for (let flat = 0; flat < data.length; flat++) {
    data[flat] = at(index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++index[axis]! < shape[axis]!) break;
      index[axis] = 0;
    }
  }
  return { shape, data, whole };
}

/** Element at an index; axes of size 1 stand for any index, missing leading axes too. */
function pick({ shape, data }: Plain, index: readonly number[]): number {
  let flat = 0;
  const skipped = index.length - shape.length;
  for (let axis = 0; axis < shape.length; axis++)
    flat = flat * shape[axis]! + (shape[axis] === 1 ? 0 : index[axis + skipped]!);
  return data[flat]!;
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) =>
    Math.max(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1),
  );
}

const pairwise =
  (f: (x: number, y: number) => number) =>
  (a: Plain, b: Plain): Plain =>
    build(broadcast(a.shape, b.shape), (index) => f(pick(a, index), pick(b, index)), a.whole);

const each = (x: Plain, f: (value: number) => number): Plain => ({ ...x, data: x.data.map(f) });

/** All terms have one sign, so nothing cancels. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const axisOf = (axis: number, { shape }: Plain): number => (axis < 0 ? axis + shape.length : axis);

const slice = (x: Plain, axis: number, start: number, end: number): Plain => {
  const a = axisOf(axis, x);
  const length = Math.min(end, x.shape[a]!) - start;
  const shape = x.shape.map((d, i) => (i === a ? length : d));
  return build(shape, (index) => at(x, index, a, index[a]! + start), x.whole);
};

/** Element at an index with one axis replaced; unlike {@link pick} without broadcasting surprises on that axis. */
const at = (x: Plain, index: readonly number[], axis: number, there: number): number =>
  pick(
    x,
    index.map((i, a) => (a === axis ? there : i)),
  );

const matmul = (a: Plain, b: Plain): Plain => {
  const [m, k, n] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  return build([...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)), m, n], (index) => {
    const batch = index.slice(0, -2);
    let sum = 0;
    for (let i = 0; i < k; i++)
      sum += pick(a, [...batch, index.at(-2)!, i]) * pick(b, [...batch, i, index.at(-1)!]);
    return sum;
  });
};

function linear(x: Plain, weight: Plain, bias?: Plain): Plain {
  const [out, into] = weight.shape as [number, number];
  const rows = x.data.length / into;
  const data = new Float64Array(rows * out);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < out; o++) {
      let sum = bias?.data[o] ?? 0;
      for (let i = 0; i < into; i++) sum += x.data[r * into + i]! * weight.data[o * into + i]!;
      data[r * out + o] = sum;
    }
  }
  return plain([...x.shape.slice(0, -1), out], data);
}

/** Each run of `size` numbers less its mean, over its deviation. */
function normalised(data: Float64Array, size: number, epsilon: number): Float64Array {
  const out = new Float64Array(data.length);
  for (let start = 0; start < data.length; start += size) {
    const run = data.subarray(start, start + size);
    const mean = run.reduce((a, b) => a + b, 0) / size;
    const variance = run.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size;
    for (let i = 0; i < size; i++) out[start + i] = (run[i]! - mean) / Math.sqrt(variance + epsilon);
  }
  return out;
}

function attention(q: Plain, k: Plain, v: Plain, past?: Past<Plain>): Plain {
  const [T, d] = q.shape.slice(2) as [number, number];
  const S = past?.k.shape[2] ?? 0;
  return build(q.shape, ([b, h, t, i]) => {
    const key = (s: number, j: number): number =>
      s < S ? pick(past!.k, [b!, h!, s, j]) : pick(k, [b!, h!, s - S, j]);
    const value = (s: number): number =>
      s < S ? pick(past!.v, [b!, h!, s, i!]) : pick(v, [b!, h!, s - S, i!]);
    const scores = Array.from({ length: S + T }, (_, s) => {
      if (s - S > t!) return Number.NEGATIVE_INFINITY;
      let sum = s < S ? pick(past!.mask, [0, 0, 0, s]) : 0;
      for (let j = 0; j < d; j++) sum += pick(q, [b!, h!, t!, j]) * key(s, j);
      return sum;
    });
    const top = Math.max(...scores);
    const weights = scores.map((score) => Math.exp(score - top));
    const total = weights.reduce((a, c) => a + c, 0);
    return weights.reduce((sum, w, s) => (w === 0 ? sum : sum + (w / total) * value(s)), 0);
  });
}

function conv2d(x: Plain, weight: Plain, bias: Plain | undefined, options: ConvOptions): Plain {
  const [B, C, h, w] = x.shape as [number, number, number, number];
  const [out, , kh, kw] = weight.shape as [number, number, number, number];
  const { top, left, bottom, right } = options.padding;
  const [stride, dilation] = [options.stride ?? 1, options.dilation ?? 1];
  const cells = (size: number, padding: number, kernel: number): number =>
    Math.floor((size + padding - dilation * (kernel - 1) - 1) / stride) + 1;
  return build([B, out, cells(h, top + bottom, kh), cells(w, left + right, kw)], ([b, o, y, z]) => {
    let sum = bias?.data[o!] ?? 0;
    for (let c = 0; c < C; c++) {
      for (let i = 0; i < kh; i++) {
        for (let j = 0; j < kw; j++) {
          const [row, column] = [y! * stride + i * dilation - top, z! * stride + j * dilation - left];
          if (row < 0 || row >= h || column < 0 || column >= w) continue;
          sum +=
            x.data[((b! * C + c) * h + row) * w + column]! * weight.data[((o! * C + c) * kh + i) * kw + j]!;
        }
      }
    }
    return sum;
  });
}

function resolved(x: Plain, wanted: readonly Dim[]): number[] {
  const shape = wanted.map((d, i) => (typeof d === "number" ? d : x.shape[i]!));
  const known = shape.filter((d) => d !== -1).reduce((n, d) => n * d, 1);
  return shape.map((d) => (d === -1 ? x.data.length / known : d));
}

const reshape = (x: Plain, shape: readonly Dim[]): Plain => plain(resolved(x, shape), x.data, x.whole);

const transpose = (x: Plain, axes: readonly number[]): Plain =>
  build(
    axes.map((a) => x.shape[a]!),
    (index) => {
      const from = x.shape.map(() => 0);
      for (const [i, a] of axes.entries()) from[a] = index[i]!;
      return pick(x, from);
    },
    x.whole,
  );

const chunk = (x: Plain, parts: number, axis: number): Plain[] => {
  const size = x.shape[axisOf(axis, x)]! / parts;
  return Array.from({ length: parts }, (_, i) => slice(x, axis, i * size, (i + 1) * size));
};

/** Those of the 3 x 3 cells around a place that lie inside. */
function around(x: Plain, [b, c, y, z]: readonly [number, number, number, number]): number[] {
  const [, , h, w] = x.shape as [number, number, number, number];
  const near = (at: number, end: number): number[] => [at - 1, at, at + 1].filter((i) => i >= 0 && i < end);
  return near(y, h).flatMap((row) => near(z, w).map((column) => pick(x, [b, c, row, column])));
}

export const plainOps: Ops<Plain> = {
  shape: (x) => x.shape,
  constant: (values, shape) => plain(shape, Float32Array.from(values)),
  integers: (values, shape) => plain(shape, values, true),
  add: pairwise((x, y) => x + y),
  sub: pairwise((x, y) => x - y),
  mul: pairwise((x, y) => x * y),
  mulAdd: (a, b, c) => plainOps.add(plainOps.mul(a, b), c),
  clamp: (x, low, high) => each(x, (v) => Math.min(Math.max(v, low), high)),
  relu: (x) => each(x, (v) => Math.max(v, 0)),
  silu: (x) => each(x, (v) => v / (1 + Math.exp(-v))),
  gelu: (x) => each(x, (v) => (v / 2) * (1 + erf(v / Math.SQRT2))),
  linear,
  matmul,
  embedding: (table, ids) => {
    const row = volume(table.shape.slice(1));
    return plain(
      [...ids.shape, ...table.shape.slice(1)],
      [...ids.data].flatMap((id) => [...table.data.subarray(id * row, (id + 1) * row)]),
      table.whole,
    );
  },
  layerNorm: (x, scale, bias, epsilon) => {
    const normal = plain(x.shape, normalised(x.data, x.shape.at(-1)!, epsilon));
    return plainOps.add(plainOps.mul(normal, scale), bias);
  },
  groupNorm: (x, groups, weight, bias, epsilon) => {
    const [B, C] = x.shape as [number, number];
    const normal = plain(x.shape, normalised(x.data, x.data.length / (B * groups), epsilon));
    const channel = [C, 1, 1];
    return plainOps.add(plainOps.mul(normal, reshape(weight, channel)), reshape(bias, channel));
  },
  splitHeads: (qkv, heads) => {
    const [B, T, width] = qkv.shape as [number, number, number];
    const parts = chunk(qkv, 3, 2).map((x) =>
      transpose(reshape(x, [B, T, heads, width / 3 / heads]), [0, 2, 1, 3]),
    );
    return parts as [Plain, Plain, Plain];
  },
  mergeHeads: (x) => {
    const [B, H, T, d] = x.shape as [number, number, number, number];
    return reshape(transpose(x, [0, 2, 1, 3]), [B, T, H * d]);
  },
  attention,
  dropout: (x) => x,
  conv2d,
  upsampledConv: (x, weight, bias) => {
    const [B, C, h, w] = x.shape as [number, number, number, number];
    const doubled = build([B, C, 2 * h, 2 * w], ([b, c, y, z]) => pick(x, [b!, c!, y! >> 1, z! >> 1]));
    return conv2d(doubled, weight, bias, { padding: { top: 1, bottom: 1, left: 1, right: 1 } });
  },
  avgPool2: (x) => {
    const [B, C, h, w] = x.shape as [number, number, number, number];
    return build([B, C, Math.floor(h / 2), Math.floor(w / 2)], ([b, c, y, z]) => {
      const cell = (i: number, j: number): number =>
        x.data[((b! * C + c!) * h + 2 * y! + i) * w + 2 * z! + j]!;
      return (cell(0, 0) + cell(0, 1) + cell(1, 0) + cell(1, 1)) / 4;
    });
  },
  maxPool3: (x, stride) => {
    const [B, C, h, w] = x.shape as [number, number, number, number];
    const cells = (n: number): number => (stride === 1 ? n : Math.floor((n - 3) / 2) + 1);
    return build([B, C, cells(h), cells(w)], ([b, c, y, z]) =>
      Math.max(...around(x, [b!, c!, stride * y! + (stride - 1), stride * z! + (stride - 1)])),
    );
  },
  avgPool3: (x) =>
    build(x.shape, ([b, c, y, z]) => {
      const cells = around(x, [b!, c!, y!, z!]);
      return cells.reduce((sum, v) => sum + v, 0) / cells.length;
    }),
  sumLast: (x) =>
    build([...x.shape.slice(0, -1), 1], (index) => {
      let sum = 0;
      for (let i = 0; i < x.shape.at(-1)!; i++) sum += pick(x, [...index.slice(0, -1), i]);
      return sum;
    }),
  argminLast: (x) =>
    build(
      x.shape.slice(0, -1),
      (index) => {
        let best = 0;
        for (let i = 1; i < x.shape.at(-1)!; i++)
          if (pick(x, [...index, i]) < pick(x, [...index, best])) best = i;
        return best;
      },
      true,
    ),
  reshape,
  transpose,
  concat: (xs, axis) => {
    const a = axisOf(axis, xs[0]!);
    const sizes = xs.map((x) => x.shape[a]!);
    const shape = xs[0]!.shape.map((d, i) => (i === a ? sizes.reduce((n, s) => n + s, 0) : d));
    return build(
      shape,
      (index) => {
        let [part, there] = [0, index[a]!];
        while (there >= sizes[part]!) there -= sizes[part++]!;
        return at(xs[part]!, index, a, there);
      },
      xs[0]!.whole,
    );
  },
  chunk,
  slice,
  expandRows: (x, like) => build([like.shape[0]!, ...x.shape.slice(1)], (index) => pick(x, index), x.whole),
  scope: (fn) => fn(),
};
