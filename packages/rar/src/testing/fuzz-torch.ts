/** Builds PyTorch files in memory whose pickles may say anything: for hostile-file tests and fuzzing. */
import { buildZip, type ZipPart } from "./fuzz-zip.js";

/** One tensor as its pickle describes it; nothing has to fit anything. */
export interface ForgedTensor {
  readonly name: string;
  readonly storageType?: string;
  readonly key?: string;
  /** Elements of the storage, as the pickle claims. */
  readonly elements: number | bigint;
  readonly offset?: number | bigint;
  readonly shape: readonly (number | bigint)[];
  readonly strides: readonly (number | bigint)[];
  /** Bytes of the storage that are there. */
  readonly data: Uint8Array;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Pickle opcodes for plain values and calls; join them with `pickle`. */
export const op = {
  /** Any whole number of up to 255 bytes. */
  int(value: number | bigint): Uint8Array {
    if (typeof value === "number" && !Number.isInteger(value)) return op.float(value);
    const bytes: number[] = [];
    let rest = BigInt(value);
    do {
      bytes.push(Number(rest & 255n));
      rest >>= 8n;
    } while (!((rest === 0n && bytes.at(-1)! < 128) || (rest === -1n && bytes.at(-1)! >= 128)));
    return Uint8Array.of(0x8a, bytes.length, ...bytes);
  },
  float(value: number): Uint8Array {
    const bytes = new Uint8Array(9);
    bytes[0] = 0x47;
    new DataView(bytes.buffer).setFloat64(1, value);
    return bytes;
  },
  text(value: string): Uint8Array {
    const bytes = utf8(value);
    return Buffer.concat([Uint8Array.of(0x58), Uint32Array.of(bytes.length), bytes].map((b) => bytesOf(b)));
  },
  global: (module: string, name: string): Uint8Array => utf8(`c${module}\n${name}\n`),
  tuple: (...items: Uint8Array[]): Uint8Array => Buffer.concat([utf8("("), ...items, utf8("t")]),
  call: (callee: Uint8Array, ...args: Uint8Array[]): Uint8Array =>
    Buffer.concat([callee, op.tuple(...args), utf8("R")]),
  dict: (...items: Uint8Array[]): Uint8Array => Buffer.concat([utf8("}("), ...items, utf8("u")]),
  list: (...items: Uint8Array[]): Uint8Array => Buffer.concat([utf8("]("), ...items, utf8("e")]),
  false: Uint8Array.of(0x89),
  orderedDict: utf8("ccollections\nOrderedDict\n)R"),
};

const bytesOf = (array: Uint8Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/** A whole pickle, protocol 2. */
export const pickle = (...parts: Uint8Array[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(0x80, 2), ...parts, utf8(".")]);

export function forgedTensor(tensor: ForgedTensor, index: number, legacy = false): Uint8Array {
  const id = [
    op.text("storage"),
    op.global("torch", tensor.storageType ?? "FloatStorage"),
    op.text(tensor.key ?? String(index)),
    op.text("cpu"),
    op.int(tensor.elements),
    ...(legacy ? [utf8("N")] : []),
  ];
  return op.call(
    op.global("torch._utils", "_rebuild_tensor_v2"),
    Buffer.concat([op.tuple(...id), utf8("Q")]),
    op.int(tensor.offset ?? 0),
    op.tuple(...tensor.shape.map(op.int)),
    op.tuple(...tensor.strides.map(op.int)),
    op.false,
    op.orderedDict,
  );
}

export function forgedState(tensors: readonly ForgedTensor[], legacy = false): Uint8Array {
  return pickle(
    op.dict(...tensors.flatMap((tensor, i) => [op.text(tensor.name), forgedTensor(tensor, i, legacy)])),
  );
}

/** Members of an archive as PyTorch writes it; `state` is its pickle. */
export function torchParts(tensors: readonly ForgedTensor[], state = forgedState(tensors)): ZipPart[] {
  const storages = new Map(tensors.map((tensor, i) => [tensor.key ?? String(i), tensor.data]));
  return [
    { name: "archive/data.pkl", data: state },
    { name: "archive/byteorder", data: utf8("little") },
    ...[...storages].map(([key, data]) => ({ name: `archive/data/${key}`, data })),
    { name: "archive/version", data: utf8("3\n") },
  ];
}

export const torchZip = (tensors: readonly ForgedTensor[], state?: Uint8Array): Uint8Array =>
  buildZip(torchParts(tensors, state));

/** The five pickles and the storages of the old format. */
export function torchLegacy(
  tensors: readonly ForgedTensor[],
  state = forgedState(tensors, true),
): Uint8Array {
  const storages = new Map(tensors.map((tensor, i) => [tensor.key ?? String(i), tensor]));
  return Buffer.concat([
    ...legacyStart(),
    state,
    pickle(op.list(...[...storages.keys()].map(op.text))),
    ...[...storages.values()].flatMap(({ elements, data }) => [
      bytesOf(
        new Uint8Array(
          BigInt64Array.of(
            BigInt.asIntN(64, BigInt(typeof elements === "number" ? Math.trunc(elements) : elements)),
          ).buffer,
        ),
      ),
      data,
    ]),
  ]);
}

export function legacyStart(littleEndian = true): Uint8Array[] {
  const yes = Uint8Array.of(littleEndian ? 0x88 : 0x89);
  return [
    pickle(op.int(0x1950a86a20f9469cfc6cn)),
    pickle(op.int(1001)),
    pickle(op.dict(op.text("protocol_version"), op.int(1001), op.text("little_endian"), yes)),
  ];
}
