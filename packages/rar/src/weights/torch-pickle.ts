/** Which names a state dict's pickle may use, and what they make: storages, tensors, ordered dicts. Nothing else. */
import { quote } from "./bad-file.js";
import { isKind, type PickledStorage, PickleError, type PickleRules, type PickleValue } from "./pickle.js";
import type { DType } from "./tensor-file.js";

/** Storage classes by name, in module `torch` (or `torch.cuda` in old files). */
const storageTypes: ReadonlyMap<string, DType | undefined> = new Map<string, DType | undefined>([
  ["DoubleStorage", "F64"],
  ["FloatStorage", "F32"],
  ["HalfStorage", "F16"],
  ["BFloat16Storage", "BF16"],
  ["LongStorage", "I64"],
  ["IntStorage", "I32"],
  ["ShortStorage", "I16"],
  ["CharStorage", "I8"],
  ["ByteStorage", "U8"],
  ["BoolStorage", "BOOL"],
  ["UntypedStorage", undefined],
  ["_UntypedStorage", undefined],
]);

const dtypeNames: ReadonlyMap<string, DType> = new Map([
  ["torch.float64", "F64"],
  ["torch.float32", "F32"],
  ["torch.float16", "F16"],
  ["torch.bfloat16", "BF16"],
  ["torch.int64", "I64"],
  ["torch.int32", "I32"],
  ["torch.int16", "I16"],
  ["torch.int8", "I8"],
  ["torch.uint8", "U8"],
  ["torch.bool", "BOOL"],
]);

const storageModules = /^(?:torch|torch\.cuda|torch\.storage)\.([A-Za-z0-9_]+Storage)$/;

const callable: ReadonlySet<string> = new Set([
  "collections.OrderedDict",
  "torch._utils._rebuild_tensor",
  "torch._utils._rebuild_tensor_v2",
  "torch._utils._rebuild_tensor_v3",
  "torch._utils._rebuild_parameter",
  "torch.Size",
  "torch.device",
]);

export interface TorchRules extends PickleRules {
  /** Every storage referred to so far, by key. */
  readonly storages: ReadonlyMap<string, PickledStorage>;
}

/** Rules for one file. A storage must look the same wherever it is referred to. */
export function torchRules(): TorchRules {
  const storages = new Map<string, PickledStorage>();
  return {
    storages,
    global(name) {
      if (callable.has(name) || dtypeNames.has(name) || storageDtype(name) !== "none")
        return { kind: "global", name };
      throw new PickleError(
        `it asks for ${quote(name)}, which a state dict does not need; nothing was executed. ` +
          'Save the weights alone: torch.save(model.state_dict(), "weights.bin")',
      );
    },
    call,
    persistent(id) {
      const storage = makeStorage(id);
      const known = storages.get(storage.key);
      if (known !== undefined && (known.dtype !== storage.dtype || known.elements !== storage.elements))
        throw new PickleError(`its storage ${quote(storage.key)} is described in two ways`);
      storages.set(storage.key, storage);
      return viewOf(storage, id);
    },
  };
}

function storageDtype(name: string): DType | undefined | "none" {
  const type = storageModules.exec(name)?.[1] ?? "";
  return storageTypes.has(type) ? storageTypes.get(type) : "none";
}

function call(name: string, args: readonly PickleValue[]): PickleValue {
  switch (name) {
    case "collections.OrderedDict":
      if (args.length > 0) throw new PickleError("its pickle makes an OrderedDict in the way of Python 2");
      return { kind: "dict", entries: new Map() };
    case "torch._utils._rebuild_tensor":
    case "torch._utils._rebuild_tensor_v2":
      return tensor(name, args, undefined);
    case "torch._utils._rebuild_tensor_v3": {
      const dtype = args[6];
      if (!isKind(dtype, "global") || !dtypeNames.has(dtype.name))
        throw new PickleError("its pickle makes a tensor of an unknown dtype");
      return tensor(name, args, dtypeNames.get(dtype.name));
    }
    case "torch._utils._rebuild_parameter":
      if (!isKind(args[0], "tensor")) throw new PickleError("its pickle makes a parameter of something else");
      return args[0];
    case "torch.Size":
      if (!isKind(args[0], "tuple")) throw new PickleError("its pickle makes a size of something else");
      return args[0];
    case "torch.device":
      return { kind: "ignored" };
    default:
      throw new PickleError(`its pickle calls ${quote(name)}, which is no function`);
  }
}

function tensor(name: string, args: readonly PickleValue[], given: DType | undefined): PickleValue {
  const [storage, offset, shape, strides] = args;
  if (!isKind(storage, "storage")) throw new PickleError(`its pickle calls ${name} without a storage`);
  const dtype = given ?? storage.dtype;
  if (dtype === undefined)
    throw new PickleError("its pickle makes a tensor of unknown dtype of an untyped storage");
  if (storage.dtype !== undefined && storage.dtype !== dtype)
    throw new PickleError(`its pickle makes a ${dtype} tensor of a ${storage.dtype} storage`);
  return {
    kind: "tensor",
    storage,
    dtype,
    offset: number(offset),
    shape: numbers(shape, "shape"),
    strides: numbers(strides, "strides"),
  };
}

/** ("storage", type, key, location, number of elements, view of old files) */
function makeStorage(id: PickleValue): PickledStorage {
  const items = isKind(id, "tuple") ? id.items : [];
  const [tag, type, key, , elements] = items;
  if (tag !== "storage" || !isKind(type, "global") || typeof key !== "string")
    throw new PickleError("its pickle refers to something that is no storage");
  const dtype = storageDtype(type.name);
  if (dtype === "none") throw new PickleError(`its pickle has a storage of type ${quote(type.name)}`);
  return { kind: "storage", key, dtype, elements: whole(elements, "a storage's size"), first: 0 };
}

/** Old files may refer to a part of a storage: (key of the view, first element, elements). */
function viewOf(storage: PickledStorage, id: PickleValue): PickledStorage {
  const view = isKind(id, "tuple") ? id.items[5] : undefined;
  if (view === undefined || view === null) return storage;
  if (!isKind(view, "tuple")) throw new PickleError("its pickle has a view of a storage that is none");
  const first = whole(view.items[1], "a view's first element");
  const elements = whole(view.items[2], "a view's size");
  if (first + elements > storage.elements)
    throw new PickleError(`its storage ${quote(storage.key)} is shorter than a view of it`);
  return { ...storage, first };
}

/** Whether they make sense is checked later, when the tensor's name can be said. */
function numbers(value: PickleValue | undefined, what: string): number[] {
  if (!isKind(value, "tuple") && !isKind(value, "list"))
    throw new PickleError(`a tensor's ${what} is no tuple`);
  if (value.items.length > maxDimensions)
    throw new PickleError(`a tensor's ${what} has ${value.items.length} dimensions`);
  return value.items.map(number);
}

const number = (value: PickleValue | undefined): number => (typeof value === "number" ? value : Number.NaN);

function whole(value: PickleValue | undefined, what: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const shown = typeof value === "number" || typeof value === "bigint" ? String(value) : "no number";
  throw new PickleError(`${what} is ${shown}, not a whole number from 0 to 2^53`);
}

/** PyTorch itself stops at 64. */
const maxDimensions = 64;
