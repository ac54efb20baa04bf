/** From an unpickled value to the tensors of a state dict, each held against the storage it lies in. */
import { badFile, quote } from "./bad-file.js";
import { isKind, type PickledStorage, type PickledTensor, type PickleValue } from "./pickle.js";
import { elementCount, showShape } from "./shape.js";
import { extent } from "./strides.js";
import { dtypeBytes, type TensorInfo } from "./tensor-file.js";

export interface StridedTensor extends TensorInfo {
  readonly storageKey: string;
  /** Bytes of the whole storage. */
  readonly storageBytes: number;
  /** First byte of the first element, and bytes to the end of the last, within the storage. */
  readonly begin: number;
  readonly span: number;
  readonly strides: readonly number[];
}

/**
 * The tensors of a state dict by name. A dict that holds one state dict beside other things (`{"model": ...,
 * "epoch": 3}`) counts as that one.
 * @throws RarityError "bad-file" naming the tensor
 */
export function stateDict(file: string, value: PickleValue): ReadonlyMap<string, StridedTensor> {
  if (isKind(value, "tensor"))
    throw badFile(file, "it holds a single tensor, not a state dict. Save the model's state_dict().");
  if (!isKind(value, "dict")) throw badFile(file, "it holds no state dict. Save the model's state_dict().");
  const tensors = new Map<string, StridedTensor>();
  for (const [name, entry] of chooseDict(file, value.entries)) {
    if (isKind(entry, "dict") || isKind(entry, "list") || isKind(entry, "tuple"))
      throw badFile(file, `${show(name)} of its state dict is a collection, not a tensor.`);
    if (!isKind(entry, "tensor")) continue; // a count or None beside the tensors
    if (typeof name !== "string")
      throw badFile(file, `a tensor of its state dict is called ${show(name)}, which is no string.`);
    tensors.set(name, checkTensor(file, name, entry));
  }
  return tensors;
}

type Entries = ReadonlyMap<PickleValue, PickleValue>;

function chooseDict(file: string, entries: Entries): Entries {
  if (entries.size === 0 || holdsTensors(entries)) return entries;
  const inner: [PickleValue, Entries][] = [];
  for (const [key, value] of entries)
    if (isKind(value, "dict") && holdsTensors(value.entries)) inner.push([key, value.entries]);
  if (inner.length === 1) return inner[0]![1];
  const keys = [...(inner.length > 1 ? inner.map(([key]) => key) : entries.keys())]
    .slice(0, 8)
    .map(show)
    .join(", ");
  throw badFile(
    file,
    inner.length > 1
      ? `it holds several state dicts (${keys}). Save the one you want by itself.`
      : `it holds no tensors, only ${keys}. Save the model's state_dict().`,
  );
}

function holdsTensors(entries: Entries): boolean {
  for (const value of entries.values()) if (isKind(value, "tensor")) return true;
  return false;
}

function checkTensor(file: string, name: string, tensor: PickledTensor): StridedTensor {
  const wrong = (text: string): Error => badFile(file, `tensor ${quote(name)} ${text}.`);
  const { shape, strides, offset, storage, dtype } = tensor;
  const count = elementCount(shape);
  if (count === undefined) throw wrong(`has the impossible shape ${showShape(shape)}`);
  if (strides.length !== shape.length || !strides.every(isCount))
    throw wrong(`of shape ${showShape(shape)} has the impossible strides ${showShape(strides)}`);
  if (!isCount(offset)) throw wrong(`has the impossible storage offset ${offset}`);
  const width = dtypeBytes[dtype];
  const storageBytes = storage.elements * storageWidth(storage);
  const available = Math.floor(storageBytes / width);
  const elements = extent(shape, strides);
  const last = storage.first + offset + elements;
  if (last > available)
    throw wrong(
      `of shape ${showShape(shape)}, strides ${showShape(strides)}, offset ${offset} needs ${last} elements; its storage has ${available}`,
    );
  if (count > available)
    throw wrong(
      `claims ${count} elements, its storage has ${available}: it is an expanded view. Save a copy of it`,
    );
  return {
    name,
    dtype,
    shape,
    strides,
    storageKey: storage.key,
    storageBytes,
    begin: (storage.first + offset) * width,
    span: elements * width,
  };
}

/** Bytes of an element; an untyped storage counts in bytes. */
export function storageWidth({ dtype }: PickledStorage): number {
  return dtype === undefined ? 1 : dtypeBytes[dtype];
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function show(key: PickleValue): string {
  return typeof key === "object" && key !== null ? `a ${key.kind}` : quote(String(key));
}
