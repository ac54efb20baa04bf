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

/**
 * What conditioning does to one block, per row and position, each [B, T, D]. The norm's own weight and bias are
 * folded in: LN(x) * scale + shift with scale = weight (1 + s), shift = bias (1 + s) + h.
 */
export interface BlockModulation<T> {
  readonly shiftA: T;
  readonly scaleA: T;
  readonly gateA: T;
  readonly shiftM: T;
  readonly scaleM: T;
  readonly gateM: T;
}

/** The six modulation vectors of a block from the condition. c: [B, T, D] */
export function blockModulation<T>(ops: Ops<T>, w: BlockWeights<T>, c: T): BlockModulation<T> {
  const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = ops.chunk(
    ops.linear(ops.silu(c), w.adaLN.weight, w.adaLN.bias), // [B, T, 6D]
    6,
    -1,
  ) as [T, T, T, T, T, T];
  const a = fold(ops, w.norm1, scaleA, shiftA);
  const m = fold(ops, w.norm2, scaleM, shiftM);
  return { shiftA: a.shift, scaleA: a.scale, gateA, shiftM: m.shift, scaleM: m.scale, gateM };
}

function fold<T>(ops: Ops<T>, norm: NormWeights<T>, scale: T, shift: T): { scale: T; shift: T } {
  const factor = ops.add(scale, ops.constant([1], [1])); // [B, T, D]
  return { scale: ops.mul(factor, norm.weight), shift: ops.add(ops.mul(factor, norm.bias), shift) };
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
  past?: Past<T>,
  tap?: Tap<T>,
): { x: T; cache: KeysValues<T> } {
  const { x: heard, cache } = scoped(ops, tap, () => {
    const attended = attention(ops, w, heads, ops.layerNorm(x, m.scaleA, m.shiftA, EPSILON), past, tap);
    tap?.("attn", attended.x);
    return { x: ops.add(x, ops.mul(m.gateA, attended.x)), cache: attended.cache }; // [B, T, D]
  });
  const thought = scoped(ops, tap, () => {
    const widened = mlp(ops, w, ops.layerNorm(heard, m.scaleM, m.shiftM, EPSILON));
    tap?.("mlp", widened);
    return ops.add(heard, ops.mul(m.gateM, widened)); // [B, T, D]
  });
  return { x: thought, cache };
}

function attention<T>(
  ops: Ops<T>,
  w: BlockWeights<T>,
  heads: number,
  x: T,
  past?: Past<T>,
  tap?: Tap<T>,
): { x: T; cache: KeysValues<T> } {
  const [q0, k0, v] = ops.splitHeads(ops.linear(x, w.qkv.weight, w.qkv.bias), heads); // 3 x [B, H, T, d]
  const d = ops.shape(w.qNorm.weight)[0] as number;
  const temper = ops.constant([1 / Math.sqrt(d)], [1]); // scores / sqrt(d), folded into the query's norm: it is free there
  const q = ops.layerNorm(q0, ops.mul(w.qNorm.weight, temper), ops.mul(w.qNorm.bias, temper), EPSILON);
  const k = ops.layerNorm(k0, w.kNorm.weight, w.kNorm.bias, EPSILON);
  tap?.("q_norm", ops.mul(q, ops.constant([Math.sqrt(d)], [1])));
  tap?.("k_norm", k);
  const heard = ops.mergeHeads(ops.attention(q, k, v, past)); // [B, T, D]
  return { x: ops.linear(heard, w.proj.weight, w.proj.bias), cache: { k, v } };
}

function mlp<T>(ops: Ops<T>, w: BlockWeights<T>, x: T): T {
  const hidden = ops.gelu(ops.linear(x, w.fc1.weight, w.fc1.bias)); // [B, T, F]
  return ops.linear(hidden, w.fc2.weight, w.fc2.bias); // [B, T, D]
}
