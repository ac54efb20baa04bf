/** The JSON header of a safetensors file: read as strictly as the format's own reader, and written. */
import { badFile, quote } from "./bad-file.js";
import type { ByteSource } from "./byte-source.js";
import { elementCount, showShape } from "./shape.js";
import { type DType, dtypeBytes, dtypes, type TensorInfo } from "./tensor-file.js";

/** The format's own limit. */
export const maxHeaderBytes = 100_000_000;

export interface StoredTensor extends TensorInfo {
  /** Where its bytes begin in the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks the header: every byte of the file belongs to exactly one tensor.
 * @throws RarityError "bad-file" naming file and tensor
 */
export async function readHeader(source: ByteSource): Promise<Header> {
  const { name: file, size } = source;
  if (size < 8) throw badFile(file, `${size} bytes are too few for a safetensors file. Download it again.`);
  const lengthBytes = await source.read(0, 8);
  const length = Number(new DataView(lengthBytes.buffer).getBigUint64(0, true));
  if (length === 0) throw badFile(file, "the safetensors header has length 0. Download it again.");
  if (length > maxHeaderBytes)
    throw badFile(
      file,
      `the safetensors header claims ${length} bytes, more than the format's ${maxHeaderBytes}. ` +
        "It is no safetensors file, or damaged: download it again.",
    );
  if (8 + length > size)
    throw badFile(
      file,
      `the safetensors header claims ${length} bytes, but the file has ${size}. Download it again.`,
    );
  return parseHeader(file, await source.read(8, length), 8 + length, size);
}

function parseHeader(file: string, bytes: Uint8Array, dataStart: number, size: number): Header {
  const json = parseStrictJson(file, bytes);
  if (!isRecord(json)) throw badFile(file, "the safetensors header is not a JSON object.");
  const tensors: StoredTensor[] = [];
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, entry] of Object.entries(json)) {
    if (name === "__metadata__") metadata = checkMetadata(file, entry);
    else tensors.push(checkEntry(file, name, entry, dataStart));
  }
  checkLayout(file, tensors, dataStart, size);
  return { tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])), metadata };
}

function parseStrictJson(file: string, bytes: Uint8Array): unknown {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw badFile(file, "the safetensors header is not valid JSON. Download it again.", error);
  }
  if (!text.startsWith("{")) throw badFile(file, "the safetensors header does not begin with {.");
  const problem = duplicateKeyOrFraction(text);
  if (problem !== undefined) throw badFile(file, `the safetensors header ${problem}.`);
  return value;
}

/**
 * What JSON.parse lets pass and the format does not: a key twice in one object, and numbers such as 1.0 or 1e3
 * where the format has whole numbers only. `text` must be valid JSON.
 */
function duplicateKeyOrFraction(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = []; // keys seen of every open object; undefined for arrays
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      const start = i++;
      let escaped = false;
      for (; text.charCodeAt(i) !== 0x22; i++)
        if (text.charCodeAt(i) === 0x5c) {
          escaped = true;
          i++;
        }
      const keys = open.at(-1);
      if (keys !== undefined && keyNext) {
        const key: string = escaped ? JSON.parse(text.slice(start, i + 1)) : text.slice(start + 1, i);
        if (keys.has(key)) return `has the key ${quote(key)} twice`;
        keys.add(key);
        keyNext = false;
      }
    } else if (c === 0x7b) {
      open.push(new Set());
      keyNext = true;
    } else if (c === 0x5b) open.push(undefined);
    else if (c === 0x7d || c === 0x5d) open.pop();
    else if (c === 0x2c) keyNext = true;
    else if ((c >= 0x30 && c <= 0x39) || c === 0x2d) {
      const start = i;
      while (/[-+.\deE]/.test(text.charAt(i + 1))) i++;
      const number = text.slice(start, i + 1);
      if (/[.eE-]/.test(number)) return `has the number ${quote(number)} where a whole number ≥ 0 belongs`;
    }
  }
  return undefined;
}

function checkMetadata(file: string, entry: unknown): Readonly<Record<string, string>> {
  if (entry === null) return {};
  if (!isRecord(entry)) throw badFile(file, "__metadata__ of the safetensors header is not an object.");
  for (const [key, value] of Object.entries(entry))
    if (typeof value !== "string")
      throw badFile(
        file,
        `__metadata__ ${quote(key)} is not a string. The format allows only strings there.`,
      );
  return entry as Record<string, string>;
}

function checkEntry(file: string, name: string, entry: unknown, dataStart: number): StoredTensor {
  const wrong = (text: string): Error => badFile(file, `tensor ${quote(name)} ${text}.`);
  if (!isRecord(entry)) throw wrong("is described by something that is not an object");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string") throw wrong("has no dtype");
  if (!isDtype(dtype))
    throw wrong(`has dtype ${quote(dtype)}; known are ${dtypes.join(", ")}. Convert it to one of them first`);
  if (!Array.isArray(shape)) throw wrong("has no shape");
  const count = elementCount(shape);
  if (count === undefined)
    throw wrong(`has the impossible shape ${quote(showShape(shape.map((size) => size as number)))}`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount))
    throw wrong("has no pair of data_offsets");
  const [begin, end] = offsets as [number, number];
  if (end < begin) throw wrong(`ends at byte ${end}, before its begin ${begin}`);
  const bytes = count * dtypeBytes[dtype];
  if (end - begin !== bytes)
    throw wrong(
      `takes ${end - begin} bytes (offsets ${begin} to ${end}), but ${dtype} ${showShape(shape)} needs ${bytes}`,
    );
  return { name, dtype, shape: shape as number[], offset: dataStart + begin, bytes };
}

/** The data is one run: sorted by offset, each tensor begins where the one before ends, the last at the file's end. */
function checkLayout(file: string, tensors: StoredTensor[], dataStart: number, size: number): void {
  const sorted = tensors.toSorted((a, b) => a.offset - b.offset || a.bytes - b.bytes);
  let end = dataStart;
  for (const tensor of sorted) {
    if (tensor.offset !== end) {
      const what = tensor.offset > end ? "leaves a gap before it" : "overlaps the tensor before it";
      throw badFile(
        file,
        `tensor ${quote(tensor.name)} begins at data offset ${tensor.offset - dataStart}, not ${end - dataStart}: it ${what}.`,
      );
    }
    end += tensor.bytes;
  }
  if (end > size)
    throw badFile(file, `it is cut short: ${size} bytes of ${end} are there. Download it again.`);
  if (end < size) throw badFile(file, `${size - end} bytes follow the last tensor and belong to none.`);
}

/** The length field and the header, padded with spaces so that the data begins at a multiple of 8. */
export function encodeHeader(
  tensors: readonly (TensorInfo & { readonly begin: number; readonly end: number })[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: [string, unknown][] = tensors.map(({ name, dtype, shape, begin, end }) => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  if (Object.keys(metadata).length > 0) entries.unshift(["__metadata__", metadata]);
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const length = Math.ceil(json.length / 8) * 8;
  if (length > maxHeaderBytes)
    throw new RangeError(`The header has ${length} bytes, over ${maxHeaderBytes}.`);
  const out = new Uint8Array(8 + length).fill(0x20);
  new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
  out.set(json, 8);
  return out;
}

const isDtype = (text: string): text is DType => (dtypes as readonly string[]).includes(text);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
