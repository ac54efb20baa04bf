/** Gradients: into the leaves, or as values. */
import { native } from "./native.js";
import { adopt, slotsOf, type Tensor } from "./tensor.js";

export interface BackwardOptions {
  /** Gradient of what is minimised with respect to each output; not needed for an output of one number. */
  readonly gradients?: readonly (Tensor | null)[] | undefined;
  /** Keep the graph for a second backward. */
  readonly retainGraph?: boolean | undefined;
  /** Record the backward pass itself, for derivatives of higher order. */
  readonly createGraph?: boolean | undefined;
  /** Only add to the gradients of these leaves. */
  readonly inputs?: readonly Tensor[] | undefined;
}

const listOf = (x: Tensor | readonly Tensor[]): readonly Tensor[] => (Array.isArray(x) ? x : [x as Tensor]);

/**
 * Adds d outputs / d leaf to the `grad` of every leaf that requires one.
 * @throws {RangeError} when `inputs` is given and empty
 */
export function backward(outputs: Tensor | readonly Tensor[], options: BackwardOptions = {}): void {
  const list = listOf(outputs);
  if (options.inputs?.length === 0)
    throw new RangeError("backward() was given no inputs: leave them out for the gradients of every leaf.");
  native().backward(
    slotsOf(list),
    slotsOf(options.gradients ?? list.map(() => null)),
    options.retainGraph ?? options.createGraph ?? false,
    options.createGraph ?? false,
    slotsOf(options.inputs ?? []),
  );
}

/** d outputs / d inputs as new tensors, null for an input that the outputs do not depend on; leaves' `grad` stays as it is. */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: Omit<BackwardOptions, "inputs"> = {},
): (Tensor | null)[] {
  const list = listOf(outputs);
  const slots = native().grad(
    slotsOf(list),
    slotsOf(inputs),
    slotsOf(options.gradients ?? list.map(() => null)),
    options.retainGraph ?? options.createGraph ?? false,
    options.createGraph ?? false,
  );
  return Array.from(slots, (slot) => (slot < 0 ? null : adopt(slot)));
}
