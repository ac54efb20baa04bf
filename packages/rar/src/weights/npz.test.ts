import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { buildZip } from "../testing/fuzz-zip.js";
import { memorySource } from "./byte-source.js";
import { readNpy, readNpySource, writeNpy } from "./npy.js";
import { openNpz, openNpzSource, writeNpz } from "./npz.js";
import { openTensorFile } from "./open.js";
import type { HostTensor } from "./tensor-file.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-npz-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An npy array from the text of its header. */
function npy(header: string, data = 0, version = [1, 0], claimed?: number): Uint8Array {
  const wide = version[0] !== 1;
  const start = wide ? 12 : 10;
  const bytes = new Uint8Array(start + header.length + data);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, ...version]);
  const view = new DataView(bytes.buffer);
  if (wide) view.setUint32(8, claimed ?? header.length, true);
  else view.setUint16(8, claimed ?? header.length, true);
  bytes.set(Buffer.from(header, "latin1"), start);
  for (let i = 0; i < data; i++) bytes[start + header.length + i] = i;
  return bytes;
}
const dict = (descr: string, shape: string, fortran = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }\n`;

describe.skipIf(missing("evaluation/npz", "evaluation/npz_manifest.json"))(
  "the reference's npz files",
  () => {
    const manifest = missing("evaluation/npz_manifest.json")
      ? { files: {}, array_sha256_c_order: "" }
      : JSON.parse(readFileSync(fixture("evaluation/npz_manifest.json")!, "utf8"));
    const path = (name: string) => fixture(`evaluation/npz/${name}`)!;

    const images = Object.entries<{ readable: boolean }>(manifest.files)
      .filter(([name, { readable }]) => readable && name !== "empty.npz")
      .map(([name]) => name);
    it.each(images)("%s holds the images, whole and in batches", async (name) => {
      await using file = await openNpz(path(name));
      const { data, ...info } = await file.read("arr_0");
      expect(info).toEqual({ name: "arr_0", dtype: "U8", shape: [8, 16, 16, 3] });
      const sha = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
      expect(sha(data as Uint8Array)).toBe(manifest.array_sha256_c_order);
      const parts: HostTensor[] = [];
      for await (const part of file.batches("arr_0", 3)) parts.push(part);
      expect(parts.map(({ shape }) => shape[0])).toEqual([3, 3, 2]);
      expect(sha(Buffer.concat(parts.map((part) => part.data as Uint8Array)))).toBe(
        manifest.array_sha256_c_order,
      );
    });

    it("empty.npz holds no images", async () => {
      await using file = await openNpz(path("empty.npz"));
      expect((await file.read("arr_0")).shape).toEqual([0, 16, 16, 3]);
      for await (const _ of file.batches("arr_0", 3)) expect.unreachable();
    });

    it("statistics.npz holds float32 means and float64 covariances", async () => {
      await using file = await openTensorFile(path("statistics.npz"));
      expect(file.tensors.get("sigma")).toEqual({ name: "sigma", dtype: "F64", shape: [64, 64] });
      const sigma = await file.readFloat32("sigma");
      for (let i = 0; i < 64; i++) expect(sigma[65 * i]).toBeGreaterThan(0);
      expect(sigma[1]).toBe(sigma[64]);
    });

    it.each([
      ["object_array.npz", /holds Python objects, which would have to be unpickled; nothing was executed/],
      ["truncated_file.npz", /cut short/],
      ["truncated_member.npz", /"arr_0.npy" is cut short: 1000 bytes of its elements are missing/],
      ["bad_crc.npz", /CRC-32 of member "arr_0.npy"/],
      ["wrong_key.npz", /no tensor "arr_0". The nearest name there is "images"/],
    ])("%s is refused", async (name, message) => {
      const read = async () => {
        await using file = await openNpz(path(name));
        await file.read("arr_0");
      };
      await expect(read()).rejects.toThrow(message);
    });

    it("bad_crc.npz is refused at the end of the batches too", async () => {
      await using file = await openNpz(path("bad_crc.npz"));
      const read = async () => {
        for await (const _ of file.batches("arr_0", 4));
      };
      await expect(read()).rejects.toThrow(/CRC-32/);
    });
  },
);

describe("arrays", () => {
  const read = (bytes: Uint8Array) => readNpySource(memorySource("x.npy", bytes));

  it("big-endian numbers are turned round", async () => {
    expect([...(await read(npy(dict(">i2", "(3,)"), 6))).data]).toEqual([0x0001, 0x0203, 0x0405]);
    expect([...(await read(npy(dict(">f4", "(1,)"), 4))).data][0]).toBeCloseTo(9.25571648671185e-41, 45);
  });

  it("Fortran order becomes row-major, also of more axes", async () => {
    const { data, shape } = await read(npy(dict("|u1", "(2, 3, 2)", "True"), 12));
    expect(shape).toEqual([2, 3, 2]);
    expect([...data]).toEqual([0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
  });

  it("keys in any order, double quotes, Python 2's L, scalars", async () => {
    const odd = `{ "shape" :( 2L , ) ,'fortran_order':False, 'descr':"<i2"}`;
    expect([...(await read(npy(odd, 4))).data]).toEqual([0x0100, 0x0302]);
    expect((await read(npy(dict("|u1", "()"), 1))).shape).toEqual([]);
  });

  const cases: [string, Uint8Array, RegExp][] = [
    ["nothing", new Uint8Array(3), /not an npy array/],
    ["version 4", npy(dict("|u1", "(1,)"), 1, [4, 0]), /npy version 4.0/],
    ["objects", npy(dict("|O", "(1,)"), 8), /Python objects/],
    [
      "structured",
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", 4),
      /structured dtype/,
    ],
    ["text", npy(dict("<U7", "(1,)"), 28), /dtype "<U7"/],
    ["unsigned 64 bits", npy(dict("<u8", "(1,)"), 8), /dtype "<u8"/],
    ["complex", npy(dict("<c8", "(1,)"), 8), /dtype "<c8"/],
    ["header beyond the file", npy(dict("|u1", "(1,)"), 0, [1, 0], 60000), /ends inside its header/],
    ["header of 4 GiB", npy(dict("|u1", "(1,)"), 0, [2, 0], 2 ** 32 - 1), /claims a header of/],
    ["code for a header", npy("__import__('os').system('true')", 0), /header that is no dict/],
    [
      "code in a dict",
      npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': ()}", 0),
      /header that cannot be read/,
    ],
    [
      "a key twice",
      npy("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}", 1),
      /"descr" twice/,
    ],
    ["a key missing", npy("{'descr': '|u1', 'shape': ()}", 1), /without just descr/],
    ["negative size", npy(dict("|u1", "(-1,)"), 1), /"-1" in its shape/],
    ["size over 2^53", npy(dict("|u1", "(4611686018427387904,)"), 1), /impossible shape/],
    ["product over 2^53", npy(dict("|u1", "(1099511627776, 1099511627776)"), 1), /impossible shape/],
    ["65 dimensions", npy(dict("|u1", `(${"1,".repeat(65)})`), 1), /65 dimensions/],
    ["cut short", npy(dict("<f4", "(3,)"), 11), /cut short: 1 bytes/],
    ["too long", npy(dict("<f4", "(3,)"), 13), /followed by 1 bytes/],
  ];
  it.each(cases)("%s is refused, alone and in an archive", async (_, bytes, message) => {
    await expect(read(bytes)).rejects.toThrow(message);
    const zipped = buildZip([{ name: "a.npy", data: bytes, deflate: bytes.length % 2 === 0 }]);
    await expect(openNpzSource(memorySource("x.npz", zipped))).rejects.toThrow(message);
  });

  it("batches of rows without numbers end", async () => {
    const file = await openNpzSource(
      memorySource("x.npz", buildZip([{ name: "a.npy", data: npy(dict("|u1", "(9007199254740991, 0)")) }])),
    );
    const parts: HostTensor[] = [];
    for await (const part of file.batches("a", 1)) parts.push(part);
    expect(parts).toHaveLength(1);
  });
});

describe("writing", () => {
  const tensors: HostTensor[] = [
    { name: "arr_0", dtype: "U8", shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    { name: "mu", dtype: "F64", shape: [2], data: Float64Array.of(0.1, -2) },
    { name: "one", dtype: "I64", shape: [], data: BigInt64Array.of(-3n) },
    { name: "half", dtype: "F16", shape: [1, 1], data: Uint16Array.of(0x3c00) },
  ];

  it.each([false, true])("npz gives every array back (64-bit zip: %s)", async (forceZip64) => {
    const path = join(folder, `x${forceZip64}.npz`);
    await writeNpz(path, tensors, { forceZip64 });
    await using file = await openNpz(path);
    for (const tensor of tensors) expect(await file.read(tensor.name)).toEqual(tensor);
  });

  it("npy gives its array back", async () => {
    const path = join(folder, "x.npy");
    for (const tensor of tensors) {
      await writeNpy(path, tensor);
      expect(await readNpy(path)).toEqual({ ...tensor, name: path });
    }
  });

  it("refuses bfloat16, which numpy does not know", async () => {
    const tensor = { name: "a", dtype: "BF16", shape: [1], data: new Uint16Array(1) } as const;
    await expect(writeNpz(join(folder, "y.npz"), [tensor])).rejects.toThrow(/npy has no BF16/);
  });
});
