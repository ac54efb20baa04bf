/** Tensors from JavaScript's numbers, and numbers from tensors. */
import { type DType, dtypeCode, fits, naturalDType, storageArray, type TypedArray } from "./dtype.js";
import { native } from "./native.js";
import { contiguous, to } from "./operators.js";
import { scope } from "./scope.js";
import { adopt, describeValue, slotOf, type Tensor } from "./tensor.js";

export type Nested = number | boolean | bigint | readonly Nested[];

export interface TensorOptions {
  /** Default: float32 for numbers, bool for booleans, int64 for bigints, an array's own type for typed arrays. */
  readonly dtype?: DType | undefined;
  /** Default: one axis for typed arrays, the nesting for nested arrays. */
  readonly shape?: readonly number[] | undefined;
  /** Default: "cpu". */
  readonly device?: string | undefined;
  readonly requiresGrad?: boolean | undefined;
}

const isTyped = (data: unknown): data is TypedArray =>
  ArrayBuffer.isView(data) && !(data instanceof DataView);

/**
 * A tensor with a copy of these numbers.
 *
 * @param data - a number, nested arrays of numbers, or a typed array. A Uint16Array is the bits of float16 or bfloat16
 *   numbers, where that dtype is given
 * @throws {RangeError} when the numbers do not fit the shape or the dtype, or rows have different lengths
 * @throws {TypeError} when a fraction or NaN is to become an integer, or an entry is no number
 */
export function tensor(data: Nested | TypedArray, options: TensorOptions = {}): Tensor {
  return scope(() => {
    let made = isTyped(data) ? fromTyped(data, options) : fromNested(data, options);
    if (options.device !== undefined && options.device !== "cpu") made = to(made, { device: options.device });
    if (options.requiresGrad) made.requiresGrad = true;
    return made;
  });
}

type Entry = number | boolean | bigint;

function fromNested(data: Nested, options: TensorOptions): Tensor {
  const shape: number[] = [];
  for (let row: Nested = data; Array.isArray(row); row = row[0] as Nested) {
    shape.push(row.length);
    if (row.length === 0) break;
  }
  const flat: Entry[] = [];
  flatten(data, shape, 0, flat);
  const first = typeof flat[0];
  const natural = first === "boolean" ? "bool" : first === "bigint" ? "int64" : "float32";
  return fromNumbers(flat, options.dtype ?? natural, options.shape ?? shape);
}

function flatten(data: Nested, shape: readonly number[], axis: number, into: Entry[]): void {
  if (axis === shape.length && !Array.isArray(data)) {
    if (typeof data !== "number" && typeof data !== "boolean" && typeof data !== "bigint")
      throw new TypeError(`A tensor is made of numbers, booleans or bigints, not of ${describeValue(data)}.`);
    into.push(data);
    return;
  }
  if (!Array.isArray(data) || data.length !== shape[axis])
    throw new RangeError(
      `The rows of a nested array must all have the same length: [${shape}] at first, not everywhere.`,
    );
  for (const entry of data) flatten(entry, shape, axis + 1, into);
}

function fromTyped(data: TypedArray, { dtype: wanted, shape = [data.length] }: TensorOptions): Tensor {
  const natural = wanted !== undefined && fits(data, wanted) ? wanted : naturalDType(data);
  checkShape(shape, data.length);
  const made = adopt(native().fromArray(data, dtypeCode(natural), shape));
  return wanted === undefined || wanted === natural ? made : to(made, { dtype: wanted });
}

function fromNumbers(flat: readonly Entry[], dtype: DType, shape: readonly number[]): Tensor {
  checkShape(shape, flat.length);
  if (dtype === "float16" || dtype === "bfloat16" || dtype === "complex64")
    return to(fromNumbers(flat, "float32", shape), { dtype });
  if (dtype === "complex128") return to(fromNumbers(flat, "float64", shape), { dtype });
  const code = dtypeCode(dtype);
  const data = storageArray(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) data[i] = stored(flat[i]!, dtype);
  if (dtype !== "float32" && dtype !== "float64" && dtype !== "bool")
    for (let i = 0; i < flat.length; i++)
      if (Number(data[i]) !== Number(flat[i]))
        throw new RangeError(`${flat[i]} is outside of the numbers that ${dtype} holds.`);
  return adopt(native().fromArray(data, code, shape));
}

/** An entry as the typed array of that dtype takes it. */
function stored(value: Entry, dtype: DType): number | bigint {
  if (dtype === "bool") return value ? 1 : 0;
  if (dtype === "float32" || dtype === "float64") return Number(value);
  if (typeof value === "number" && !Number.isInteger(value))
    throw new TypeError(`${value} is no whole number, and the tensor's dtype is ${dtype}.`);
  if (typeof value === "number" && !Number.isSafeInteger(value))
    throw new RangeError(`${value} is beyond 2^53, where numbers lose digits: give it as a bigint.`);
  return dtype === "int64" ? BigInt(value) : Number(value);
}

function checkShape(shape: readonly number[], count: number): void {
  if (shape.every((d) => Number.isSafeInteger(d) && d >= 0) && shape.reduce((n, d) => n * d, 1) === count)
    return;
  throw new RangeError(`${count} numbers do not fit the shape [${shape}].`);
}

/**
 * The tensor's values as plain numbers in row-major order, whatever its type, device and layout.
 * @throws {RangeError} when an int64 is beyond 2^53 and would lose digits
 */
export function numbers(x: Tensor): number[] {
  return scope(() => {
    const halves = x.dtype === "float16" || x.dtype === "bfloat16";
    const host = contiguous(to(x, { device: "cpu", dtype: halves ? "float32" : undefined }));
    return Array.from(host.data() as ArrayLike<number | bigint>, (value) => {
      const number = Number(value);
      if (typeof value === "bigint" && !Number.isSafeInteger(number))
        throw new RangeError(`${value} is beyond 2^53: read it with data(), which gives a BigInt64Array.`);
      return number;
    });
  });
}

/**
 * The one value of a tensor with one entry.
 * @throws {RangeError} when it has more or fewer
 */
export function item(x: Tensor): number {
  slotOf(x);
  if (x.size !== 1) throw new RangeError(`item() takes a tensor with one value, this one is [${x.shape}].`);
  return numbers(x)[0]!;
}
