import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { decodeImage } from "./decode.js";
import { encodePng, encodePngSync, readPngText } from "./png.js";
import { sharp } from "./sharp.js";

const picture = (width: number, height: number, seed = 1) => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * seed + (i >> 3)) & 255),
});

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(data.length, 0);
  ends.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
}

/** The file with a chunk put in after the header. */
async function withChunk(type: string, data: Uint8Array): Promise<Buffer> {
  const png = await encodePng(picture(2, 2));
  return Buffer.concat([png.subarray(0, 33), chunk(type, data), png.subarray(33)]);
}

const keyword = fc.string({
  unit: fc
    .integer({ min: 0x21, max: 0xff })
    .filter((c) => c < 0x7f || c > 0xa0)
    .map((c) => String.fromCharCode(c)),
  minLength: 1,
  maxLength: 79,
});
const value = fc.string({ unit: "binary", maxLength: 60 }).filter((text) => !text.includes("\0"));

describe("encodePng", () => {
  it("writes pixels that another decoder reads back", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.nat(50),
        async (w, h, seed) => {
          const image = picture(w, h, seed);
          const png = await encodePng(image, { rarity: "seed 1" });
          const { data, info } = await sharp(png, { failOn: "warning" })
            .raw()
            .toBuffer({ resolveWithObject: true });
          expect([info.width, info.height, info.channels]).toEqual([w, h, 3]);
          expect(Buffer.compare(data, image.data)).toBe(0);
          expect(Buffer.compare(encodePngSync(image, { rarity: "seed 1" }), png)).toBe(0);
        },
      ),
      { numRuns: 25 },
    );
  });

  it("brings any text back", async () => {
    await fc.assert(
      fc.asyncProperty(fc.dictionary(keyword, value, { maxKeys: 5 }), async (text) => {
        expect(readPngText(await encodePng(picture(1, 1), text))).toEqual(text);
      }),
      { numRuns: 60 },
    );
  });

  it("keeps a keyword named __proto__ a keyword", async () => {
    const text = JSON.parse('{"__proto__": "x"}') as Record<string, string>;
    expect(Object.entries(readPngText(await encodePng(picture(1, 1), text)))).toEqual([["__proto__", "x"]]);
  });

  it("shows its texts to another reader", async () => {
    const png = await encodePng(picture(3, 3), { rarity: '{"seed":7}', prompt: "café ☕" });
    const { comments } = await sharp(png).metadata();
    expect(comments).toEqual([
      { keyword: "rarity", text: '{"seed":7}' },
      { keyword: "prompt", text: "café ☕" },
    ]);
  });

  it("refuses texts PNG cannot hold and pictures whose bytes do not fit", async () => {
    for (const bad of ["", " x", "x ", "a  b", "x".repeat(80), "☕", "a\nb"]) {
      await expect(encodePng(picture(1, 1), { [bad]: "v" }), bad).rejects.toThrow(RangeError);
    }
    await expect(encodePng(picture(1, 1), { a: "x\0y" })).rejects.toThrow(/NUL/);
    await expect(encodePng(picture(1, 1), { a: "\ud800" })).rejects.toThrow(/surrogate/);
    await expect(encodePng({ width: 2, height: 2, data: new Uint8Array(11) })).rejects.toThrow(
      /needs 12 bytes/,
    );
    await expect(encodePng({ width: 0, height: 2, data: new Uint8Array(0) })).rejects.toThrow(RangeError);
  });
});

describe("readPngText", () => {
  it("reads compressed texts of other programs", async () => {
    const ztxt = Buffer.concat([Buffer.from("note\0\0"), deflateSync(Buffer.from("caf\xe9", "latin1"))]);
    expect(readPngText(await withChunk("zTXt", ztxt))).toEqual({ note: "café" });
    const itxt = Buffer.concat([Buffer.from("note\0\x01\0de\0Notiz\0"), deflateSync(Buffer.from("☕"))]);
    expect(readPngText(await withChunk("iTXt", itxt))).toEqual({ note: "☕" });
  });

  it("refuses a file cut anywhere", async () => {
    const png = await encodePng(picture(4, 4), { a: "b", c: "☕" });
    for (let length = 0; length < png.length; length++) {
      expect(() => readPngText(png.subarray(0, length)), `${length} bytes`).toThrow(RarityError);
    }
  });

  it("refuses wrong checksums, wild lengths and texts that are not valid, by name", async () => {
    const png = Buffer.from(await encodePng(picture(4, 4), { a: "b" }));
    const flipped = Buffer.from(png);
    flipped[44]! ^= 1;
    expect(() => readPngText(flipped, "x.png")).toThrow(/"x\.png".*checksum of its tEXt/);
    const wild = Buffer.from(png);
    wild.writeUInt32BE(0xffffffff, 33);
    expect(() => readPngText(wild, "x.png")).toThrow(/cut off inside its tEXt/);
    expect(() => readPngText(Buffer.from("<html>"), "x.png")).toThrow(/not a PNG/);
    for (const [type, data] of [
      ["tEXt", "no end"],
      ["tEXt", "\0no keyword"],
      ["zTXt", "a\0\0not deflate"],
      ["zTXt", "a\0\x05x"],
      ["iTXt", "a\0\x02\0\0\0x"],
      ["iTXt", "a\0\0\0\0\0\xff\xff"],
      ["iTXt", "a\0"],
    ] as const) {
      const bytes = await withChunk(type, Buffer.from(data, "latin1"));
      expect(() => readPngText(bytes), data).toThrow(/chunk is not valid/);
    }
  });

  it("does not inflate a bomb", async () => {
    const bomb = Buffer.concat([Buffer.from("a\0\0"), deflateSync(new Uint8Array(50_000_000))]);
    const bytes = await withChunk("zTXt", bomb);
    expect(() => readPngText(bytes)).toThrow(/zTXt chunk is not valid/);
  });
});

it("decodes what it encodes", async () => {
  const image = picture(9, 5);
  const back = await decodeImage(await encodePng(image));
  expect(Buffer.compare(back.data, image.data)).toBe(0);
});
