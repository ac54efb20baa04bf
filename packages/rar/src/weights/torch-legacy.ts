/** PyTorch files from before 1.6: five pickles in a row, then the storages one after the other. */
import { badFile, quote } from "./bad-file.js";
import type { ByteSource } from "./byte-source.js";
import {
  isKind,
  PickleCutShort,
  type PickledStorage,
  PickleError,
  type PickleValue,
  unpickle,
} from "./pickle.js";
import type { TensorFile } from "./tensor-file.js";
import { torchTensorFile } from "./torch-file.js";
import { torchRules } from "./torch-pickle.js";
import { stateDict, storageWidth } from "./torch-state-dict.js";
import { maxPickleBytes } from "./torch-zip.js";

const magic = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;
/** First look into the file; doubled until the pickles are whole. */
const firstWindow = 64 * 1024;

/** Opens a file of the old format. It has no checksums; only lengths can be checked. */
export async function openTorchLegacy(source: ByteSource): Promise<TensorFile> {
  const { name: file } = source;
  const pickles = await readPickles(source);
  const tensors = stateDict(file, pickles.value);
  const places = await findStorages(source, pickles);
  for (const tensor of tensors.values())
    if (!places.has(tensor.storageKey))
      throw badFile(
        file,
        `storage ${quote(tensor.storageKey)} of tensor ${quote(tensor.name)} is not in it.`,
      );
  return torchTensorFile(source, "torch-legacy", tensors, ({ storageKey, begin, span }) =>
    source.read(places.get(storageKey)! + begin, span),
  );
}

interface Pickles {
  readonly value: PickleValue;
  readonly storages: ReadonlyMap<string, PickledStorage>;
  /** Keys of the storages, in the order of the file. */
  readonly keys: readonly string[];
  readonly end: number;
}

async function readPickles(source: ByteSource): Promise<Pickles> {
  const { name: file, size } = source;
  for (let window = firstWindow; ; window *= 4) {
    const length = Math.min(window, size, maxPickleBytes);
    try {
      return parsePickles(await source.read(0, length));
    } catch (error) {
      if (error instanceof PickleCutShort) {
        if (length < Math.min(size, maxPickleBytes)) continue;
        if (size > maxPickleBytes) throw badFile(file, "its pickles are far longer than any state dict's.");
        throw badFile(file, "it was cut short inside its pickles. Download it again.");
      }
      if (error instanceof PickleError) throw badFile(file, `${error.message}.`);
      throw error;
    }
  }
}

function parsePickles(bytes: Uint8Array): Pickles {
  const rules = torchRules();
  let at = 0;
  const next = (): PickleValue => {
    const { value, end } = unpickle(bytes, at, rules);
    at = end;
    return value;
  };
  if (next() !== magic)
    throw new PickleError("it is a plain pickle, not a file of torch.save. Save it with torch.save");
  const version = next();
  if (version !== protocolVersion)
    throw new PickleError(`it has PyTorch's file version ${shown(version)}, not 1001`);
  const system = next();
  if (!isKind(system, "dict") || system.entries.get("little_endian") !== true)
    throw new PickleError(
      "it was written on a big-endian machine. Load it in PyTorch and save it again as safetensors",
    );
  const value = next();
  const keys = next();
  if (!isKind(keys, "list") || !keys.items.every((key) => typeof key === "string"))
    throw new PickleError("it has no list of storages");
  return { value, storages: rules.storages, keys: keys.items as string[], end: at };
}

const shown = (value: PickleValue): string => (typeof value === "number" ? String(value) : "of no number");

/** Where each storage's elements begin: 8 bytes give their count, then they follow. */
async function findStorages(
  source: ByteSource,
  { keys, storages, end }: Pickles,
): Promise<ReadonlyMap<string, number>> {
  const { name: file } = source;
  const places = new Map<string, number>();
  let at = end;
  for (const key of keys) {
    if (places.has(key)) throw badFile(file, `storage ${quote(key)} is listed twice.`);
    const storage = storages.get(key);
    if (storage === undefined)
      throw badFile(file, `storage ${quote(key)} is listed, but its pickle has none such.`);
    const count = Number(new DataView((await source.read(at, 8)).buffer).getBigInt64(0, true));
    if (count !== storage.elements)
      throw badFile(
        file,
        `storage ${quote(key)} has ${count} elements, its pickle says ${storage.elements}.`,
      );
    places.set(key, at + 8);
    at += 8 + count * storageWidth(storage);
    if (at > source.size)
      throw badFile(
        file,
        `it is cut short in storage ${quote(key)}: ${source.size} bytes are there of ${at} or more. Download it again.`,
      );
  }
  return places;
}
