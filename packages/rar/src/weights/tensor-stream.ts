/** Tensors on their way into a file: names and shapes first, elements when asked for. */

import { elementCount, showShape } from "./shape.js";
import { dtypeBytes, type HostTensor, type TensorData, type TensorInfo } from "./tensor-file.js";

/**
 * What the writers take where the tensors do not fit in memory together. `data` is called once for each entry
 * of `infos`, in the order of the file, and gives the elements whole or in consecutive parts.
 */
export interface TensorStream {
  readonly infos: readonly TensorInfo[];
  data(info: TensorInfo): TensorData | Promise<TensorData> | AsyncIterable<TensorData>;
}

/** A stream over tensors that are in memory already. */
export function streamOf(tensors: readonly HostTensor[] | TensorStream): TensorStream {
  if ("infos" in tensors) return tensors;
  return { infos: tensors, data: (info) => (info as HostTensor).data };
}

/**
 * Passes the bytes of one tensor to `sink`, part by part.
 * @throws {RangeError} where there are more or fewer than dtype and shape say
 */
export async function pour(
  stream: TensorStream,
  info: TensorInfo,
  sink: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const expected = byteCount(info);
  let total = 0;
  const take = async (data: TensorData): Promise<void> => {
    if (data.BYTES_PER_ELEMENT !== dtypeBytes[info.dtype])
      throw new TypeError(`"${info.name}" is ${info.dtype}, its elements came as ${data.constructor.name}.`);
    total += data.byteLength;
    if (total <= expected) await sink(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  };
  const given = await stream.data(info);
  if (Symbol.asyncIterator in given) for await (const part of given) await take(part);
  else await take(given);
  if (total !== expected)
    throw new RangeError(
      `"${info.name}" is ${info.dtype} ${showShape(info.shape)}: ${expected} bytes, but ${total} were given.`,
    );
}

/** Bytes of a tensor that is to be written. Throws RangeError for a shape that is none. */
export function byteCount(info: TensorInfo): number {
  const count = elementCount(info.shape);
  if (count === undefined || !Number.isSafeInteger(count * dtypeBytes[info.dtype]))
    throw new RangeError(`"${info.name}" has the impossible shape ${showShape(info.shape)}.`);
  return count * dtypeBytes[info.dtype];
}

/** Throws where two tensors have one name, or one that a format keeps for itself. */
export function checkNames(infos: readonly TensorInfo[]): void {
  const seen = new Set<string>();
  for (const { name } of infos) {
    if (name === "" || name === "__metadata__") throw new RangeError(`A tensor cannot be called "${name}".`);
    if (seen.has(name)) throw new RangeError(`Two tensors are called "${name}". Give each its own name.`);
    seen.add(name);
  }
}
