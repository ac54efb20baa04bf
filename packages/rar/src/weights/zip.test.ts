import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { buildZip, type ZipPart } from "../testing/fuzz-zip.js";
import { memorySource } from "./byte-source.js";
import { openZip, type Zip } from "./zip.js";

const text = (value: string) => new TextEncoder().encode(value);
const one: ZipPart = { name: "a", data: text("first member") };
const two: ZipPart = { name: "b", data: text("second member, repeated, repeated, repeated, repeated") };
const open = (bytes: Uint8Array) => openZip(memorySource("x.zip", bytes));

async function readAll(zip: Zip): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const member of zip.members.values()) {
    out[member.name] = Buffer.from(await zip.read(member)).toString();
    await zip.check(member);
    const head = Buffer.from(await zip.head(member, 5)).toString();
    expect(head).toBe(out[member.name]!.slice(0, 5));
  }
  return out;
}

describe("sound archives", () => {
  const expected = { a: "first member", b: Buffer.from(two.data).toString() };
  const variants: [string, Partial<ZipPart>, string][] = [
    ["stored", {}, ""],
    ["deflated", { deflate: true }, ""],
    ["with data descriptors", { descriptor: true }, ""],
    ["deflated, with descriptors", { descriptor: true, deflate: true }, ""],
    ["64-bit fields", { zip64: true }, ""],
    ["64-bit fields and descriptors", { zip64: true, descriptor: true }, ""],
    ["a comment", {}, "a comment"],
    ["a comment that holds an end record", {}, "PK\x05\x06"],
    ["a comment of 64 KiB", {}, "c".repeat(65535)],
  ];
  it.each(variants)("%s", async (_, variant, comment) => {
    const bytes = buildZip(
      [
        { ...one, ...variant },
        { ...two, ...variant },
      ],
      { comment },
    );
    expect(await readAll(await open(bytes))).toEqual(expected);
  });

  it("folders are left out, empty members are read", async () => {
    const zip = await open(
      buildZip([
        { name: "folder/", data: text("") },
        { name: "empty", data: text("") },
      ]),
    );
    expect(await readAll(zip)).toEqual({ empty: "" });
  });
});

describe("archives that lie", () => {
  const zeros = new Uint8Array(4_000_000);
  const cut = buildZip([one, two]);
  const both = (fields: NonNullable<ZipPart["local"]>) => ({ local: fields, directory: fields });
  const cases: [string, Uint8Array, RegExp][] = [
    ["truncated", cut.subarray(0, cut.length - 1), /no end record: it was cut short/],
    ["of 22 bytes without an end", text("PK\x03\x04123456789012345678"), /no end record/],
    ["directory beyond the file", buildZip([one], { directoryOffset: 1e6 }), /directory lies out of range/],
    ["directory of another size", buildZip([one], { directoryBytes: 7 }), /directory lies out of range/],
    ["more entries than there are", buildZip([one], { entries: 2 }), /ends inside entry 2/],
    ["fewer entries than there are", buildZip([one, two], { entries: 1 }), /more bytes than entries/],
    ["65535 entries", buildZip([one], { entries: 65535 }), /ends inside entry 2/],
    ["two of a name", buildZip([one, one]), /two members called "a"/],
    ["overlapping", buildZip([one, { ...two, directory: { offset: 5 } }]), /"a" overlaps "b"/],
    ["one inside the other", buildZip([one, { ...two, directory: { offset: 0 } }]), /overlaps/],
    [
      "reaching into the directory",
      buildZip([{ ...one, ...both({ size: 60, packed: 60 }) }]),
      /overlaps the directory/,
    ],
    [
      "local header gone",
      buildZip([one, two]).map((byte, i) => (i === 43 ? 0 : byte)),
      /header of zip member "b" is not there/,
    ],
    ["local name differs", buildZip([{ ...one, local: { name: "z" } }]), /"a" has another name/],
    ["local size differs", buildZip([{ ...one, local: { size: 11 } }]), /"a" gives another size/],
    ["local CRC differs", buildZip([{ ...one, local: { crc: 1 } }]), /"a" gives another CRC-32/],
    ["local method differs", buildZip([{ ...one, local: { method: 8 } }]), /"a" has another method/],
    [
      "stored, yet packed",
      buildZip([{ ...one, ...both({ size: 99 }) }]),
      /"a" has sizes that disagree: 12 bytes stored, 99/,
    ],
    ["wrong CRC", buildZip([{ ...one, ...both({ crc: 7 }) }]), /CRC-32 of member "a" is wrong/],
    [
      "wrong CRC, deflated",
      buildZip([{ ...one, deflate: true, ...both({ crc: 7 }) }]),
      /CRC-32 of member "a"/,
    ],
    [
      "deflated to less than promised",
      buildZip([{ ...two, deflate: true, ...both({ size: 90 }) }]),
      /fewer bytes than the 90/,
    ],
    [
      "a bomb: deflated to more than promised",
      buildZip([{ name: "bomb", data: zeros, deflate: true, ...both({ size: 1000 }) }]),
      /more bytes than the 1000/,
    ],
    [
      "a promise deflate cannot keep",
      buildZip([{ ...two, deflate: true, ...both({ size: 2 ** 31 }) }]),
      /more than deflate can give/,
    ],
    [
      "no deflate stream",
      buildZip([{ ...one, ...both({ method: 8 }) }]),
      /"a" (cannot be unpacked|unpacks to)/,
    ],
    ["method 14", buildZip([{ ...one, ...both({ method: 14 }) }]), /packed with method 14/],
    ["encrypted", buildZip([{ ...one, ...both({ flags: 1 }) }]), /"a" is encrypted/],
    ["encrypted in the local header", buildZip([{ ...one, local: { flags: 1 } }]), /says it is encrypted/],
    [
      "absurd 64-bit offset",
      buildZip([{ ...one, zip64: true, directory: { offset: 2 ** 62 } }]),
      /absurd zip64 numbers/,
    ],
    [
      "absurd 64-bit size",
      buildZip([{ ...one, zip64: true, ...both({ size: 2 ** 62, packed: 2 ** 62 }) }]),
      /absurd zip64 numbers/,
    ],
    [
      "64-bit numbers that are missing",
      buildZip([{ ...one, directory: { size: 0xffffffff } }]),
      /lacks the zip64 numbers/,
    ],
    ["../name", buildZip([{ ...one, name: "../a" }]), /"..\/a" points outside/],
    ["a/../../b", buildZip([{ ...one, name: "a/../../b" }]), /points outside/],
    ["/name", buildZip([{ ...one, name: "/a" }]), /points outside/],
    ["C:name", buildZip([{ ...one, name: "C:a" }]), /points outside/],
    ["back\\slash", buildZip([{ ...one, name: "..\\a" }]), /points outside/],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    const error = await open(bytes)
      .then(readAll)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(error).toBeInstanceOf(RarityError);
    expect((error as RarityError).code).toBe("bad-file");
    expect((error as RarityError).message).toMatch(message);
  });
});
