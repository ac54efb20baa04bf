/** safetensors files: opened lazily, written as a stream under a temporary name. */
import { writeAtomically } from "./atomic-file.js";
import type { ByteSource } from "./byte-source.js";
import { toFloat32, viewAs } from "./floats.js";
import { noSuchTensor } from "./not-found.js";
import { encodeHeader, readHeader } from "./safetensors-header.js";
import { dtypeBytes, type HostTensor, type TensorFile, type TensorInfo } from "./tensor-file.js";
import { byteCount, checkNames, pour, streamOf, type TensorStream } from "./tensor-stream.js";

/**
 * Opens a safetensors file: reads and checks its header only. The file owns `source` from here on.
 * @throws RarityError "bad-file" naming file and tensor, where the format's own reader refuses the file too
 */
export async function openSafetensors(source: ByteSource): Promise<TensorFile> {
  const { tensors: stored, metadata } = await readHeader(source);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { dtype, shape }] of stored) tensors.set(name, { name, dtype, shape });
  const read = async (name: string): Promise<HostTensor> => {
    const tensor = stored.get(name) ?? noSuchTensor(source.name, name, stored.keys());
    const { dtype, shape } = tensor;
    return { name, dtype, shape, data: viewAs(dtype, await source.read(tensor.offset, tensor.bytes)) };
  };
  return {
    path: source.name,
    format: "safetensors",
    tensors,
    metadata,
    read,
    readFloat32: async (name) => toFloat32(await read(name)),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/**
 * Writes a safetensors file: whole under its name, or not at all. Tensors of wider types come first, so that
 * all are aligned; among equals the order given is kept.
 *
 * @param tensors - tensors in memory, or a stream that gives the elements when their turn comes
 * @param metadata - `__metadata__` of the header
 * @throws RarityError "io" where the disk fails; RangeError where elements and shape disagree
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly HostTensor[] | TensorStream,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const stream = streamOf(tensors);
  checkNames(stream.infos);
  const sorted = stream.infos.toSorted((a, b) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype]);
  let end = 0;
  const placed = sorted.map((info) => {
    const begin = end;
    end += byteCount(info);
    return { ...info, begin, end };
  });
  await writeAtomically(path, async (sink) => {
    await sink.append(encodeHeader(placed, metadata));
    for (const info of sorted) await pour(stream, info, (bytes) => sink.append(bytes));
  });
}
