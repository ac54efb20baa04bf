/** Rows of features, as plain numbers: what every metric takes. */

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Row after row. */
  readonly data: Float32Array | Float64Array;
}

/** @throws {RangeError} when the numbers are no whole count of rows */
export function matrix(data: Float32Array | Float64Array, columns: number): Matrix {
  const rows = data.length / columns;
  if (!Number.isInteger(rows)) throw new RangeError(`${data.length} numbers are no rows of ${columns}`);
  return { rows, columns, data };
}

/** Rows `first` to before `end`, not copied. */
export const someRows = ({ data, columns }: Matrix, first: number, end: number): Matrix => ({
  rows: end - first,
  columns,
  data: data.subarray(first * columns, end * columns),
});
