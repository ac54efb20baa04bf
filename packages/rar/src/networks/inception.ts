/**
 * Inception v3 as the benchmark's metrics use it: the network of TensorFlow's 2015-12-05 graph, under the names of its
 * published PyTorch conversion. It differs from the usual one in its pools (EVALUATION 4).
 */
import type { Ops, Parameters, Tap } from "./ops.js";

/** Side of the pictures it takes. */
export const INCEPTION_SIDE = 299;
/** Numbers of the pooled features. */
export const POOLED = 2048;
/** Numbers of the spatial features: 7 channels of 17 x 17 places. */
export const SPATIAL = 7 * 17 * 17;
/** Outputs of the classifier. */
export const INCEPTION_CLASSES = 1008;
/** Of the batch norms. */
export const BATCH_NORM_EPSILON = 1e-3;

export interface InceptionFeatures<T> {
  /** [B, 2048] */
  readonly pooled: T;
  /** [B, 2023]: place by place, the channels of one place side by side. */
  readonly spatial: T;
  /** Of the classifier without its bias, [B, 1008]. */
  readonly logits: T;
}

/**
 * A convolution, its batch norm folded into weight and bias, and ReLU. Parameters `NAME.weight` and `NAME.bias` come
 * from {@link foldedInception}.
 */
type Unit<T> = (name: string, x: T, options?: { stride?: 1 | 2; padding?: readonly [number, number] }) => T;

/** x: [B, 3, 299, 299], (pixel - 128) / 128 */
export function inception<T>(ops: Ops<T>, get: Parameters<T>, x: T, tap?: Tap<T>): InceptionFeatures<T> {
  const unit: Unit<T> = (name, input, { stride = 1, padding: [v, h] = [0, 0] } = {}) =>
    ops.relu(
      ops.conv2d(input, get(`${name}.weight`), get(`${name}.bias`), {
        stride,
        padding: { top: v, bottom: v, left: h, right: h },
      }),
    );
  const stage = (name: string, make: () => T): void => {
    x = ops.scope(make);
    tap?.(name, x);
  };
  stage("Conv2d_1a_3x3", () => unit("Conv2d_1a_3x3", x, { stride: 2 })); // 149
  stage("Conv2d_2a_3x3", () => unit("Conv2d_2a_3x3", x)); // 147
  stage("Conv2d_2b_3x3", () => unit("Conv2d_2b_3x3", x, { padding: [1, 1] }));
  stage("MaxPool_1", () => ops.maxPool3(x, 2)); // 73
  stage("Conv2d_3b_1x1", () => unit("Conv2d_3b_1x1", x));
  stage("Conv2d_4a_3x3", () => unit("Conv2d_4a_3x3", x)); // 71
  stage("MaxPool_2", () => ops.maxPool3(x, 2)); // 35
  for (const name of ["Mixed_5b", "Mixed_5c", "Mixed_5d"]) stage(name, () => blockA(ops, unit, name, x));
  stage("Mixed_6a", () => reductionA(ops, unit, "Mixed_6a", x)); // 17
  stage("Mixed_6b", () => blockB(ops, unit, "Mixed_6b", x));
  stage("Mixed_6c", () => blockB(ops, unit, "Mixed_6c", x));
  // sFID's features are the first branch of this block, after batch norm and ReLU.
  const branch = unit("Mixed_6d.branch1x1", x); // [B, 192, 17, 17]
  tap?.("spatial", branch);
  stage("Mixed_6d", () => blockB(ops, unit, "Mixed_6d", x, branch));
  stage("Mixed_6e", () => blockB(ops, unit, "Mixed_6e", x));
  stage("Mixed_7a", () => reductionB(ops, unit, "Mixed_7a", x)); // 8
  stage("Mixed_7b", () => blockC(ops, unit, "Mixed_7b", x, ops.avgPool3));
  stage("Mixed_7c", () => blockC(ops, unit, "Mixed_7c", x, (y) => ops.maxPool3(y, 1))); // by max: so it was trained
  const places = ops.transpose(ops.slice(branch, 1, 0, 7), [0, 2, 3, 1]); // [B, 17, 17, 7]
  const sums = ops.sumLast(ops.reshape(x, [ops.shape(x)[0]!, POOLED, 64])); // [B, 2048, 1]
  const pooled = ops.reshape(ops.mul(sums, ops.constant([1 / 64], [1])), [ops.shape(x)[0]!, POOLED]);
  return {
    pooled,
    spatial: ops.reshape(places, [ops.shape(x)[0]!, SPATIAL]),
    logits: ops.linear(pooled, get("fc.weight")),
  };
}

const SAME: { readonly padding: readonly [number, number] } = { padding: [1, 1] };

function blockA<T>(ops: Ops<T>, unit: Unit<T>, name: string, x: T): T {
  const b5 = unit(`${name}.branch5x5_2`, unit(`${name}.branch5x5_1`, x), { padding: [2, 2] });
  const b3 = unit(`${name}.branch3x3dbl_2`, unit(`${name}.branch3x3dbl_1`, x), SAME);
  return ops.concat(
    [
      unit(`${name}.branch1x1`, x),
      b5,
      unit(`${name}.branch3x3dbl_3`, b3, SAME),
      unit(`${name}.branch_pool`, ops.avgPool3(x)),
    ],
    1,
  );
}

function reductionA<T>(ops: Ops<T>, unit: Unit<T>, name: string, x: T): T {
  const b3 = unit(`${name}.branch3x3dbl_2`, unit(`${name}.branch3x3dbl_1`, x), SAME);
  return ops.concat(
    [
      unit(`${name}.branch3x3`, x, { stride: 2 }),
      unit(`${name}.branch3x3dbl_3`, b3, { stride: 2 }),
      ops.maxPool3(x, 2),
    ],
    1,
  );
}

const ACROSS: { readonly padding: readonly [number, number] } = { padding: [0, 3] }; // kernel 1 x 7
const DOWN: { readonly padding: readonly [number, number] } = { padding: [3, 0] }; // kernel 7 x 1

function blockB<T>(
  ops: Ops<T>,
  unit: Unit<T>,
  name: string,
  x: T,
  first: T = unit(`${name}.branch1x1`, x),
): T {
  let b7 = unit(`${name}.branch7x7_1`, x);
  b7 = unit(`${name}.branch7x7_2`, b7, ACROSS);
  b7 = unit(`${name}.branch7x7_3`, b7, DOWN);
  let double = unit(`${name}.branch7x7dbl_1`, x);
  double = unit(`${name}.branch7x7dbl_2`, double, DOWN);
  double = unit(`${name}.branch7x7dbl_3`, double, ACROSS);
  double = unit(`${name}.branch7x7dbl_4`, double, DOWN);
  double = unit(`${name}.branch7x7dbl_5`, double, ACROSS);
  return ops.concat([first, b7, double, unit(`${name}.branch_pool`, ops.avgPool3(x))], 1);
}

function reductionB<T>(ops: Ops<T>, unit: Unit<T>, name: string, x: T): T {
  const b3 = unit(`${name}.branch3x3_2`, unit(`${name}.branch3x3_1`, x), { stride: 2 });
  let b7 = unit(`${name}.branch7x7x3_1`, x);
  b7 = unit(`${name}.branch7x7x3_2`, b7, ACROSS);
  b7 = unit(`${name}.branch7x7x3_3`, b7, DOWN);
  b7 = unit(`${name}.branch7x7x3_4`, b7, { stride: 2 });
  return ops.concat([b3, b7, ops.maxPool3(x, 2)], 1);
}

function blockC<T>(ops: Ops<T>, unit: Unit<T>, name: string, x: T, pool: (x: T) => T): T {
  /** 1 x 3 and 3 x 1 side by side. */
  const both = (of: string, y: T): T =>
    ops.concat([unit(`${of}a`, y, { padding: [0, 1] }), unit(`${of}b`, y, { padding: [1, 0] })], 1);
  const b3 = both(`${name}.branch3x3_2`, unit(`${name}.branch3x3_1`, x));
  const deep = unit(`${name}.branch3x3dbl_2`, unit(`${name}.branch3x3dbl_1`, x), SAME);
  return ops.concat(
    [
      unit(`${name}.branch1x1`, x),
      b3,
      both(`${name}.branch3x3dbl_3`, deep),
      unit(`${name}.branch_pool`, pool(x)),
    ],
    1,
  );
}
