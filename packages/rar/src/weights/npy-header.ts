/** Headers of npy arrays, versions 1 to 3: a Python dict in text, read without evaluating anything. */
import { quote } from "./bad-file.js";
import { elementCount, showShape } from "./shape.js";
import { type DType, dtypeBytes } from "./tensor-file.js";

export interface NpyHeader {
  readonly dtype: DType;
  readonly bigEndian: boolean;
  /** First index varies fastest. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly dataOffset: number;
  readonly dataBytes: number;
}

/** Why an array was refused; the caller adds file and name. */
export class NpyError extends Error {}

/** What `npyHeaderBytes` needs: magic, version, the longer of the two length fields. */
export const npyPreludeBytes = 12;
/** Far more than an array of numbers has (numpy itself refuses over 10,000). */
const maxHeaderBytes = 64 * 1024;
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const descriptions: ReadonlyMap<string, DType> = new Map([
  ["f8", "F64"],
  ["f4", "F32"],
  ["f2", "F16"],
  ["i8", "I64"],
  ["i4", "I32"],
  ["i2", "I16"],
  ["i1", "I8"],
  ["u1", "U8"],
  ["b1", "BOOL"],
]);

/** Bytes of the header with its prelude, from the array's first bytes (`npyPreludeBytes`, or all there are). */
export function npyHeaderBytes(bytes: Uint8Array): number {
  if (bytes.length < 10 || !magic.every((byte, i) => bytes[i] === byte))
    throw new NpyError("is not an npy array");
  const [major, minor] = [bytes[6]!, bytes[7]!];
  if (major < 1 || major > 3 || minor !== 0)
    throw new NpyError(`has npy version ${major}.${minor}; 1.0, 2.0 and 3.0 are known`);
  if (major > 1 && bytes.length < npyPreludeBytes) throw new NpyError("ends inside its header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? 10 + view.getUint16(8, true) : 12 + view.getUint32(8, true);
  if (length > maxHeaderBytes) throw new NpyError(`claims a header of ${length} bytes`);
  return length;
}

/** Parses the first `npyHeaderBytes` bytes of an array. */
export function parseNpyHeader(bytes: Uint8Array): NpyHeader {
  const dataOffset = npyHeaderBytes(bytes);
  if (bytes.length < dataOffset) throw new NpyError("ends inside its header");
  const text = Buffer.from(bytes.subarray(bytes[6] === 1 ? 10 : 12, dataOffset)).toString("latin1");
  const { descr, fortran, shape } = parseDict(text);
  const [, order, kind] = /^([<>=|])?(.*)$/s.exec(descr) ?? [];
  if (kind?.startsWith("O"))
    throw new NpyError("holds Python objects, which would have to be unpickled; nothing was executed");
  const dtype = descriptions.get(kind ?? "");
  if (dtype === undefined)
    throw new NpyError(`has dtype ${quote(descr)}; known are ${[...descriptions.keys()].join(", ")}`);
  const count = elementCount(shape);
  const dataBytes = (count ?? Number.NaN) * dtypeBytes[dtype];
  if (!Number.isSafeInteger(dataBytes)) throw new NpyError(`has the impossible shape ${showShape(shape)}`);
  return { dtype, bigEndian: order === ">", fortran, shape, dataOffset, dataBytes };
}

interface Dict {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }` in any order. */
function parseDict(text: string): Dict {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) throw new NpyError("has a header that is no dict");
  const entry =
    /\s*(['"])(\w+)\1\s*:\s*(?:(?:(['"])([^'"\\]*)\3|(True|False)|\(([^()]*)\))\s*(?:,|$)\s*|(\[))/y;
  const found = new Map<string, string | boolean | number[]>();
  while (entry.lastIndex < body.length) {
    const match = entry.exec(body);
    if (match === null) throw new NpyError("has a header that cannot be read");
    const [, , key, , string, boolean, tuple, list] = match;
    if (list !== undefined) throw new NpyError("has a structured dtype; only plain numbers can be read");
    if (found.has(key!)) throw new NpyError(`has ${quote(key!)} twice in its header`);
    found.set(key!, string ?? (tuple === undefined ? boolean === "True" : parseTuple(tuple)));
  }
  const [descr, fortran, shape] = [found.get("descr"), found.get("fortran_order"), found.get("shape")];
  if (typeof descr !== "string" || typeof fortran !== "boolean" || !Array.isArray(shape) || found.size !== 3)
    throw new NpyError("has a header without just descr, fortran_order and shape");
  return { descr, fortran, shape };
}

/** Sizes; Python 2 wrote an L after them. */
function parseTuple(text: string): number[] {
  if (text.trim() === "") return [];
  const parts = text.split(",");
  if (parts.length > 1 && parts.at(-1)!.trim() === "") parts.pop();
  if (parts.length > 64) throw new NpyError(`has ${parts.length} dimensions`);
  return parts.map((part) => {
    const digits = /^\s*(\d{1,20})L?\s*$/.exec(part)?.[1];
    if (digits === undefined) throw new NpyError(`has ${quote(part.trim())} in its shape`);
    return Number(digits);
  });
}

const names: Readonly<Partial<Record<DType, string>>> = {
  F64: "<f8",
  F32: "<f4",
  F16: "<f2",
  I64: "<i8",
  I32: "<i4",
  I16: "<i2",
  I8: "|i1",
  U8: "|u1",
  BOOL: "|b1",
};

/** Header of a C-order array as numpy writes it (version 1.0, padded so that the elements begin at a multiple of 64). */
export function encodeNpyHeader(dtype: DType, shape: readonly number[]): Uint8Array {
  const descr = names[dtype];
  if (descr === undefined) throw new TypeError(`npy has no ${dtype}. Widen it to F32, or write safetensors.`);
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const out = new Uint8Array(length).fill(0x20);
  out.set([...magic, 1, 0]);
  new DataView(out.buffer).setUint16(8, length - 10, true);
  out.set(new TextEncoder().encode(dict), 10);
  out[length - 1] = 0x0a;
  return out;
}
