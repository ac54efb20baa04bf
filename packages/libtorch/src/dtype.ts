/** Number types: PyTorch's names and codes, and the typed arrays that hold their numbers. */

const codes = {
  uint8: 0,
  int8: 1,
  int16: 2,
  int32: 3,
  int64: 4,
  float16: 5,
  float32: 6,
  float64: 7,
  complex64: 9,
  complex128: 10,
  bool: 11,
  bfloat16: 15,
} as const;

export type DType = keyof typeof codes;

const names = new Map<number, DType>(Object.entries(codes).map(([name, code]) => [code, name as DType]));

export const dtypeNames = Object.keys(codes) as DType[];

/** @throws {TypeError} for a name that is no number type */
export function dtypeCode(dtype: DType): number {
  if (!Object.hasOwn(codes, dtype))
    throw new TypeError(`"${dtype}" is no dtype: it must be one of ${dtypeNames.join(", ")}.`);
  return codes[dtype];
}

export function dtypeOf(code: number): DType {
  const name = names.get(code);
  if (name === undefined)
    throw new TypeError(`Tensors of PyTorch's dtype number ${code} are not supported here.`);
  return name;
}

export type TypedArray =
  | Uint8Array
  | Uint8ClampedArray
  | Int8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/** Arrays of the bits as they are stored: float16 and bfloat16 as Uint16Array, bool as Uint8Array. */
const arrays = {
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  bool: Uint8Array,
  bfloat16: Uint16Array,
} as const satisfies Partial<Record<DType, unknown>>;

function arrayFor(dtype: DType): (typeof arrays)[keyof typeof arrays] {
  if (dtype === "complex64" || dtype === "complex128")
    throw new TypeError(`A ${dtype} tensor has no typed array: view_as_real(x) gives its numbers as pairs.`);
  return arrays[dtype];
}

/** A new typed array for the bits of `length` numbers. */
export const storageArray = (dtype: DType, length: number): TypedArray => new (arrayFor(dtype))(length);

/** A typed array over memory that is there already. */
export const storageView = (dtype: DType, buffer: ArrayBuffer): TypedArray => new (arrayFor(dtype))(buffer);

/** The number type that an array has by itself. */
export function naturalDType(data: TypedArray): DType {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof BigInt64Array) return "int64";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof Int16Array) return "int16";
  if (data instanceof Int8Array) return "int8";
  if (data instanceof Uint8Array || data instanceof Uint8ClampedArray) return "uint8";
  throw new TypeError(
    (data as unknown) instanceof Uint16Array
      ? 'A Uint16Array holds the bits of float16 or bfloat16 numbers: pass dtype "float16" or "bfloat16".'
      : `Tensors have no number type like that of a ${(data as object).constructor.name}.`,
  );
}

/** Whether an array's bytes are those of numbers of that type, so that it can be taken as it is. */
export const fits = (data: TypedArray, dtype: DType): boolean =>
  dtype === "float16" || dtype === "bfloat16" ? data instanceof Uint16Array : naturalDType(data) === dtype;
