/** The transformer block of RAR: adaLN-Zero conditioning, query/key norm, exact GELU (REFERENCE 3.3). */
import { type Ops, type Parameters, type Past, scoped, type Tap } from "./ops.js";

/** LayerNorm's epsilon everywhere in the generator; not PyTorch's default. */
export const EPSILON = 1e-6;

export interface LinearWeights<T> {
  readonly weight: T; // [out, in]
  readonly bias: T; // [out]
}

export interface NormWeights<T> {
  readonly weight: T; // [D]
  readonly bias: T; // [D]
}

export interface BlockWeights<T> {
  readonly norm1: NormWeights<T>;
  readonly norm2: NormWeights<T>;
  readonly qkv: LinearWeights<T>; // D -> 3D
  readonly qNorm: NormWeights<T>; // [d], shared by the heads
  /** The query's norm with the scores' 1 / sqrt(d), where it was folded once for many steps ({@link foldQueryNorm}). */
  readonly qScaled?: NormWeights<T>;
  readonly kNorm: NormWeights<T>;
  readonly proj: LinearWeights<T>; // D -> D
  readonly fc1: LinearWeights<T>; // D -> F
  readonly fc2: LinearWeights<T>; // F -> D
  readonly adaLN: LinearWeights<T>; // D -> 6D
}

export const linearWeights = <T>(get: Parameters<T>, name: string): LinearWeights<T> => ({
  weight: get(`${name}.weight`),
  bias: get(`${name}.bias`),
});

export function blockWeights<T>(get: Parameters<T>, index: number): BlockWeights<T> {
  const part = (name: string): LinearWeights<T> => linearWeights(get, `blocks.${index}.${name}`);
  return {
    norm1: part("norm1"),
    norm2: part("norm2"),
    qkv: part("attn.qkv"),
    qNorm: part("attn.q_norm"),
    kNorm: part("attn.k_norm"),
    proj: part("attn.proj"),
    fc1: part("mlp.fc1"),
    fc2: part("mlp.fc2"),
    adaLN: part("adaLN_modulation.1"),
  };
}

/** What conditioning does to one block, per row and position, each [B, T, D]: LN(x) * scale + shift, and gates. */
export interface BlockModulation<T> {
  readonly shiftA: T;
  readonly scaleA: T;
  readonly gateA: T;
  readonly shiftM: T;
  readonly scaleM: T;
  readonly gateM: T;
  /** The norms' own weights, where they are not folded into scale and shift. */
  readonly norm1?: NormWeights<T>;
  readonly norm2?: NormWeights<T>;
}

/** The six modulation vectors of a block. c: SiLU of the condition's vector, [B, T, D] */
export function blockModulation<T>(ops: Ops<T>, w: BlockWeights<T>, c: T): BlockModulation<T> {
  const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = ops.chunk(
    ops.linear(c, w.adaLN.weight, w.adaLN.bias), // [B, T, 6D]
    6,
    -1,
  ) as [T, T, T, T, T, T];
  const { norm1, norm2 } = w;
  return {
    shiftA,
    scaleA: onePlus(ops, scaleA),
    gateA,
    shiftM,
    scaleM: onePlus(ops, scaleM),
    gateM,
    norm1,
    norm2,
  };
}

export const onePlus = <T>(ops: Ops<T>, x: T): T => ops.add(x, ops.constant([1], []));

/** The same with the norms' weights folded in, which pays where a modulation is kept and used again. */
export function foldNorms<T>(ops: Ops<T>, m: BlockModulation<T>): BlockModulation<T> {
  const fold = (scale: T, shift: T, norm?: NormWeights<T>): { scale: T; shift: T } =>
    norm
      ? { scale: ops.mul(scale, norm.weight), shift: ops.add(ops.mul(scale, norm.bias), shift) }
      : { scale, shift };
  const a = fold(m.scaleA, m.shiftA, m.norm1);
  const b = fold(m.scaleM, m.shiftM, m.norm2);
  return {
    shiftA: a.shift,
    scaleA: a.scale,
    gateA: m.gateA,
    shiftM: b.shift,
    scaleM: b.scale,
    gateM: m.gateM,
  };
}

/** LN(x) * scale + shift. x, scale, shift: [B, T, D] */
const modulate = <T>(ops: Ops<T>, x: T, norm: NormWeights<T> | undefined, scale: T, shift: T): T =>
  norm
    ? ops.mulAdd(ops.layerNorm(x, norm.weight, norm.bias, EPSILON), scale, shift)
    : ops.layerNorm(x, scale, shift, EPSILON);

/** Shares that training drops (REFERENCE 3.3). */
export interface Dropout {
  /** After the attention's projection, after GELU and after the MLP. */
  readonly hidden: number;
  /** Of the attention's probabilities. */
  readonly attention: number;
}

export interface BlockOptions<T> {
  /** Keys and values of the positions before. */
  readonly past?: Past<T> | undefined;
  readonly dropout?: Dropout | undefined;
  readonly tap?: Tap<T> | undefined;
}

/** What a block leaves for later positions. k (after its norm), v: [B, H, T, d] */
export interface KeysValues<T> {
  readonly k: T;
  readonly v: T;
}

/** Transformer block. x: [B, T, D] -> [B, T, D]; with `past`, T new positions after S cached ones. */
export function block<T>(
  ops: Ops<T>,
  w: BlockWeights<T>,
  m: BlockModulation<T>,
  heads: number,
  x: T,
  options: BlockOptions<T> = {},
): { x: T; cache: KeysValues<T> } {
  const { tap } = options;
  const { x: heard, cache } = scoped(ops, tap, () => {
    const attended = attention(ops, w, heads, modulate(ops, x, m.norm1, m.scaleA, m.shiftA), options);
    tap?.("attn", attended.x);
    return { x: ops.mulAdd(m.gateA, attended.x, x), cache: attended.cache }; // [B, T, D]
  });
  const thought = scoped(ops, tap, () => {
    const widened = mlp(ops, w, modulate(ops, heard, m.norm2, m.scaleM, m.shiftM), options.dropout);
    tap?.("mlp", widened);
    return ops.mulAdd(m.gateM, widened, heard); // [B, T, D]
  });
  return { x: thought, cache };
}

const headWidth = <T>(ops: Ops<T>, norm: NormWeights<T>): number => ops.shape(norm.weight)[0] as number;

/** Scores are divided by sqrt(d): in the query's norm that costs nothing. */
export function foldQueryNorm<T>(ops: Ops<T>, norm: NormWeights<T>): NormWeights<T> {
  const factor = ops.constant([1 / Math.sqrt(headWidth(ops, norm))], [1]);
  return { weight: ops.mul(norm.weight, factor), bias: ops.mul(norm.bias, factor) };
}

function attention<T>(
  ops: Ops<T>,
  w: BlockWeights<T>,
  heads: number,
  x: T,
  { past, dropout, tap }: BlockOptions<T>,
): { x: T; cache: KeysValues<T> } {
  const [q0, k0, v] = ops.splitHeads(ops.linear(x, w.qkv.weight, w.qkv.bias), heads); // 3 x [B, H, T, d]
  const scaled = w.qScaled ?? foldQueryNorm(ops, w.qNorm);
  const q = ops.layerNorm(q0, scaled.weight, scaled.bias, EPSILON);
  const k = ops.layerNorm(k0, w.kNorm.weight, w.kNorm.bias, EPSILON);
  tap?.("q_norm", ops.mul(q, ops.constant([Math.sqrt(headWidth(ops, w.qNorm))], [1])));
  tap?.("k_norm", k);
  const heard = ops.mergeHeads(ops.attention(q, k, v, past, dropout?.attention)); // [B, T, D]
  const projected = ops.linear(heard, w.proj.weight, w.proj.bias); // [B, T, D]
  return { x: dropped(ops, projected, dropout), cache: { k, v } };
}

function mlp<T>(ops: Ops<T>, w: BlockWeights<T>, x: T, dropout: Dropout | undefined): T {
  const hidden = dropped(ops, ops.gelu(ops.linear(x, w.fc1.weight, w.fc1.bias)), dropout); // [B, T, F]
  return dropped(ops, ops.linear(hidden, w.fc2.weight, w.fc2.bias), dropout); // [B, T, D]
}

const dropped = <T>(ops: Ops<T>, x: T, dropout: Dropout | undefined): T =>
  dropout ? ops.dropout(x, dropout.hidden) : x;
