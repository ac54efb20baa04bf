/** Tensors from JavaScript's numbers, and numbers from tensors. */
import { type DType, dtypeCode, fits, naturalDType, storageArray, type TypedArray } from "./dtype.js";
import { native } from "./native.js";
import { contiguous, to } from "./operators.js";
import { scope } from "./scope.js";
import { adopt, slotOf, type Tensor } from "./tensor.js";

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
 * @throws {RangeError} when the numbers do not fit the shape, or rows have different lengths
 * @throws {TypeError} when a fraction or NaN is to become an integer
 */
export function tensor(data: Nested | TypedArray, options: TensorOptions = {}): Tensor {
  const { device, requiresGrad } = options;
  let made: Tensor;
  if (isTyped(data)) made = fromTyped(data, options);
  else {
    const shape: number[] = [];
    for (let row: Nested = data; Array.isArray(row); row = row[0] as Nested) {
      shape.push(row.length);
      if (row.length === 0) break;
    }
    const flat: (number | boolean | bigint)[] = [];
    flatten(data, shape, 0, flat);
    const dtype =
      options.dtype ??
      (typeof flat[0] === "boolean" ? "bool" : typeof flat[0] === "bigint" ? "int64" : "float32");
    made = fromNumbers(flat, dtype, options.shape ?? shape);
  }
  if (device !== undefined && device !== "cpu") made = moved(made, (x) => to(x, { device }));
  if (requiresGrad) made.requiresGrad = true;
  return made;
}

function flatten(
  data: Nested,
  shape: readonly number[],
  axis: number,
  into: (number | boolean | bigint)[],
): void {
  if (axis === shape.length && !Array.isArray(data)) {
    into.push(data as number);
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
  return wanted === undefined || wanted === natural ? made : moved(made, (x) => to(x, { dtype: wanted }));
}

function fromNumbers(
  flat: readonly (number | boolean | bigint)[],
  dtype: DType,
  shape: readonly number[],
): Tensor {
  checkShape(shape, flat.length);
  if (dtype === "float16" || dtype === "bfloat16")
    return moved(fromNumbers(flat, "float32", shape), (x) => to(x, { dtype }));
  const data = storageArray(dtype, flat.length);
  const integer = dtype !== "float32" && dtype !== "float64";
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i]!;
    if (integer && typeof value === "number" && !Number.isSafeInteger(value))
      throw new TypeError(`${value} is no whole number, and the tensor's dtype is ${dtype}.`);
    data[i] = dtype === "int64" ? BigInt(value) : Number(value);
  }
  return adopt(native().fromArray(data, dtypeCode(dtype), shape));
}

function checkShape(shape: readonly number[], count: number): void {
  if (shape.every((d) => Number.isSafeInteger(d) && d >= 0) && shape.reduce((n, d) => n * d, 1) === count)
    return;
  throw new RangeError(`${count} numbers do not fit the shape [${shape}].`);
}

function moved(x: Tensor, convert: (x: Tensor) => Tensor): Tensor {
  const converted = convert(x);
  if (converted !== x) x.dispose();
  return converted;
}

/**
 * The tensor's values as plain numbers in row-major order, whatever its type, device and layout.
 * @throws {RangeError} when an int64 is beyond 2^53 and would lose digits
 */
export function numbers(x: Tensor): number[] {
  return scope(() => {
    const halves = x.dtype === "float16" || x.dtype === "bfloat16";
    const host = contiguous(to(x, { device: "cpu", ...(halves && { dtype: "float32" as const }) }));
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
  if (x.size !== 1) throw new RangeError(`item() takes a tensor with one value, this one is [${x.shape}].`);
  slotOf(x);
  return numbers(x)[0]!;
}
