/** The RAR generator (Yu et al. 2024): its training form over a whole image, and one step with a cache. */
import { type GeneratorConfig, vocabulary } from "../config/architecture.js";
import {
  type BlockModulation,
  type BlockWeights,
  block,
  blockModulation,
  blockWeights,
  EPSILON,
  type KeysValues,
  type LinearWeights,
  linearWeights,
} from "./block.js";
import type { Ops, Parameters, Past, Tap } from "./ops.js";

export interface GeneratorWeights<T> {
  readonly clsToken: T; // [1, 1, D]
  readonly posEmbed: T; // P [1, L + 1024, D]: where a token is
  readonly targetPosEmbed: T; // T [1, L + 1024, D]: which place is predicted next
  readonly stepEmbed: T; // S [1, L + 100, D]: how many came before
  readonly embeddings: T; // E [K + N + 2, D]
  readonly blocks: readonly BlockWeights<T>[];
  readonly finalAdaLN: LinearWeights<T>; // D -> 2D
  readonly head: LinearWeights<T>; // D -> K
}

export function generatorWeights<T>(config: GeneratorConfig, get: Parameters<T>): GeneratorWeights<T> {
  return {
    clsToken: get("cls_token"),
    posEmbed: get("pos_embed"),
    targetPosEmbed: get("target_aware_pos_embed"),
    stepEmbed: get("timesteps_embeddings"),
    embeddings: get("embeddings.weight"),
    blocks: Array.from({ length: config.depth }, (_, i) => blockWeights(get, i)),
    finalAdaLN: linearWeights(get, "adaln_before_head.adaLN_modulation.1"),
    head: linearWeights(get, "lm_head"),
  };
}

/** What conditioning does to every layer, at some positions. */
export interface Modulation<T> {
  readonly blocks: readonly BlockModulation<T>[];
  readonly finalScale: T; // [B, T, D]
  readonly finalShift: T; // [B, T, D]
}

/** Modulation of all layers. c: [B, T, D], the condition's embedding plus the step's. */
export function modulation<T>(ops: Ops<T>, w: GeneratorWeights<T>, c: T): Modulation<T> {
  // The final layer cuts scale first, then shift: the reverse of the blocks.
  const [scale, shift] = ops.chunk(
    ops.linear(ops.silu(c), w.finalAdaLN.weight, w.finalAdaLN.bias), // [B, T, 2D]
    2,
    -1,
  ) as [T, T];
  return {
    blocks: w.blocks.map((b) => blockModulation(ops, b, c)),
    finalScale: ops.add(scale, ops.constant([1], [1])),
    finalShift: shift,
  };
}

/** Vectors of width D that make up one position's modulation: six a block, two for the final layer. */
export const modulationParts = (config: GeneratorConfig): number => 6 * config.depth + 2;

/** All modulation vectors side by side: [B, T, parts * D], to be kept and given to {@link step} later. */
export function packModulation<T>(ops: Ops<T>, m: Modulation<T>): T {
  const parts = m.blocks.flatMap((b) => [b.shiftA, b.scaleA, b.gateA, b.shiftM, b.scaleM, b.gateM]);
  return ops.concat([...parts, m.finalScale, m.finalShift], -1);
}

/** The reverse, from [parts * B, T, D]: all rows of the first vector, then all of the second, ... */
function unpackModulation<T>(ops: Ops<T>, packed: T, depth: number): Modulation<T> {
  const parts = ops.chunk(packed, 6 * depth + 2, 0); // parts x [B, T, D]
  const blocks = Array.from({ length: depth }, (_, i) => {
    const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = parts.slice(6 * i) as [T, T, T, T, T, T];
    return { shiftA, scaleA, gateA, shiftM, scaleM, gateM };
  });
  return { blocks, finalScale: parts[6 * depth] as T, finalShift: parts[6 * depth + 1] as T };
}

/** x: [B, T, D] -> logits [B, T, K] */
function head<T>(ops: Ops<T>, w: GeneratorWeights<T>, m: Modulation<T>, x: T, tap?: Tap<T>): T {
  const y = ops.layerNorm(x, m.finalScale, m.finalShift, EPSILON);
  tap?.("before_head", y);
  return ops.linear(y, w.head.weight, w.head.bias);
}

export interface TrainingInputs<T> {
  /** Image tokens in generation order, [B, L]. */
  readonly tokens: T;
  /** Condition ids (class + K + 1, or none), [B, 1]. */
  readonly condition: T;
  /** Place i holds the token of raster index order[i], [B, L]. */
  readonly order: T;
}

/**
 * The whole image at once: logits [B, L + 1, K]. Row j predicts the token at place j of the order; the last row
 * predicts nothing (REFERENCE 3.4).
 */
export function forward<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  { tokens, condition, order }: TrainingInputs<T>,
  tap?: Tap<T>,
): T {
  const { width: D, tokens: L } = config;
  const table = (t: T): T => ops.reshape(t, [-1, D]);
  const places = ops.add(order, ops.integers([2], [1])); // [B, L]: rows of P and T
  const conditionRow = ops.embedding(w.embeddings, condition); // [B, 1, D]

  const content = ops.concat([conditionRow, ops.embedding(w.embeddings, tokens)], 1); // [B, L + 1, D]
  const where = ops.concat(
    [ops.expandRows(ops.slice(w.posEmbed, 1, 1, 2), tokens), ops.embedding(table(w.posEmbed), places)],
    1,
  ); // [B, L + 1, D]
  // Each position is told the place that comes next; the last token has none.
  const next = ops.concat(
    [
      ops.embedding(table(w.targetPosEmbed), places),
      ops.expandRows(ops.constant(new Float32Array(D), [1, 1, D]), tokens),
    ],
    1,
  ); // [B, L + 1, D]
  const cls = ops.expandRows(ops.add(w.clsToken, ops.slice(w.posEmbed, 1, 0, 1)), tokens); // [B, 1, D]
  let x = ops.concat([cls, ops.add(ops.add(content, where), next)], 1); // [B, L + 2, D]
  tap?.("embed", x);

  const c = ops.add(conditionRow, ops.slice(w.stepEmbed, 1, 0, L + 2)); // [B, L + 2, D]
  const m = modulation(ops, w, c);
  w.blocks.forEach((weights, i) => {
    const within: Tap<T> | undefined = tap && ((name, value) => tap(`block${i}.${name}`, value));
    x = block(ops, weights, m.blocks[i] as BlockModulation<T>, config.heads, x, undefined, within).x;
    tap?.(`block${i}`, x);
  });
  const rest = (t: T): T => ops.slice(t, 1, 1, L + 2); // without the class token's position: [B, L + 1, D]
  return head(ops, w, { ...m, finalScale: rest(m.finalScale), finalShift: rest(m.finalShift) }, rest(x), tap);
}

/** Tables for {@link step}: content has the class token as its last row, next ends in a row of zeros. */
export interface InputTables<T> {
  readonly content: T; // [K + N + 3, D]
  readonly where: T; // [L + 1024, D]
  readonly next: T; // [L + 1025, D]
}

export function inputTables<T>(ops: Ops<T>, config: GeneratorConfig, w: GeneratorWeights<T>): InputTables<T> {
  const { width: D } = config;
  const table = (t: T): T => ops.reshape(t, [-1, D]);
  return {
    content: ops.concat([w.embeddings, table(w.clsToken)], 0),
    where: table(w.posEmbed),
    next: ops.concat([table(w.targetPosEmbed), ops.constant(new Float32Array(D), [1, D])], 0),
  };
}

/** The row of `content` that is the class token. */
export const clsId = (config: GeneratorConfig): number => vocabulary(config);
/** The row of `where` and `next` for a raster index. */
export const placeRow = (place: number): number => place + 2;
/** The row of `next` for "nothing comes next". */
export const noPlaceRow = (config: GeneratorConfig): number => config.tokens + 1024;

export interface StepInputs<T> {
  readonly tables: InputTables<T>;
  /** What stands at the new positions: token ids, condition ids or {@link clsId}, [B, T]. */
  readonly content: T;
  /** Rows of the position table, [T] (0 for the class token, 1 for the condition, {@link placeRow} for tokens). */
  readonly where: T;
  /** Rows of the target-aware table, [T]. */
  readonly next: T;
  /** Packed modulation of those positions, [parts * B, T, D]. */
  readonly modulation: T;
  /** Keys and values of the positions before, one entry a block. */
  readonly past: readonly Past<T>[];
}

/** T new positions after the cached ones: logits [B, T, K] and the keys and values to cache. */
export function step<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  inputs: StepInputs<T>,
): { logits: T; cache: KeysValues<T>[] } {
  const { tables } = inputs;
  const place = ops.add(ops.embedding(tables.where, inputs.where), ops.embedding(tables.next, inputs.next)); // [T, D]
  let x = ops.add(ops.embedding(tables.content, inputs.content), place); // [B, T, D]
  const m = unpackModulation(ops, inputs.modulation, config.depth);
  const cache = w.blocks.map((weights, i) => {
    const out = block(ops, weights, m.blocks[i] as BlockModulation<T>, config.heads, x, inputs.past[i]);
    x = out.x;
    return out.cache;
  });
  return { logits: head(ops, w, m, x), cache };
}

/** Packed modulation of conditions at positions. condition, position: [N] ids -> [N, 1, parts * D] */
export function modulationTable<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  condition: T,
  position: T,
): T {
  const steps = ops.reshape(w.stepEmbed, [-1, config.width]);
  const c = ops.add(ops.embedding(w.embeddings, condition), ops.embedding(steps, position)); // [N, D]
  return packModulation(ops, modulation(ops, w, ops.reshape(c, ["N", 1, config.width])));
}
