import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { fixture, missing } from "../testing/fixtures.js";
import { memorySource } from "./byte-source.js";
import { viewAs } from "./floats.js";
import { openTensorFile } from "./open.js";
import { openSafetensors, writeSafetensors } from "./safetensors.js";
import { dtypes, type HostTensor } from "./tensor-file.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A safetensors file from its header text and its data. */
function file(header: string | object, dataBytes: number, claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const open = (bytes: Uint8Array) => openSafetensors(memorySource("x.safetensors", bytes));
const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: "F32",
  shape,
  data_offsets: [begin, end],
});

describe("reading what must be refused", () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ["no bytes for the length", new Uint8Array(7), /7 bytes are too few/],
    ["header length 0", file("", 0), /length 0/],
    ["header over 100 MB", file("{}", 0, 100_000_001n), /100000001 bytes, more than/],
    ["header length 2^64 - 1", file("{}", 0, 2n ** 64n - 1n), /more than the format's/],
    ["header beyond the file", file("{}", 0, 3n), /claims 3 bytes, but the file has 10/],
    ["no JSON", file("{nonsense", 0), /not valid JSON/],
    ["no UTF-8", file("{}", 0).map((b, i) => (i === 8 ? 0xff : b)), /not valid JSON/],
    ["JSON nested 10^5 deep", file("[".repeat(1e5) + "]".repeat(1e5), 0), /begin with \{/],
    ["a JSON array", file("[]", 0), /begin with \{/],
    ["space before the header", file(" {}", 0), /begin with \{/],
    [
      "a tensor twice",
      file(
        '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}',
        2,
      ),
      /key "a" twice/,
    ],
    [
      "a field twice",
      file('{"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1),
      /key "dtype" twice/,
    ],
    [
      "overlap",
      file({ a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8),
      /"b" begins at data offset 4, not 8: it overlaps/,
    ],
    [
      "gap",
      file({ a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12),
      /"b" begins at data offset 8, not 4: it leaves a gap/,
    ],
    ["end before begin", file({ a: f32([1], 4, 0) }, 4), /"a" ends at byte 0, before its begin 4/],
    ["wrong length", file({ a: f32([2, 2], 0, 12) }, 12), /"a" takes 12 bytes .*needs 16/],
    ["cut short", file({ a: f32([2], 0, 8) }, 7), /cut short/],
    ["bytes left over", file({ a: f32([2], 0, 8) }, 9), /1 bytes follow the last tensor/],
    [
      "unknown dtype",
      file({ a: { dtype: "F8_E4M3", shape: [1], data_offsets: [0, 1] } }, 1),
      /"a" has dtype "F8_E4M3"/,
    ],
    [
      "dtype of Object.prototype",
      file({ a: { dtype: "toString", shape: [1], data_offsets: [0, 1] } }, 1),
      /dtype "toString"/,
    ],
    ["product over 2^53", file({ a: f32([2 ** 30, 2 ** 30], 0, 4) }, 4), /impossible shape/],
    ["negative size", file({ a: f32([-1], 0, 4) }, 4), /whole number/],
    [
      "size 1.0",
      file('{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}', 1),
      /"1.0" where a whole number/,
    ],
    [
      "offsets no pair",
      file({ a: { dtype: "U8", shape: [1], data_offsets: [0] } }, 1),
      /no pair of data_offsets/,
    ],
    ["no shape", file({ a: { dtype: "U8", data_offsets: [0, 1] } }, 1), /"a" has no shape/],
    ["entry null", file({ a: null }, 0), /"a" is described by something/],
    ["metadata not strings", file({ __metadata__: { epoch: 3 } }, 0), /__metadata__ "epoch" is not a string/],
    ["metadata no object", file({ __metadata__: ["x"] }, 0), /__metadata__ .*not an object/],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    const error = await open(bytes).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(RarityError);
    expect((error as RarityError).code).toBe("bad-file");
    expect((error as RarityError).message).toMatch(message);
    expect((error as RarityError).message).toContain('"x.safetensors"');
  });

  it("accepts what the format allows: any key order, empty tensors, scalars, null metadata, padding", async () => {
    const opened = await open(
      file(
        `${JSON.stringify({ b: f32([], 4, 8), none: f32([0, 7], 4, 4), a: f32([1], 0, 4), __metadata__: null })}   `,
        8,
      ),
    );
    expect([...opened.tensors.keys()]).toEqual(["b", "none", "a"]);
    expect((await opened.read("none")).data).toHaveLength(0);
    expect((await opened.read("b")).shape).toEqual([]);
  });

  it("names the nearest tensor where there is none of that name", async () => {
    const opened = await open(
      file({ "blocks.0.norm1.weight": f32([1], 0, 4), pos_embed: f32([1], 4, 8) }, 8),
    );
    await expect(opened.readFloat32("blocks.0.norm1.weigth")).rejects.toThrow(
      /no tensor "blocks.0.norm1.weigth".*"blocks.0.norm1.weight"/,
    );
  });
});

describe("writing", () => {
  it("gives back any tensors bit for bit, with aligned data", { timeout: 180_000 }, async () => {
    const tensor = fc.record({
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
      seed: fc.integer(),
    });
    const path = join(folder, "any.safetensors");
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string({ minLength: 1 }), tensor),
        fc.dictionary(fc.string(), fc.string()),
        async (described, metadata) => {
          const tensors = Object.entries(described).map(([name, { dtype, shape, seed }]): HostTensor => {
            const count = shape.reduce((a, b) => a * b, 1);
            const width = viewAs(dtype, new Uint8Array(8)).BYTES_PER_ELEMENT;
            const bytes = new Uint8Array(count * width).map((_, i) => (i * 37 + seed) & 255);
            return { name, dtype, shape, data: viewAs(dtype, bytes) };
          });
          await writeSafetensors(path, tensors, metadata);
          await using opened = await openTensorFile(path);
          expect(opened.metadata).toEqual(metadata);
          expect(new Set(opened.tensors.keys())).toEqual(new Set(tensors.map((t) => t.name)));
          for (const t of tensors) {
            const { data, ...info } = await opened.read(t.name);
            expect(info).toEqual({ name: t.name, dtype: t.dtype, shape: t.shape });
            expect(Buffer.from(data.buffer).equals(Buffer.from(t.data.buffer))).toBe(true);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("opens a file whose header's length begins as a pickle does", async () => {
    const path = join(folder, "pickle-like.safetensors");
    const header = JSON.stringify({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }).padEnd(0x280);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    await writeFile(path, Buffer.concat([length, Buffer.from(header), Buffer.alloc(4)]));
    await using opened = await openTensorFile(path);
    expect([...opened.tensors.keys()]).toEqual(["a"]);
  });

  it("leaves the old file and nothing else where the producer fails", async () => {
    const path = join(folder, "kept.safetensors");
    await writeFile(path, "old");
    const infos = [{ name: "a", dtype: "F32", shape: [4] }] as const;
    const before = await readdir(folder);
    const failing = writeSafetensors(path, { infos, data: () => Promise.reject(new TypeError("no more")) });
    await expect(failing).rejects.toThrow("no more");
    const short = writeSafetensors(path, { infos, data: () => new Float32Array(3) });
    await expect(short).rejects.toThrow(/"a" is F32 \[4\]: 16 bytes, but 12/);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(before);
  });

  it("takes elements in parts", async () => {
    const path = join(folder, "parts.safetensors");
    const data = async function* () {
      yield new Float32Array([1, 2]);
      yield new Float32Array([3]);
    };
    await writeSafetensors(path, { infos: [{ name: "a", dtype: "F32", shape: [3] }], data });
    await using opened = await openTensorFile(path);
    expect([...(await opened.readFloat32("a"))]).toEqual([1, 2, 3]);
  });

  it("says that a folder is missing, and that a name is taken", async () => {
    await expect(writeSafetensors(join(folder, "no", "x"), [])).rejects.toThrow(/its folder does not exist/);
    const a = { name: "a", dtype: "U8", shape: [1], data: new Uint8Array(1) } as const;
    await expect(writeSafetensors(join(folder, "x"), [a, a])).rejects.toThrow(/Two tensors are called "a"/);
  });
});

describe.skipIf(missing("rar_b_width/forward.safetensors"))("a file of the reference", () => {
  it("opens", async () => {
    await using opened = await openTensorFile(fixture("rar_b_width/forward.safetensors")!);
    expect(opened.tensors.get("tokens")).toMatchObject({ dtype: "I64" });
    const logits = await opened.readFloat32("raster.logits");
    expect(logits.every(Number.isFinite)).toBe(true);
  });
});
