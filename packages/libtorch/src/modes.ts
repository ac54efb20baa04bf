/** Modes of the calling thread, each for the length of a function: gradients off, inference, autocast. */
import { type DType, dtypeCode, dtypeOf } from "./dtype.js";
import { native } from "./native.js";
import { refusePromise } from "./scope.js";

function withGrad<R>(enabled: boolean, name: string, fn: () => R): R {
  const before = native().gradEnabled();
  native().setGradEnabled(enabled);
  try {
    const result = fn();
    refusePromise(result, name);
    return result;
  } finally {
    native().setGradEnabled(before);
  }
}

/** Runs `fn` without recording for backward. */
export const noGrad = <R>(fn: () => R): R => withGrad(false, "noGrad", fn);

/** Runs `fn` with recording on, inside a {@link noGrad}. */
export const enableGrad = <R>(fn: () => R): R => withGrad(true, "enableGrad", fn);

export const isGradEnabled = (): boolean => native().gradEnabled();

/** Runs `fn` in PyTorch's inference mode: faster than {@link noGrad}, and its tensors can never take part in autograd. */
export function inferenceMode<R>(fn: () => R): R {
  native().enterInference();
  try {
    const result = fn();
    refusePromise(result, "inferenceMode");
    return result;
  } finally {
    native().leaveInference();
  }
}

export interface AutocastOptions {
  /** "cpu" or "cuda". */
  readonly device: string;
  /** "bfloat16", or "float16" where the device has it. */
  readonly dtype?: DType | undefined;
  readonly enabled?: boolean | undefined;
}

/**
 * Runs `fn` with products and convolutions in a smaller type. Run backward outside of it, as in PyTorch.
 * On libtorch 1.13 CPU autocast leaves layer_norm's input in bfloat16: convert it to float32 yourself there.
 * @throws {TypeError} for a dtype that is no smaller one
 */
export function autocast<R>({ device, dtype = "bfloat16", enabled = true }: AutocastOptions, fn: () => R): R {
  if (dtype !== "bfloat16" && dtype !== "float16")
    throw new TypeError(`Autocast computes in bfloat16 or float16, not in "${dtype}".`);
  const [wasEnabled, wasType] = native().enterAutocast(device, enabled, dtypeCode(dtype));
  try {
    const result = fn();
    refusePromise(result, "autocast");
    return result;
  } finally {
    native().leaveAutocast(device, wasEnabled, wasType);
  }
}

/** @internal What autocast does now on a device, as options that bring it back. */
export function autocastState(device: string): Required<AutocastOptions> {
  const [enabled, code] = native().enterAutocast(device, false, dtypeCode("bfloat16"));
  native().leaveAutocast(device, enabled, code);
  return { device, enabled, dtype: dtypeOf(code) };
}

/**
 * @internal Runs `fn` without grad and without keeping autocast's casts of weights: made without grad, they would be taken
 * again later in the same autocast, and those weights would get no gradient.
 */
export function noGradNoCasts<R>(fn: () => R): R {
  const before = native().setAutocastCache(false);
  try {
    return noGrad(fn);
  } finally {
    native().setAutocastCache(before);
  }
}
