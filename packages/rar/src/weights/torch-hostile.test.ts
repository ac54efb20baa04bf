import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import {
  type ForgedTensor,
  forgedState,
  forgedTensor,
  legacyStart,
  op,
  pickle,
  torchLegacy,
  torchParts,
  torchZip,
} from "../testing/fuzz-torch.js";
import { buildZip } from "../testing/fuzz-zip.js";
import { memorySource } from "./byte-source.js";
import { openTensorSource } from "./open.js";

const open = (bytes: Uint8Array) => openTensorSource(memorySource("x.bin", bytes));
const utf8 = (text: string) => new TextEncoder().encode(text);
const bytesOf = (...values: number[]) => new Uint8Array(Float32Array.of(...values).buffer);
const good: ForgedTensor = {
  name: "a",
  elements: 6,
  shape: [2, 3],
  strides: [3, 1],
  data: bytesOf(1, 2, 3, 4, 5, 6),
};

/** Opens and reads everything; the error that stopped it. */
async function failure(bytes: Uint8Array): Promise<RarityError> {
  const error = await (async () => {
    const file = await open(bytes);
    for (const name of file.tensors.keys()) await file.readFloat32(name);
  })().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(RarityError);
  expect((error as RarityError).code).toBe("bad-file");
  expect((error as RarityError).message).toContain('"x.bin"');
  return error as RarityError;
}

it.each([
  ["zip", torchZip([good])],
  ["legacy", torchLegacy([good])],
])("the forger's sound %s file opens", async (_, bytes) => {
  const file = await open(bytes);
  expect([...(await file.readFloat32("a"))]).toEqual([1, 2, 3, 4, 5, 6]);
});

describe.each([
  ["zip", torchZip, false],
  ["legacy", torchLegacy, true],
] as const)("pickles in %s files", (_, file, legacy) => {
  const state = (...parts: Uint8Array[]) => file([], pickle(...parts));
  const a = forgedTensor(good, 0, legacy);
  const cases: [string, Uint8Array, RegExp][] = [
    [
      "os.system",
      state(op.call(op.global("os", "system"), op.text("touch /tmp/owned"))),
      /"os.system".*nothing was executed/,
    ],
    [
      "posix.system by STACK_GLOBAL",
      state(op.text("posix"), op.text("system"), utf8("\x93").slice(1)),
      /"posix.system"/,
    ],
    ["builtins.eval", state(op.call(op.global("builtins", "eval"), op.text("1"))), /"builtins.eval"/],
    [
      "a whole module",
      state(op.global("torch.nn.modules.linear", "Linear")),
      /"torch.nn.modules.linear.Linear"/,
    ],
    [
      "a name inside an allowed module",
      state(op.global("torch._utils", "_import_dotted_name")),
      /_import_dotted_name/,
    ],
    ["a storage type that is none", state(op.global("torch", "EvilStorage")), /"torch.EvilStorage"/],
    ["a module name with a newline's escape", state(utf8("ccollections\nOrdered\\nDict\n")), /Ordered/],
    ["an endless name", state(utf8(`c${"x".repeat(10_000)}\n`)), /endless name/],
    ["REDUCE on a string", state(op.text("x"), op.tuple(), utf8("R")), /calls something that is no function/],
    [
      "REDUCE without a tuple",
      state(op.global("collections", "OrderedDict"), op.text("x"), utf8("R")),
      /without a tuple/,
    ],
    [
      "a dtype called",
      state(op.call(op.global("torch", "float32"))),
      /"torch.float32", which is no function/,
    ],
    ["stack underflow", state(utf8("R")), /empty stack/],
    ["underflow below a mark", state(op.int(1), utf8("(R")), /empty stack/],
    ["TUPLE without a mark", state(utf8("t")), /no mark/],
    ["STOP on an empty stack", state(), /stops with values left/],
    ["STOP with two values", state(op.int(1), op.int(2)), /stops with values left/],
    ["memo never made", state(utf8("h\x07")), /value 7, which it never made/],
    ["BUILD on a tensor", state(a, utf8("}b")), /state of an object/],
    ["INST, an opcode never needed", state(utf8("(ios\nsystem\n")), /opcode 0x69/],
    ["OBJ", state(utf8("(o")), /opcode 0x6f/],
    ["NEWOBJ", state(Uint8Array.of(0x81)), /opcode 0x81/],
    ["EXT1", state(Uint8Array.of(0x82, 1)), /opcode 0x82/],
    ["PERSID in text", state(utf8("Pabc\n")), /opcode 0x50/],
    ["protocol 0's integers", state(utf8("I1\n")), /opcode 0x49/],
    [
      "a number of 200 bytes",
      state(Uint8Array.of(0x8a, 200), new Uint8Array(200)),
      /whole number of 200 bytes/,
    ],
    ["a number of 2^31 bytes", state(Uint8Array.of(0x8b, 0, 0, 0, 0x80)), /whole number of 2147483648 bytes/],
    ["text that is no UTF-8", state(Uint8Array.of(0x58, 1, 0, 0, 0, 0xff)), /not UTF-8/],
    ["a key without a value", state(utf8("}("), op.text("a"), utf8("u")), /key without a value/],
    ["items of a list", state(utf8("](e]("), op.text("a"), op.int(1), utf8("u")), /no dict/],
    ["a persistent id that is no storage", state(op.text("module"), utf8("Q")), /no storage/],
    [
      "a rebuilt tensor without storage",
      state(op.call(op.global("torch._utils", "_rebuild_tensor_v2"), op.int(1))),
      /without a storage/,
    ],
    ["two million empty lists", state(utf8("]".repeat(2_000_000))), /over 500000 operations/],
    ["nesting 10^6 deep", state(utf8("(".repeat(1_000_000))), /over 500000 operations/],
    ["a tensor named by a number", state(op.dict(op.int(3), a)), /called "3", which is no string/],
    ["not a dict", state(op.list()), /holds no state dict/],
    [
      "collections beside tensors",
      state(op.dict(op.text("a"), a, op.text("b"), op.list())),
      /"b" of its state dict is a collection/,
    ],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    const before = performance.now();
    expect((await failure(bytes)).message).toMatch(message);
    expect(performance.now() - before).toBeLessThan(5000);
  });

  it("cut at any byte: refused", async () => {
    const whole = file([good]);
    for (let length = 1; length < whole.length; length += 7) await failure(whole.subarray(0, length));
  });
});

describe("tensors that do not fit their storage are refused by name", () => {
  const cases: [string, Partial<ForgedTensor>, RegExp][] = [
    [
      "longer than the storage",
      { shape: [3, 3] },
      /"a" of shape \[3, 3\].*needs 9 elements; its storage has 6/,
    ],
    ["offset past the end", { offset: 6 }, /"a".*needs 12 elements/],
    ["negative offset", { offset: -1 }, /"a" has the impossible storage offset -1/],
    ["offset 2^70", { offset: 2n ** 70n }, /"a" has the impossible storage offset NaN/],
    ["stride past the end", { strides: [4, 1] }, /"a".*needs 7 elements/],
    ["negative stride", { strides: [-3, 1] }, /"a".*impossible strides \[-3, 1\]/],
    ["stride 1.5", { strides: [1.5, 1] }, /"a".*impossible strides/],
    ["stride 2^53", { strides: [2 ** 53, 1] }, /"a".*impossible strides/],
    ["a stride missing", { strides: [1] }, /"a".*impossible strides \[1\]/],
    [
      "zero strides that claim more",
      { shape: [2 ** 20, 2 ** 20], strides: [0, 0] },
      /"a" claims 1099511627776 elements, its storage has 6/,
    ],
    ["overlapping strides that claim more", { shape: [4, 3], strides: [1, 1] }, /"a" claims 12 elements/],
    ["numel over 2^53", { shape: [2 ** 40, 2 ** 40], strides: [0, 0] }, /"a" has the impossible shape/],
    ["negative size", { shape: [-2, 3] }, /"a" has the impossible shape/],
    ["65 dimensions", { shape: new Array(65).fill(1), strides: new Array(65).fill(1) }, /65 dimensions/],
    ["storage of another size", { elements: 7 }, /storage "0".*has 24 bytes, its pickle says 28/],
    ["storage of 2^60 elements", { elements: 2 ** 60 }, /storage's size is 1152921504606846976/],
    ["negative storage", { elements: -1 }, /storage's size is -1/],
    ["storage key that climbs", { key: "../../etc/passwd" }, /points outside/],
  ];
  it.each(cases)("%s", async (_, change, message) => {
    expect((await failure(torchZip([{ ...good, ...change }]))).message).toMatch(message);
  });

  it.each(["elements", "shape"] as const)("the same in old files: %s", async (key) => {
    const forged = { ...good, ...(key === "elements" ? { elements: 7 } : { shape: [3, 3] }) };
    expect((await failure(torchLegacy([forged]))).message).toMatch(
      /cut short in storage "0"|needs 9 elements/,
    );
  });

  it("one storage in two types", async () => {
    const other: ForgedTensor = { ...good, name: "b", key: "0", storageType: "HalfStorage", elements: 12 };
    expect((await failure(torchZip([good, other]))).message).toMatch(/storage "0" is described in two ways/);
  });

  it("strides 0 and overlaps within the storage's size are read as they are", async () => {
    const file = await open(torchZip([{ ...good, shape: [2, 3], strides: [0, 2] }]));
    expect([...(await file.readFloat32("a"))]).toEqual([1, 3, 5, 1, 3, 5]);
  });
});

describe("archives", () => {
  const parts = torchParts([good]);
  const [pkl, order, storage, version] = parts as [
    (typeof parts)[0],
    (typeof parts)[0],
    (typeof parts)[0],
    (typeof parts)[0],
  ];
  const cases: [string, Uint8Array, RegExp][] = [
    ["no data.pkl", buildZip([order, storage]), /neither PyTorch's data.pkl nor/],
    [
      "two data.pkl under two folders",
      buildZip([...parts, { ...pkl, name: "other/data.pkl" }]),
      /has 2 members data.pkl/,
    ],
    ["two data.pkl under one name", buildZip([...parts, pkl]), /two members called "archive\/data.pkl"/],
    ["a storage missing", buildZip([pkl, order]), /storage "0" of tensor "a" is not in the archive/],
    [
      "a bit of a storage flipped",
      buildZip([pkl, { ...storage, local: { crc: 1 }, directory: { crc: 1 } }]),
      /CRC-32 of member "archive\/data\/0"/,
    ],
    [
      "a bit of the pickle flipped",
      buildZip([{ ...pkl, local: { crc: 1 }, directory: { crc: 1 } }, storage]),
      /CRC-32 of member "archive\/data.pkl"/,
    ],
    [
      "compressed pickle",
      buildZip([{ ...pkl, deflate: true }, storage]),
      /"archive\/data.pkl" is compressed/,
    ],
    [
      "compressed storage",
      buildZip([pkl, { ...storage, deflate: true }]),
      /"archive\/data\/0" is compressed/,
    ],
    ["big-endian", buildZip([pkl, { ...order, data: utf8("big") }, storage, version]), /byte order is "big"/],
    [
      "TorchScript",
      buildZip([...parts, { name: "archive/constants.pkl", data: new Uint8Array(1) }]),
      /TorchScript/,
    ],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    expect((await failure(bytes)).message).toMatch(message);
  });

  it("top folder of any name, extra members, storages in any order, data descriptors, 64-bit fields, a comment", async () => {
    const renamed = [
      ...parts.toReversed(),
      { name: "archive/.data/serialization_id", data: utf8("1") },
      { name: "archive/.format_version", data: utf8("1") },
      { name: "archive/.storage_alignment", data: utf8("64") },
    ].map((part) => ({
      ...part,
      name: part.name.replace("archive", "模型 v2"),
      descriptor: true,
      zip64: true,
    }));
    const file = await open(buildZip(renamed, { comment: "made by hand" }));
    expect([...(await file.readFloat32("a"))]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("checks the CRC-32 of a storage before a part of it is given out", async () => {
    const part: ForgedTensor = { ...good, shape: [2], strides: [1] };
    const [pkl] = torchParts([part]) as [(typeof parts)[0]];
    const broken = buildZip([pkl, { ...storage, local: { crc: 1 }, directory: { crc: 1 } }]);
    expect((await failure(broken)).message).toMatch(/CRC-32 of member/);
  });
});

describe("old files", () => {
  const state = forgedState([good], true);
  const cases: [string, Uint8Array, RegExp][] = [
    ["a plain pickle", pickle(op.dict()), /plain pickle, not a file of torch.save/],
    ["another version", Buffer.concat([legacyStart()[0]!, pickle(op.int(7))]), /file version 7, not 1001/],
    ["big-endian", Buffer.concat([...legacyStart(false), state]), /big-endian machine/],
    [
      "no list of storages",
      Buffer.concat([...legacyStart(), state, pickle(op.int(1))]),
      /no list of storages/,
    ],
    [
      "a storage listed twice",
      Buffer.concat([
        ...legacyStart(),
        state,
        pickle(op.list(op.text("0"), op.text("0"))),
        new Uint8Array(BigInt64Array.of(6n).buffer),
        good.data,
      ]),
      /"0" is listed twice/,
    ],
    [
      "a storage nobody described",
      Buffer.concat([...legacyStart(), state, pickle(op.list(op.text("9")))]),
      /"9" is listed, but/,
    ],
    [
      "a storage not listed",
      Buffer.concat([...legacyStart(), state, pickle(op.list())]),
      /storage "0" of tensor "a" is not in it/,
    ],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    expect((await failure(bytes)).message).toMatch(message);
  });

  it("pickles longer than the first look are read whole", async () => {
    const many = Array.from(
      { length: 1500 },
      (_, i): ForgedTensor => ({ ...good, name: `t${i}`, key: `${i}` }),
    );
    const file = await open(torchLegacy(many));
    expect(file.tensors.size).toBe(1500);
    expect([...(await file.readFloat32("t1499"))]).toEqual([1, 2, 3, 4, 5, 6]);
  });
});
