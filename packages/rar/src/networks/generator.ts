/** The RAR generator (Yu et al. 2024): its training form over a whole image, and one step with a cache. */
import { type GeneratorConfig, vocabulary } from "../config/architecture.js";
import {
  type BlockModulation,
  type BlockWeights,
  block,
  blockModulation,
  blockWeights,
  type Dropout,
  EPSILON,
  foldNorms,
  type KeysValues,
  type LinearWeights,
  linearWeights,
  onePlus,
} from "./block.js";
import { type Ops, type Parameters, type Past, scoped, type Tap } from "./ops.js";

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

/** The final layer's modulation. c: SiLU of the condition's vector, [B, T, D] */
function finalModulation<T>(ops: Ops<T>, w: GeneratorWeights<T>, c: T): { scale: T; shift: T } {
  // The final layer cuts scale first, then shift: the reverse of the blocks.
  const [scale, shift] = ops.chunk(
    ops.linear(c, w.finalAdaLN.weight, w.finalAdaLN.bias), // [B, T, 2D]
    2,
    -1,
  ) as [T, T];
  return { scale: onePlus(ops, scale), shift };
}

/** Modulation of all layers, norms folded in. c: [B, T, D], the condition's embedding plus the step's. */
export function modulation<T>(ops: Ops<T>, w: GeneratorWeights<T>, c: T): Modulation<T> {
  const active = ops.silu(c);
  const { scale, shift } = finalModulation(ops, w, active);
  return {
    blocks: w.blocks.map((b) => foldNorms(ops, blockModulation(ops, b, active))),
    finalScale: scale,
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

/**
 * The reverse, where the vectors lie along `axis`: [B, T, parts * D] along -1, or [parts * B, T, D] along 0, all rows of the first
 * vector, then all of the second, ...
 */
export function unpackModulation<T>(ops: Ops<T>, packed: T, depth: number, axis: 0 | -1): Modulation<T> {
  const parts = ops.chunk(packed, 6 * depth + 2, axis); // parts x [B, T, D]
  const blocks = Array.from({ length: depth }, (_, i) => {
    const [shiftA, scaleA, gateA, shiftM, scaleM, gateM] = parts.slice(6 * i) as [T, T, T, T, T, T];
    return { shiftA, scaleA, gateA, shiftM, scaleM, gateM };
  });
  return { blocks, finalScale: parts[6 * depth] as T, finalShift: parts[6 * depth + 1] as T };
}

/** x: [B, T, D] -> logits [B, T, K] */
function head<T>(ops: Ops<T>, w: GeneratorWeights<T>, scale: T, shift: T, x: T, tap?: Tap<T>): T {
  const y = ops.layerNorm(x, scale, shift, EPSILON);
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

export interface ForwardOptions<T> {
  /** For training; absent: none. */
  readonly dropout?: Dropout | undefined;
  /** Without the last token's position, which predicts nothing and which no other sees: logits [B, L, K]. */
  readonly withoutLast?: boolean | undefined;
  readonly tap?: Tap<T> | undefined;
}

/**
 * The whole image at once: logits [B, L + 1, K]. Row j predicts the token at place j of the order; the last row
 * predicts nothing (REFERENCE 3.4).
 */
export function forward<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  inputs: TrainingInputs<T>,
  options: ForwardOptions<T> = {},
): T {
  const { x: entered, c } = scoped(ops, options.tap, () => enter(ops, config, w, inputs, options));
  const x = w.blocks.reduce((below, _, i) => trainingBlock(ops, config, w, i, below, c, options), entered);
  return scoped(ops, options.tap, () => leave(ops, w, x, c, options.tap));
}

/**
 * The way into the blocks. x: the input of block 0; c: SiLU of the modulation vector, for every layer; each [B, T, D] with
 * T = L + 2, or one less without the last position.
 */
export function enter<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  { tokens, condition, order }: TrainingInputs<T>,
  { withoutLast = false, tap }: ForwardOptions<T> = {},
): { x: T; c: T } {
  const { width: D, tokens: L } = config;
  const table = (t: T): T => ops.reshape(t, [-1, D]);
  const heard = (t: T): T => (withoutLast ? ops.slice(t, 1, 0, L - 1) : t); // [B, L], or L - 1
  const places = ops.add(order, ops.integers([2], [1])); // [B, L]: rows of P and T
  const conditionRow = ops.embedding(w.embeddings, condition); // [B, 1, D]

  const content = ops.concat([conditionRow, ops.embedding(w.embeddings, heard(tokens))], 1); // [B, T - 1, D]
  const where = ops.concat(
    [ops.expandRows(ops.slice(w.posEmbed, 1, 1, 2), tokens), ops.embedding(table(w.posEmbed), heard(places))],
    1,
  ); // [B, T - 1, D]
  // Each position is told the place that comes next; the last token has none.
  const told = ops.embedding(table(w.targetPosEmbed), places); // [B, L, D]
  const nothing = ops.constant(new Float32Array(D), [1, 1, D]);
  const next = withoutLast ? told : ops.concat([told, ops.expandRows(nothing, tokens)], 1); // [B, T - 1, D]
  const cls = ops.expandRows(ops.add(w.clsToken, ops.slice(w.posEmbed, 1, 0, 1)), tokens); // [B, 1, D]
  const x = ops.concat([cls, ops.add(ops.add(content, where), next)], 1); // [B, T, D]
  tap?.("embed", x);
  const steps = ops.slice(w.stepEmbed, 1, 0, withoutLast ? L + 1 : L + 2); // [1, T, D]
  return { x, c: ops.silu(ops.add(conditionRow, steps)) };
}

/** Block i with its own modulation. x, c: [B, T, D] */
export function trainingBlock<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  i: number,
  x: T,
  c: T,
  { dropout, tap }: ForwardOptions<T> = {},
): T {
  const weights = w.blocks[i] as BlockWeights<T>;
  const within: Tap<T> | undefined = tap && ((name, value) => tap(`block${i}.${name}`, value));
  const out = scoped(
    ops,
    tap,
    () => block(ops, weights, blockModulation(ops, weights, c), config.heads, x, { dropout, tap: within }).x,
  );
  tap?.(`block${i}`, out);
  return out;
}

/** From the last block's output to logits [B, T - 1, K]. x, c: [B, T, D] */
export function leave<T>(ops: Ops<T>, w: GeneratorWeights<T>, x: T, c: T, tap?: Tap<T>): T {
  const positions = ops.shape(x)[1] as number;
  const rest = (t: T): T => ops.slice(t, 1, 1, positions); // without the class token's position: [B, T - 1, D]
  const { scale, shift } = finalModulation(ops, w, rest(c));
  return head(ops, w, scale, shift, rest(x), tap);
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
  /** Rows of the position table, [T], or [B, T] where they differ (0 for the class token, 1 for the condition, {@link placeRow} for tokens). */
  readonly where: T;
  /** Rows of the target-aware table, likewise. */
  readonly next: T;
  /** Of those positions. */
  readonly modulation: Modulation<T>;
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
  const m = inputs.modulation;
  const cache = w.blocks.map((weights, i) => {
    const past = inputs.past[i];
    const out = block(ops, weights, m.blocks[i] as BlockModulation<T>, config.heads, x, { past });
    x = out.x;
    return out.cache;
  });
  return { logits: head(ops, w, m.finalScale, m.finalShift, x), cache };
}

/** Packed modulation of conditions at positions. condition, position: [N] ids -> [N, 1, parts * D] */
export function modulationTable<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  condition: T,
  position: T,
): T {
  const c = conditioning(ops, config, w, condition, position);
  return packModulation(ops, modulation(ops, w, ops.reshape(c, ["N", 1, config.width])));
}

/** What modulation comes from: the conditions' embeddings plus the positions'. condition, position: [N] ids -> [N, D] */
export function conditioning<T>(
  ops: Ops<T>,
  config: GeneratorConfig,
  w: GeneratorWeights<T>,
  condition: T,
  position: T,
): T {
  const steps = ops.reshape(w.stepEmbed, [-1, config.width]);
  return ops.add(ops.embedding(w.embeddings, condition), ops.embedding(steps, position));
}
