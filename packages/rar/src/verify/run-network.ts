/** The training form of the generator on host arrays, for checks and studies. */
import type { GeneratorConfig } from "../config/architecture.js";
import type { Engine, HostArray } from "../engines/engine.js";
import { forward, generatorWeights } from "../networks/generator.js";
import type { Ops, Parameters, Tap } from "../networks/ops.js";
import type { TensorSource } from "../weights/tensor-file.js";

export interface ForwardInputs {
  /** Image tokens in raster order, [rows][L]. */
  readonly tokens: readonly ArrayLike<number>[];
  /** Condition ids, one a row. */
  readonly conditions: ArrayLike<number>;
  /** Order of each row; raster order when absent. */
  readonly orders?: readonly ArrayLike<number>[] | undefined;
}

/** Logits [rows, L + 1, K] as `logits`, and with `taps` every intermediate value under its name. */
export function runForward(
  engine: Engine,
  config: GeneratorConfig,
  weights: TensorSource,
  { tokens, conditions, orders }: ForwardInputs,
  taps = false,
): Promise<Record<string, HostArray>> {
  const [B, L] = [tokens.length, config.tokens];
  const order = new Int32Array(B * L);
  const ordered = new Int32Array(B * L);
  for (let row = 0; row < B; row++) {
    for (let place = 0; place < L; place++) {
      const index = orders ? orders[row]![place]! : place;
      order[row * L + place] = index;
      ordered[row * L + place] = tokens[row]![index]!;
    }
  }
  const inputs = {
    tokens: { data: ordered, shape: [B, L] },
    condition: { data: Int32Array.from(conditions), shape: [B, 1] },
    order: { data: order, shape: [B, L] },
  };
  return engine.evaluate(
    <T>(ops: Ops<T>, get: Parameters<T>, given: Readonly<Record<string, T>>) => {
      const outputs: Record<string, T> = {};
      const tap: Tap<T> | undefined = taps
        ? (name, value) => {
            outputs[name] = value;
          }
        : undefined;
      const named = given as Record<"tokens" | "condition" | "order", T>;
      outputs.logits = forward(ops, config, generatorWeights(config, get), named, { tap });
      return outputs;
    },
    weights,
    inputs,
  );
}

/** Mean cross-entropy (nats a token) and share of right guesses over rows of logits [rows, L + 1, K]. */
export function crossEntropy(
  logits: Float32Array,
  labels: readonly ArrayLike<number>[],
  codes: number,
): { loss: number; accuracy: number; byRow: number[] } {
  const L = labels[0]!.length;
  let right = 0;
  const byRow = labels.map((row, r) => {
    let sum = 0;
    for (let place = 0; place < L; place++) {
      const at = (r * (L + 1) + place) * codes;
      let best = 0;
      for (let code = 1; code < codes; code++) if (logits[at + code]! > logits[at + best]!) best = code;
      let total = 0;
      for (let code = 0; code < codes; code++) total += Math.exp(logits[at + code]! - logits[at + best]!);
      sum += Math.log(total) + logits[at + best]! - logits[at + row[place]!]!;
      if (best === row[place]) right++;
    }
    return sum / L;
  });
  const loss = byRow.reduce((a, b) => a + b, 0) / byRow.length;
  return { loss, accuracy: right / (labels.length * L), byRow };
}
