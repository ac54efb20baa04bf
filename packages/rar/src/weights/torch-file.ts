/** What the two kinds of PyTorch files have in common: strided tensors given out dense. */
import type { ByteSource, Bytes } from "./byte-source.js";
import { toFloat32, viewAs } from "./floats.js";
import { noSuchTensor } from "./not-found.js";
import { gather, isDense } from "./strides.js";
import { dtypeBytes, type HostTensor, type TensorFile, type TensorInfo } from "./tensor-file.js";
import type { StridedTensor } from "./torch-state-dict.js";

/** @param readStorage - the bytes of a storage that a tensor touches, from its first element to its last */
export function torchTensorFile(
  source: ByteSource,
  format: "torch" | "torch-legacy",
  strided: ReadonlyMap<string, StridedTensor>,
  readStorage: (tensor: StridedTensor) => Promise<Bytes>,
): TensorFile {
  const tensors = new Map<string, TensorInfo>();
  for (const [name, { dtype, shape }] of strided) tensors.set(name, { name, dtype, shape });
  const read = async (name: string): Promise<HostTensor> => {
    const tensor = strided.get(name) ?? noSuchTensor(source.name, name, strided.keys());
    const { dtype, shape, strides } = tensor;
    const bytes = await readStorage(tensor);
    const dense = isDense(shape, strides) ? bytes : gather(bytes, dtypeBytes[dtype], shape, strides);
    return { name, dtype, shape, data: viewAs(dtype, dense) };
  };
  return {
    path: source.name,
    format,
    tensors,
    metadata: {},
    read,
    readFloat32: async (name) => toFloat32(await read(name)),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
