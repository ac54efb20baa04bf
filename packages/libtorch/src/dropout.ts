/** Dropout on CPUs, where PyTorch's own spends most of its time on random numbers. */
import { native } from "./native.js";
import { adopt, slotOf, type Tensor } from "./tensor.js";

/**
 * Factors for dropout of x on a CPU, in x's shape and type: 0 with probability `share`, to the nearest multiple of 1/65536,
 * else what keeps the mean at 1. `mul(x, dropoutFactors(x, share))` does what `dropout(x, share, true)` does, with other random
 * numbers and several times as fast. They follow from the default generator, of which they take one number; the
 * number of threads does not matter.
 *
 * @param x - float32 or bfloat16 on a CPU
 * @throws {RangeError} unless 0 ≤ share ≤ 1
 */
export function dropoutFactors(x: Tensor, share: number): Tensor {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`Dropout takes a share from 0 to 1, not ${share}.`);
  return adopt(native().dropoutFactors(slotOf(x), share));
}
