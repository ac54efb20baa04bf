/** Rows of tokens made ready for the network: classes dropped, orders drawn, on the device, tokens in their order. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { conditionId, type GeneratorConfig, noneId } from "../config/architecture.js";
import type { TokenBatch } from "../data/token-rows.js";
import type { TrainingInputs } from "../networks/generator.js";
import { dropsClass, sampleOrder } from "./orders.js";

export interface MicroBatch {
  readonly batch: TokenBatch;
  /** Number of each row's sample since the start of training, over all ranks, [rows]. */
  readonly positions: ArrayLike<number>;
  /** Given instead of drawn, for comparisons: orders [rows, L], condition ids [rows]. */
  readonly orders?: Int32Array | undefined;
  readonly conditions?: Int32Array | undefined;
}

export interface DrawSettings {
  readonly seed: number;
  /** Probabilities of a random order and of a dropped class. */
  readonly randomRatio: number;
  readonly classDropout: number;
  /** The order that is not random, [L]. */
  readonly order: Int32Array;
}

/** Orders [rows, L] and condition ids [rows] of a micro-batch, as given or drawn. */
export function drawn(
  config: GeneratorConfig,
  { batch, positions, orders, conditions }: MicroBatch,
  { seed, randomRatio, classDropout, order }: DrawSettings,
): { orders: Int32Array; conditions: Int32Array } {
  const { rows } = batch;
  const L = config.tokens;
  if (batch.tokens.length !== rows * L || batch.classes.length !== rows || positions.length !== rows)
    throw new RangeError(
      `A batch of ${rows} rows needs ${rows * L} tokens and ${rows} classes and positions, not ${batch.tokens.length}, ${batch.classes.length} and ${positions.length}.`,
    );
  const badToken = batch.tokens.find((token) => !(token >= 0 && token < config.codebookSize));
  if (badToken !== undefined)
    throw new RangeError(`A batch has the token ${badToken}: the codes are 0 to ${config.codebookSize - 1}.`);
  const badClass = batch.classes.find((label) => !(label >= 0 && label < config.classes));
  if (badClass !== undefined)
    throw new RangeError(`A batch has the class ${badClass}: they are 0 to ${config.classes - 1}.`);
  const made = orders ?? new Int32Array(rows * L);
  if (!orders)
    for (let row = 0; row < rows; row++)
      sampleOrder(seed, positions[row]!, randomRatio, order, made.subarray(row * L, (row + 1) * L));
  const ids =
    conditions ??
    Int32Array.from(batch.classes, (label, row) =>
      dropsClass(seed, positions[row]!, classDropout) ? noneId(config) : conditionId(config, label),
    );
  return { orders: made, conditions: ids };
}

/** The network's inputs on a device, in one copy. Tokens come in raster order and leave in the order of generation. */
export function inputsOf(
  config: GeneratorConfig,
  { tokens, rows }: TokenBatch,
  { orders, conditions }: { readonly orders: Int32Array; readonly conditions: Int32Array },
  device: string,
): TrainingInputs<Tensor> {
  const L = config.tokens;
  const all = new Int32Array(rows * (2 * L + 1));
  all.set(tokens);
  all.set(orders, rows * L);
  all.set(conditions, 2 * rows * L);
  return torch.scope(() => {
    const host = torch.tensor(all);
    // From pinned memory the copy does not wait for what the device still computes.
    const there = device === "cpu" ? host : torch.to(torch.pin_memory(host), { device, non_blocking: true });
    const ids = torch.to(there, { dtype: "int64" });
    const part = (from: number, width: number): Tensor =>
      torch.view(torch.narrow(ids, 0, from, rows * width), [rows, width]);
    const order = part(rows * L, L);
    return {
      tokens: torch.gather(part(0, L), 1, order), // [B, L]
      condition: part(2 * rows * L, 1), // [B, 1]
      order, // [B, L]
    };
  });
}
