/**
 * The tensor operations the networks are written in. Networks own this interface and know nothing of the engines
 * that implement it: for one `T` is a node of a graph being traced, for another a tensor that is computed at once.
 */

/** A size: a number where it is known when the network is built, else a name such as "R" for the number of rows. */
export type Dim = number | string;

/** Zero padding of the two image axes. */
export interface Padding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

export interface ConvOptions {
  readonly padding: Padding;
  readonly stride?: number | undefined;
  readonly dilation?: number | undefined;
}

/** Keys and values of earlier positions. k, v: [B, H, S, d]; mask: [1, 1, 1, S], added to the scores. */
export interface Past<T> {
  readonly k: T;
  readonly v: T;
  readonly mask: T;
}

export interface Ops<T> {
  shape(x: T): readonly Dim[];

  /** float32 values that are part of the network. */
  constant(values: readonly number[] | Float32Array, shape: readonly number[]): T;
  /** Integer values (ids, positions) that are part of the network. */
  integers(values: readonly number[], shape: readonly number[]): T;

  /** Elementwise, with broadcasting. `add` and `mul` also take integers. */
  add(a: T, b: T): T;
  sub(a: T, b: T): T;
  mul(a: T, b: T): T;
  /** a * b + c; an engine may do it in one pass. */
  mulAdd(a: T, b: T, c: T): T;
  clamp(x: T, low: number, high: number): T;
  /** max(x, 0) */
  relu(x: T): T;
  /** x * sigmoid(x) */
  silu(x: T): T;
  /** Exact: x * Phi(x), by erf. */
  gelu(x: T): T;

  /** x wᵀ + bias over the last axis. x: [..., in], weight: [out, in], bias: [out] -> [..., out] */
  linear(x: T, weight: T, bias?: T): T;
  /** Batched product. a: [..., m, k], b: [..., k, n] */
  matmul(a: T, b: T): T;
  /** Rows of a table. table: [n, D], ids: [...] integers -> [..., D] */
  embedding(table: T, ids: T): T;

  /** Over the last axis. scale and bias: [D], or x's own shape. */
  layerNorm(x: T, scale: T, bias: T, epsilon: number): T;
  /** x: [B, C, h, w]; weight, bias: [C] */
  groupNorm(x: T, groups: number, weight: T, bias: T, epsilon: number): T;

  /** [B, T, 3D] -> q, k, v, each [B, H, T, d]: all of q first, then k, then v, heads inside. */
  splitHeads(qkv: T, heads: number): readonly [q: T, k: T, v: T];
  /** [B, H, T, d] -> [B, T, H d] */
  mergeHeads(x: T): T;
  /**
   * softmax(q kᵀ) v, with no scale of its own, where position t of the T new ones sees all of the past (through its mask) and the
   * new ones up to itself. q, k, v: [B, H, T, d] -> [B, H, T, d]
   *
   * @param dropout - share of the probabilities that training drops; see {@link Ops.dropout}
   */
  attention(q: T, k: T, v: T, past?: Past<T>, dropout?: number): T;
  /** Zero with probability `share`, else x / (1 - share). For training: an engine without gradients gives x. */
  dropout(x: T, share: number): T;

  /** x: [B, C, h, w], weight: [out, in, kh, kw] */
  conv2d(x: T, weight: T, bias: T | undefined, options: ConvOptions): T;
  /** A 3 x 3 convolution of x at twice its size (nearest neighbour), padded with zeros: [B, in, h, w] -> [B, out, 2h, 2w]. */
  upsampledConv(x: T, weight: T, bias: T | undefined): T;
  /** Mean of 2 x 2 cells; an odd last row or column is left out. */
  avgPool2(x: T): T;
  /** Largest of 3 x 3 cells. Stride 1 keeps the size, with nothing outside; stride 2 takes whole windows only. */
  maxPool3(x: T, stride: 1 | 2): T;
  /** Mean of those of 3 x 3 cells that lie inside the image; the size stays. */
  avgPool3(x: T): T;

  /** Sum over the last axis, which stays with size 1. */
  sumLast(x: T): T;
  /** Index of the smallest (first of equals) along the last axis, as integers; the axis goes. */
  argminLast(x: T): T;

  /** One size may be -1. The first may be a name, when it is x's own. */
  reshape(x: T, shape: readonly Dim[]): T;
  transpose(x: T, axes: readonly number[]): T;
  concat(xs: readonly T[], axis: number): T;
  /** Equal parts along an axis. */
  chunk(x: T, parts: number, axis: number): readonly T[];
  slice(x: T, axis: number, start: number, end: number): T;
  /** [1, ...] -> [rows, ...] with the first size of `like`. */
  expandRows(x: T, like: T): T;

  /** Runs `fn`; an engine that computes at once may then free what was made inside, except the result. */
  scope<R>(fn: () => R): R;
}

/** Gives a named parameter of a network as the engine's `T`. */
export type Parameters<T> = (name: string) => T;

/** Sees an intermediate value by name; for tests and `verify`. */
export type Tap<T> = (name: string, value: T) => void;

/** {@link Ops.scope}, unless somebody taps: what is tapped is to be read later. */
export const scoped = <T, R>(ops: Ops<T>, tap: Tap<T> | undefined, fn: () => R): R =>
  tap ? fn() : ops.scope(fn);
