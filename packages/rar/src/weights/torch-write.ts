/** Writes a state dict as PyTorch does: a zip archive that `torch.load(path, weights_only=True)` reads. */
import { PickleWriter } from "./pickle-write.js";
import { elementCount } from "./shape.js";
import { denseStrides } from "./strides.js";
import type { DType, HostTensor, TensorInfo } from "./tensor-file.js";
import { byteCount, checkNames, pour, streamOf, type TensorStream } from "./tensor-stream.js";
import { smallMember, writeZip, type ZipWriteOptions } from "./zip-write.js";

const storageTypes: Readonly<Record<DType, string>> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/**
 * Writes `path` (usually `.bin`), whole or not at all: an OrderedDict of tensors on the CPU, in the order given.
 *
 * @param tensors - tensors in memory, or a stream that gives the elements when their turn comes
 */
export async function writeTorchFile(
  path: string,
  tensors: readonly HostTensor[] | TensorStream,
  options: Pick<ZipWriteOptions, "forceZip64"> = {},
): Promise<void> {
  const stream = streamOf(tensors);
  checkNames(stream.infos);
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  await writeZip(
    path,
    [
      smallMember("archive/data.pkl", pickleStateDict(stream.infos)),
      smallMember("archive/byteorder", text("little")),
      ...stream.infos.map((info, key) => ({
        name: `archive/data/${key}`,
        size: byteCount(info),
        pour: (sink: (bytes: Uint8Array) => Promise<void>) => pour(stream, info, sink),
      })),
      smallMember("archive/version", text("3\n")),
    ],
    { align: 64, ...options },
  );
}

/** Every tensor is `_rebuild_tensor_v2(storage, offset, size, strides, requires_grad, hooks)`. */
function pickleStateDict(infos: readonly TensorInfo[]): Uint8Array {
  const pickle = new PickleWriter();
  const orderedDict = (): void => {
    pickle.global("collections", "OrderedDict");
    pickle.emptyTuple();
    pickle.reduce();
  };
  orderedDict();
  pickle.mark();
  for (const [key, { name, dtype, shape }] of infos.entries()) {
    pickle.string(name);
    pickle.global("torch._utils", "_rebuild_tensor_v2");
    pickle.mark();
    pickle.mark();
    pickle.string("storage");
    pickle.global("torch", storageTypes[dtype]);
    pickle.string(String(key));
    pickle.string("cpu");
    pickle.integer(elementCount(shape) ?? 0);
    pickle.tuple();
    pickle.persistentId();
    pickle.integer(0);
    for (const sizes of [shape, denseStrides(shape)]) {
      pickle.mark();
      for (const size of sizes) pickle.integer(size);
      pickle.tuple();
    }
    pickle.false();
    orderedDict();
    pickle.tuple();
    pickle.reduce();
  }
  pickle.setItems();
  return pickle.finish();
}
