/** The common 2-norm of gradients, and clipping by it. */
import { item } from "../create.js";
import { noGrad } from "../modes.js";
import { hasOperator } from "../operator.js";
import * as op from "../operators.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { namedParameters, type ParameterSet } from "./parameters.js";

export interface ClipOptions {
  /** Throw when the norm is NaN or infinite, before any gradient is changed. On CUDA this waits for the device. */
  readonly errorIfNonfinite?: boolean | undefined;
}

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), where `norm` is the 2-norm of all of them together.
 * Parameters without a gradient are skipped.
 *
 * As in PyTorch a norm that is not finite is not caught by default: an infinite one makes finite gradients zero and
 * infinite ones NaN, and NaN makes all of them NaN.
 *
 * @returns the norm before clipping, a tensor of one number, on the device of the first gradient: `item()` reads it
 * @throws {RangeError} when `maxNorm` is not above 0, or with `errorIfNonfinite` when the norm is not finite
 */
export function clipGradNorm(parameters: ParameterSet, maxNorm: number, options: ClipOptions = {}): Tensor {
  if (!(maxNorm > 0)) throw new RangeError(`maxNorm must be above 0, it is ${maxNorm}.`);
  return noGrad(() =>
    scope(() => {
      const norm = gradNorm(parameters);
      if (options.errorIfNonfinite && !item(op.isfinite(norm)))
        throw new RangeError(`The gradients' norm is ${item(norm)}: they cannot be clipped.`);
      const factor = op.clamp(op.mul(op.reciprocal(op.add(norm, 1e-6)), maxNorm), null, 1);
      const gradients = gradientsOf(parameters);
      if (gradients.length === 0) return norm;
      if (hasOperator("_foreach_mul_", "Tensor") && gradients.every((g) => g.device === norm.device))
        op._foreach_mul_tensor_(gradients, factor);
      else for (const g of gradients) op.mul_(g, op.to(factor, { device: g.device }));
      return norm;
    }),
  );
}

/**
 * The 2-norm of all gradients together, as {@link clipGradNorm} returns it, and nothing else: 0 where there are none.
 */
export function gradNorm(parameters: ParameterSet): Tensor {
  return noGrad(() =>
    scope(() => {
      const gradients = gradientsOf(parameters);
      const first = gradients[0];
      if (!first) return op.zeros([]);
      const there = { device: first.device };
      const norms = op._foreach_norm(gradients).map((n) => (n.device === first.device ? n : op.to(n, there)));
      return op.linalg_vector_norm(op.stack(norms));
    }),
  );
}

const gradientsOf = (parameters: ParameterSet): Tensor[] =>
  namedParameters(parameters).flatMap(([, x]) => x.grad ?? []);
