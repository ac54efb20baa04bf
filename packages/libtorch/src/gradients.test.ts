/**
 * Autograd of every differentiable operator of the allow-list against central finite differences, in float64, with the
 * recorded calls as they are: f(x + h) - f(x - h) over 2h with h = 1e-5 is right to about 1e-10 here, and TOLERANCE leaves
 * room for values of some thousands. What f is: all float results, each number weighted differently, added up.
 */
import { expect, it } from "vitest";
import { readList } from "../scripts/generate-operators.mjs";
import { grad } from "./autograd.js";
import { item, tensor } from "./create.js";
import { noGrad } from "./modes.js";
import { add, clone, mul, sum, transpose, view_as_real } from "./operators.js";
import { manualSeed } from "./runtime.js";
import { scope } from "./scope.js";
import { Tensor } from "./tensor.js";
import { type Case, callOperator, decode, inputTensor, materialize, recorded } from "./testing/recorded.js";
import { describeWithLibtorch } from "./testing/suite.js";

const STEP = 1e-5;
/** Relative to 1 + the derivative's size. */
const TOLERANCE = 1e-7;

/**
 * Operators without a derivative: made from nothing, whole numbers, truth values, cut off by purpose. view_as_real has
 * one, and a complex input; linalg_eigvals' derivative goes through it.
 */
const WITHOUT_DERIVATIVE = new Set(
  `zeros ones empty full arange linspace eye zeros_like ones_like empty_like full_like rand randn randint randperm
  pin_memory detach nonzero one_hot isfinite bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift
  eq ne lt le gt ge logical_and logical_or logical_not equal allclose argmax argmin any all bincount
  floor_divide multinomial view_as_real`.split(/\s+/),
);

/** Lists at once are for optimizers, which run without grad; not every version records them. */
const forOptimizers = (name: string): boolean => /^_(foreach|fused)_/.test(name);

/** They read one triangle of a matrix that they take for symmetric, so nudging one number is no derivative. */
const SYMMETRIC = new Set(["linalg_eigh", "linalg_eigvalsh", "linalg_cholesky"]);

interface Leaf {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** The float inputs of a call that can have a derivative, in order of appearance; undefined for the others. */
function leavesOf({ args, constant }: Case): (Leaf | undefined)[] {
  const leaves: (Leaf | undefined)[] = [];
  args.forEach((arg, position) => {
    materialize([arg], (name) => {
      const { dtype, shape, values } = decode(recorded.inputs[name]!);
      const differentiable = /^float(32|64)$/.test(dtype) && !constant?.includes(position);
      leaves.push(differentiable ? { shape, values: Float64Array.from(values as number[]) } : undefined);
    });
  });
  return leaves;
}

function made(leaf: Leaf): Tensor {
  return tensor(leaf.values, { shape: leaf.shape });
}

/** f of these leaves, or undefined when no result is a float64 tensor that depends on them. */
function f(recording: Case, leaves: readonly (Tensor | undefined)[]): Tensor | undefined {
  let next = 0;
  const given = materialize(recording.args, (name) => {
    const leaf = leaves[next++];
    if (!leaf) return inputTensor(name, "float64");
    if (SYMMETRIC.has(recording.call)) return mul(add(leaf, transpose(leaf, 0, 1)), 0.5);
    return clone(leaf); // operators in place may not write to a leaf
  });
  if (recording.seed !== undefined) manualSeed(recording.seed);
  const result = callOperator(recording.call, given) ?? given[0];
  let total: Tensor | undefined;
  for (let output of (Array.isArray(result) ? result : [result]) as unknown[]) {
    if (output instanceof Tensor && output.dtype === "complex128") output = view_as_real(output);
    if (!(output instanceof Tensor) || output.dtype !== "float64") continue;
    const weights = Float64Array.from({ length: output.size }, (_, i) => Math.cos(1.7 * i + 0.3));
    const part = sum(mul(output, tensor(weights, { shape: output.shape })));
    total = total ? add(total, part) : part;
  }
  return total;
}

/** Whether there was a derivative to check. */
function check(recording: Case): boolean {
  const leaves = leavesOf(recording);
  const variables = leaves.map((leaf) => leaf && made(leaf));
  for (const x of variables) if (x) x.requiresGrad = true;
  const loss = f(recording, variables);
  if (!loss?.requiresGrad) return false;
  const gradients = grad(
    loss,
    variables.filter((x) => x !== undefined),
  );
  for (const leaf of leaves) {
    if (!leaf) continue;
    const gradient = gradients.shift();
    const analytic = gradient
      ? Array.from(clone(gradient, { memory_format: "contiguous" }).data(), Number)
      : undefined;
    for (let i = 0; i < leaf.values.length; i++) {
      const [up, down] = [STEP, -STEP].map((step) =>
        scope(() => {
          const here = leaf.values[i]!;
          leaf.values[i] = here + step;
          const value = noGrad(() =>
            item(
              f(
                recording,
                leaves.map((l) => l && made(l)),
              )!,
            ),
          );
          leaf.values[i] = here;
          return value;
        }),
      );
      const numeric = (up! - down!) / (2 * STEP);
      const given = analytic?.[i] ?? 0;
      if (!(Math.abs(numeric - given) <= TOLERANCE * (1 + Math.abs(given))))
        expect(given, `derivative by number ${i} of [${leaf.shape}]`).toBe(numeric);
    }
  }
  return true;
}

const usable = ({ gradient, args }: Case): boolean =>
  gradient !== false && !/@(odd|empty|bfloat16|float16|-?inf)/.test(JSON.stringify(args));

describeWithLibtorch("gradients against finite differences", () => {
  const names = readList()
    .map(({ name }) => name)
    .filter((name) => !forOptimizers(name));

  it.each(names)("%s", (name) => {
    let checked = 0;
    for (const recording of recorded.cases) {
      if (recording.call !== name || !usable(recording)) continue;
      try {
        if (scope(() => check(recording))) checked++;
      } catch (error) {
        if (error instanceof Error && /derivative for \S+ is not implemented/.test(error.message)) continue;
        if (error instanceof Error && /needs a newer one/.test(error.message)) return; // operators.test.ts sees to that
        throw new Error(`${name}(${JSON.stringify(recording.args)}): ${(error as Error).message}`, {
          cause: error,
        });
      }
    }
    expect(checked > 0, "a call with a derivative").toBe(!WITHOUT_DERIVATIVE.has(name));
  });
});
