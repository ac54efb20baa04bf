/**
 * How well a generator predicts tokens it was not trained on: mean cross-entropy with the class given, no dropout, in
 * the order of sampling. The figure that tells two generators over one tokenizer apart.
 */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { conditionId, type GeneratorConfig, noneId } from "../config/architecture.js";
import { named } from "../engines/torch/generator.js";
import { torchOps } from "../engines/torch/ops.js";
import { forward, generatorWeights } from "../networks/generator.js";
import { tokenLoss } from "./loss.js";

/** A generator's float32 weights on a device; what trains them fits as well as what has loaded them. */
export interface HeldOutModel {
  readonly config: GeneratorConfig;
  readonly parameters: ReadonlyMap<string, Tensor>;
}

/** Rows of tokens, as an open token file gives them. */
export interface HeldOutRows {
  readonly path: string;
  readonly rows: number;
  /** Tokens of a row, L. */
  readonly length: number;
  /** tokens: [n, L] in raster order, classes: [n] */
  read(indices: ArrayLike<number>): Promise<{ tokens: ArrayLike<number>; classes: ArrayLike<number> }>;
}

export interface HeldOutOptions {
  /** Rows to look at, from the first. Default: all of the file. */
  readonly limit?: number | undefined;
  /** Rows computed at once. Default 64. */
  readonly batch?: number | undefined;
  /** Place i holds the token of raster index order[i], [L]. Default: raster. */
  readonly order?: ArrayLike<number> | undefined;
  /** "none" gives every row the condition of dropped classes. Default "class". */
  readonly condition?: "class" | "none" | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface HeldOut {
  /** Mean cross-entropy in nats a token. */
  readonly loss: number;
  /** Share of places whose likeliest code is the token. */
  readonly accuracy: number;
  /** Rows looked at. */
  readonly rows: number;
}

/**
 * Loss of a generator on the rows of a token file, summed in float32 within a batch and in doubles over batches.
 *
 * @throws {RangeError} when there is no row, or the rows have another length than the generator's images
 */
export async function heldOutLoss(
  { config, parameters }: HeldOutModel,
  rows: HeldOutRows,
  options: HeldOutOptions = {},
): Promise<HeldOut> {
  const { batch = 64, condition = "class", order = raster(config.tokens), signal } = options;
  const count = Math.min(rows.rows, options.limit ?? rows.rows);
  if (!(count >= 1)) throw new RangeError(`"${rows.path}" has no rows to measure the held-out loss on.`);
  if (rows.length !== config.tokens) {
    throw new RangeError(
      `The rows of "${rows.path}" have ${rows.length} tokens, and the generator's images have ${config.tokens}: give the tokens of its own tokenizer.`,
    );
  }
  const device = parameters.values().next().value?.device ?? "cpu";
  const ops = torchOps({ device, dtype: "float32" });
  let [loss, right] = [0, 0];
  try {
    for (let first = 0; first < count; first += batch) {
      signal?.throwIfAborted();
      const size = Math.min(batch, count - first);
      const { tokens, classes } = await rows.read(Array.from({ length: size }, (_, i) => first + i));
      const conditions = Array.from(classes, (label) =>
        condition === "none" ? noneId(config) : conditionId(config, label),
      );
      torch.noGrad(() =>
        torch.scope(() => {
          const ids = (values: ArrayLike<number>, shape: number[]): Tensor =>
            torch.tensor(BigInt64Array.from(Array.from(values), BigInt), { shape, device });
          const places = torch.expand(ids(order, [1, config.tokens]), [size, config.tokens]); // [B, L]
          const ordered = torch.gather(ids(tokens, [size, config.tokens]), 1, places);
          const inputs = { tokens: ordered, condition: ids(conditions, [size, 1]), order: places };
          const logits = forward(ops, config, generatorWeights(config, named(parameters)), inputs);
          const found = tokenLoss(logits, ordered);
          loss += torch.item(found.loss) * size;
          right += torch.item(found.accuracy) * size;
        }),
      );
    }
  } finally {
    ops.dispose();
  }
  return { loss: loss / count, accuracy: right / count, rows: count };
}

const raster = (length: number): number[] => Array.from({ length }, (_, i) => i);
