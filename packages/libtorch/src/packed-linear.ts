/** Linear layers whose weight lies in memory as oneDNN reads it: inference on CPUs, a third to a half faster than `linear`. */
import { hasOperator, operator } from "./operator.js";
import { scope } from "./scope.js";
import { adopt, slotOf, type Tensor } from "./tensor.js";

const reorder = operator("mkldnn::_reorder_linear_weight", "", "self batch_size");
const pointwise = operator("mkldnn::_linear_pointwise", "", "X W B attr scalars algorithm");

/** Rows that the order is chosen for; for other numbers of rows it is as good, but for a single one. */
const ROWS = 8;

/**
 * @param weight - [out, in], float32 or bfloat16, on the CPU, not to be trained
 * @returns the same numbers in another order, for {@link linearPacked} alone; nothing where this libtorch, processor, device
 *   or type cannot
 */
export function packLinear(weight: Tensor): Tensor | undefined {
  if (weight.device !== "cpu" || !hasOperator("mkldnn::_reorder_linear_weight")) return undefined;
  if (weight.dtype !== "float32" && weight.dtype !== "bfloat16") return undefined;
  try {
    return scope(() => adopt(reorder()(slotOf(weight), ROWS)));
  } catch {
    return undefined; // built without oneDNN, or a processor without the type
  }
}

/** x wᵀ + bias. x: [..., in], packed: of {@link packLinear}, bias: [out] -> [..., out]; without gradients. */
export const linearPacked = (x: Tensor, packed: Tensor, bias: Tensor | null = null): Tensor =>
  adopt(pointwise()(slotOf(x), slotOf(packed), bias ? slotOf(bias) : null, "none", [], ""));
