/** What every tensor file looks like to the rest of the program, whatever its format. */

export const dtypes = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"] as const;
export type DType = (typeof dtypes)[number];

export const dtypeBytes: Readonly<Record<DType, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Raw elements as stored, row-major: F16 and BF16 are bit patterns, BOOL is 0 or 1. */
export type TensorData =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

export interface HostTensor extends TensorInfo {
  readonly data: TensorData;
}

/** Anything that gives named tensors in float32: a file, a closed form, fresh initial weights. */
export interface TensorSource {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * One tensor widened (or rounded) to float32, row-major, dense. The caller owns the array.
   * @throws RarityError "not-found" when there is no such tensor
   */
  readFloat32(name: string): Promise<Float32Array>;
}

/** An open tensor file: names and shapes are known, elements are read when asked for. */
export interface TensorFile extends TensorSource, AsyncDisposable {
  readonly path: string;
  readonly format: "safetensors" | "torch" | "torch-legacy" | "npz";
  /** safetensors' `__metadata__`; empty for other formats. */
  readonly metadata: Readonly<Record<string, string>>;
  /** One tensor in its own type, row-major, dense (strides resolved). */
  read(name: string): Promise<HostTensor>;
}
