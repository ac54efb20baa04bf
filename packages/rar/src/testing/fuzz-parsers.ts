/** The parsers under fuzzing: how each one's inputs are forged from sound files, and how all of an input is read. */
import { openTokenFile } from "../data/token-file-reader.js";
import { openTokenJsonl } from "../data/token-jsonl.js";
import { allRows, type TokenRows } from "../data/token-rows.js";
import { type ByteSource, memorySource } from "../weights/byte-source.js";
import { readNpySource } from "../weights/npy.js";
import { encodeNpyHeader } from "../weights/npy-header.js";
import { openNpzSource } from "../weights/npz.js";
import { openTensorSource } from "../weights/open.js";
import { PickleError, unpickle } from "../weights/pickle.js";
import { type DType, dtypeBytes, dtypes } from "../weights/tensor-file.js";
import { torchRules } from "../weights/torch-pickle.js";
import { mutateBytes, mutateText, nudge } from "./fuzz-mutate.js";
import type { Random } from "./fuzz-random.js";
import { forgedTokenFile, forgedTokenLines } from "./fuzz-tokens.js";
import { type ForgedTensor, forgedState, torchLegacy, torchParts } from "./fuzz-torch.js";
import { buildZip, type ZipFields, type ZipPart } from "./fuzz-zip.js";

export interface FuzzParser {
  readonly name: string;
  /** An input: sound, lying in a field or two, or with bytes changed. */
  make(random: Random): Uint8Array;
  /** Opens it and reads everything. Throws RarityError to refuse. */
  read(bytes: Uint8Array): Promise<void>;
}

export const fuzzParsers: readonly FuzzParser[] = [
  { name: "safetensors", make: (random) => safetensors(random), read: readTensorFile },
  { name: "torch", make: (random) => torch(random), read: readTensorFile },
  { name: "torch-legacy", make: (random) => legacy(random), read: readTensorFile },
  {
    name: "pickle",
    make: (random) => maybeBytes(random, 0.9, forgedState(forged(random))),
    read: readPickle,
  },
  {
    name: "npy",
    make: (random) => npy(random),
    read: async (bytes) => void (await readNpySource(named(bytes))),
  },
  { name: "npz", make: (random) => npz(random), read: readNpz },
  {
    name: "tokens",
    make: (random) => maybeBytes(random, 0.2, forgedTokenFile(random)),
    read: (bytes) => readTokens(openTokenFile(named(bytes), {})),
  },
  {
    name: "token-lines",
    make: (random) => {
      const text = forgedTokenLines(random);
      return Buffer.from(random.chance(0.2) ? mutateText(random, text) : text);
    },
    read: (bytes) => readTokens(openTokenJsonl(named(bytes), { codebookSize: 8, classes: 3 })),
  },
];

const named = (bytes: Uint8Array): ByteSource => memorySource("fuzz", bytes);

async function readTensorFile(bytes: Uint8Array): Promise<void> {
  await using file = await openTensorSource(named(bytes));
  for (const name of file.tensors.keys()) await file.readFloat32(name);
}

async function readTokens(opening: Promise<TokenRows>): Promise<void> {
  await using rows = await opening;
  for await (const _ of allRows(rows, { atOnce: 3 }));
}

async function readNpz(bytes: Uint8Array): Promise<void> {
  await using file = await openNpzSource(named(bytes));
  for (const [name, { shape }] of file.tensors) {
    await file.readFloat32(name);
    if (shape.length > 0) for await (const _ of file.batches(name, 2));
  }
}

/** The machine alone; its refusals are PickleErrors, which the readers turn into RarityErrors. */
async function readPickle(bytes: Uint8Array): Promise<void> {
  try {
    unpickle(bytes, 0, torchRules());
  } catch (error) {
    if (error instanceof PickleError) throw new RefusedPickle(error);
    throw error;
  }
}

/** A refusal, to be told from a crash. */
export class RefusedPickle extends Error {
  constructor(cause: PickleError) {
    super(cause.message);
  }
}

const maybeBytes = (random: Random, probability: number, bytes: Uint8Array): Uint8Array =>
  random.chance(probability) ? mutateBytes(random, bytes) : bytes;

const maybe = (random: Random, value: number): number => (random.chance(0.08) ? nudge(random, value) : value);

function shapeOf(random: Random): number[] {
  return Array.from({ length: random.below(4) }, () => random.below(5));
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function safetensors(random: Random): Uint8Array {
  let position = 0;
  const entries: [string, unknown][] = [];
  for (let i = random.below(4); i > 0; i--) {
    const dtype: DType = random.chance(0.3) ? "I8" : random.pick(dtypes);
    const shape = shapeOf(random);
    const bytes = count(shape) * dtypeBytes[dtype];
    const begin = maybe(random, position);
    position += bytes;
    const name = random.pick(["a", "b", "a.scale", "w", "w.scale", "__metadata__", "é"]);
    entries.push([
      name,
      {
        dtype: random.chance(0.03) ? random.pick(["F8_E4M3", "u8", "", 3, null]) : dtype,
        shape: shape.map((size) => maybe(random, size)),
        data_offsets: [begin, maybe(random, position)],
      },
    ]);
  }
  if (random.chance(0.3)) entries.push(["__metadata__", { k: random.chance(0.9) ? "v" : 1 }]);
  let json = JSON.stringify(Object.fromEntries(entries));
  if (random.chance(0.3)) json = mutateText(random, json);
  const header = new TextEncoder().encode(json);
  const out = new Uint8Array(8 + header.length + Math.max(0, maybe(random, position) % 4096));
  new DataView(out.buffer).setBigUint64(
    0,
    BigInt.asUintN(64, BigInt(Math.trunc(maybe(random, header.length)))),
    true,
  );
  out.set(header.subarray(0, out.length - 8), 8);
  return maybeBytes(random, 0.3, out);
}

const storageTypes = [
  "FloatStorage",
  "HalfStorage",
  "BFloat16Storage",
  "LongStorage",
  "ByteStorage",
  "BoolStorage",
];
const storageBytes = [4, 2, 2, 8, 1, 1];

function forged(random: Random): ForgedTensor[] {
  return Array.from({ length: 1 + random.below(3) }, (_, i) => {
    const shape = shapeOf(random);
    const strides = shape.map((_, axis) => count(shape.slice(axis + 1)));
    if (random.chance(0.3)) {
      shape.reverse();
      strides.reverse();
    }
    const type = random.below(storageTypes.length);
    const extra = random.below(3);
    const elements = count(shape) + extra;
    return {
      name: `t${random.chance(0.05) ? 0 : i}`,
      storageType: random.chance(0.02) ? "UntypedStorage" : storageTypes[type]!,
      key: random.chance(0.1) ? "0" : String(i),
      elements: maybe(random, elements),
      offset: maybe(random, random.below(extra + 1)),
      shape: shape.map((size) => maybe(random, size)),
      strides: strides.map((stride) => maybe(random, stride)),
      data: random.bytes(elements * storageBytes[type]!),
    };
  });
}

function torch(random: Random): Uint8Array {
  const tensors = forged(random);
  const state = maybeBytes(random, 0.3, forgedState(tensors));
  return archive(random, torchParts(tensors, state));
}

function legacy(random: Random): Uint8Array {
  const tensors = forged(random);
  const state = maybeBytes(random, 0.2, forgedState(tensors, true));
  return maybeBytes(random, 0.5, torchLegacy(tensors, state));
}

function npy(random: Random): Uint8Array {
  const shape = shapeOf(random);
  const dtype = random.pick(dtypes.filter((type) => type !== "BF16"));
  const header = encodeNpyHeader(dtype, shape);
  let text = Buffer.from(header.subarray(10)).toString("latin1");
  if (random.chance(0.2)) text = text.replace("False", "True");
  if (random.chance(0.1)) text = text.replace("<", ">");
  if (random.chance(0.5)) text = mutateText(random, text);
  const version = random.chance(0.8) ? 1 : 1 + random.below(4);
  const length = Math.max(0, Math.trunc(maybe(random, text.length)));
  const field =
    version === 1
      ? [length & 255, (length >> 8) & 255]
      : [length & 255, (length >> 8) & 255, (length >> 16) & 255, (length >> 24) & 255];
  const data = random.bytes(count(shape) * dtypeBytes[dtype]);
  return maybeBytes(
    random,
    0.3,
    Buffer.concat([
      header.subarray(0, 6),
      Uint8Array.of(version, 0, ...field),
      Buffer.from(text, "latin1"),
      data,
    ]),
  );
}

function npz(random: Random): Uint8Array {
  const parts = Array.from({ length: 1 + random.below(3) }, (_, i): ZipPart => {
    const shape = shapeOf(random);
    const sound = Buffer.concat([encodeNpyHeader("F32", shape), random.bytes(4 * count(shape))]);
    return {
      name: `arr_${i}.npy`,
      data: random.chance(0.5) ? sound : npy(random),
      deflate: random.chance(0.4),
    };
  });
  return archive(random, parts);
}

/** A zip of the parts, now and then with a field that lies or bytes changed. */
function archive(random: Random, parts: readonly ZipPart[]): Uint8Array {
  const lying = (part: ZipPart): ZipFields => {
    if (!random.chance(0.04)) return {};
    const facts: Required<ZipFields> = {
      name: random.pick([part.name, "../a", "archive/data.pkl", "a.npy", ""]),
      flags: random.pick([0, 1, 8, 64]),
      method: random.pick([0, 8, 8, 99]),
      crc: random.below(2 ** 32),
      packed: Math.trunc(nudge(random, part.data.length)),
      size: Math.trunc(nudge(random, part.data.length)),
      offset: Math.trunc(nudge(random, 200)),
    };
    const field = random.pick(Object.keys(facts) as (keyof ZipFields)[]);
    return { [field]: facts[field] };
  };
  const dressed = parts.map(
    (part): ZipPart => ({
      ...part,
      deflate: part.deflate ?? random.chance(0.02),
      descriptor: random.chance(0.2),
      zip64: random.chance(0.2),
      local: lying(part),
      directory: lying(part),
    }),
  );
  if (random.chance(0.03)) dressed.push(random.pick(dressed));
  return maybeBytes(random, 0.3, buildZip(dressed, random.chance(0.1) ? { comment: "PK\x05\x06" } : {}));
}
