/**
 * Every operator of the allow-list against what Python's torch gave for the same calls.
 *
 * Integers and booleans are equal everywhere, and so are shapes and dtypes. Floats are equal to the bit with the libtorch
 * and the kind of processor that made the records. Elsewhere other vector widths, another BLAS or another version of a
 * kernel add up in another order: then they are within TOLERANCE of the largest magnitude in the result.
 */
import { expect, it } from "vitest";
import { type ListEntry, readList } from "../scripts/generate-operators.mjs";
import { numbers } from "./create.js";
import type { DType } from "./dtype.js";
import { native } from "./native.js";
import { view_as_real } from "./operators.js";
import { manualSeed, runtimeInfo } from "./runtime.js";
import { scope } from "./scope.js";
import { Tensor } from "./tensor.js";
import {
  type Case,
  callOperator,
  decode,
  type Encoded,
  inputTensor,
  materialize,
  type Result,
  recorded,
  sameMachine,
} from "./testing/recorded.js";
import { describeWithLibtorch } from "./testing/suite.js";

/** A few units in the last place; one for the short types. */
const TOLERANCE: Partial<Record<DType, number>> = {
  float32: 1e-6,
  complex64: 1e-6,
  float64: 1e-14,
  bfloat16: 2 ** -7,
  float16: 2 ** -10,
};

/** Their kernels draw from MKL's generator where libtorch has MKL: another stream of the same distribution. */
const DRAWN_BY_MKL = ["exponential_", "bernoulli_", "multinomial", "dropout", "scaled_dot_product_attention"];

/** Cannot be recorded without a GPU. */
const NEEDS_GPU = ["pin_memory"];

const list = readList();

const values = (x: Tensor): readonly (number | bigint)[] => {
  if (x.dtype.startsWith("complex")) return numbers(view_as_real(x));
  return x.dtype === "int64" && x.isContiguous ? Array.from(x.data() as BigInt64Array) : numbers(x);
};

type How = Pick<Case, "shapeOnly" | "signs">;

function expectTensor(actual: unknown, encoded: Encoded, how: How): void {
  if (!(actual instanceof Tensor)) throw new Error(`not a tensor: ${actual}`);
  const expected = decode(encoded);
  expect([actual.dtype, actual.shape]).toEqual([expected.dtype, expected.shape]);
  if (how.shapeOnly) return;
  const tolerance = TOLERANCE[expected.dtype];
  const got = values(actual);
  if (tolerance === undefined) expect(got.map(BigInt)).toEqual(expected.values.map(BigInt));
  else expectFloats(got as number[], expected.values as number[], tolerance, how.signs);
}

function expectFloats(
  got: readonly number[],
  expected: readonly number[],
  tolerance: number,
  signs?: true,
): void {
  if (sameMachine()) {
    expect(got).toEqual(expected); // which tells -0 from 0
    return;
  }
  expect(got.length).toBe(expected.length);
  const scale = expected.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  const size = signs ? Math.abs : (v: number) => v;
  const apart = got.filter(
    (v, i) => !Object.is(v, expected[i]) && !(Math.abs(size(v) - size(expected[i]!)) <= tolerance * scale),
  );
  if (apart.length > 0) expect(got).toEqual(expected);
}

function expectResult(actual: unknown, expected: Result, recording: Case): void {
  if (typeof expected !== "object") expect(actual).toBe(expected);
  else if (Array.isArray(expected)) {
    expect(actual).toHaveLength(expected.length);
    for (const [i, one] of expected.entries()) expectTensor((actual as unknown[])[i], one, recording);
  } else expectTensor(actual, expected as Encoded, recording);
}

/** As {@link expectResult}, for arguments: only what is a tensor, or a list of them, has something to compare. */
function expectArgument(actual: unknown, written: unknown, recording: Case, position: number): void {
  const changed = recording.changed?.[position];
  if (changed) expectResult(actual, changed, recording);
  else if (actual instanceof Tensor) expectTensor(actual, recorded.inputs[(written as string).slice(1)]!, {});
  else if (Array.isArray(actual))
    for (const [i, entry] of actual.entries())
      expectArgument(entry, (written as unknown[])[i], recording, -1);
}

function replay(recording: Case): void {
  const { call, args, seed } = recording;
  const given = materialize(args, inputTensor);
  if (seed !== undefined) manualSeed(seed);
  const result = callOperator(call, given);
  if (recording.result !== undefined) expectResult(result, recording.result, recording);
  else if (call.endsWith("_") && !call.startsWith("_")) expect(result, "in place").toBe(given[0]);
  else expect(result).toBeUndefined();
  for (const [i, value] of given.entries()) expectArgument(value, args[i], recording, i);
}

/** An error that says that this libtorch is too old, and is right; or an older one's, that it lacks a type on CPUs. */
function isRightlyTooOld(error: unknown, { overloads }: ListEntry): boolean {
  if (!(error instanceof Error)) return false;
  if (/not implemented for '(Half|BFloat16)'/.test(error.message))
    return Number(runtimeInfo().version.split(".")[0]) < 2;
  if (!/needs a newer one/.test(error.message)) return false;
  const schemas = overloads.map(({ base, overload }) => native().schemaOf(`aten::${base}`, overload));
  const argument = /has no argument "(\w+)"/.exec(error.message)?.[1];
  return schemas.some(
    (schema) => schema === null || (argument !== undefined && !schema.includes(` ${argument}`)),
  );
}

const title = ({ args, seed }: Case): string =>
  `${JSON.stringify(args).slice(1, -1)}${seed === undefined ? "" : `, seed ${seed}`}`;

it("every operator of the list has a recorded call", () => {
  const called = new Set(recorded.cases.map(({ call }) => call));
  expect(list.map(({ name }) => name).filter((name) => !called.has(name))).toEqual(NEEDS_GPU);
});

describeWithLibtorch("operators against Python's torch", () => {
  it.each(list.filter(({ name }) => !NEEDS_GPU.includes(name)))("$name", (entry) => {
    const sameStream = runtimeInfo().blas === "mkl";
    for (const recording of recorded.cases) {
      if (recording.call !== entry.name) continue;
      if (recording.seed !== undefined && !sameStream && DRAWN_BY_MKL.includes(entry.name)) continue;
      try {
        scope(() => replay(recording));
      } catch (error) {
        if (isRightlyTooOld(error, entry)) continue;
        throw new Error(`${entry.name}(${title(recording)}): ${(error as Error).message}`, { cause: error });
      }
    }
  });
});
