import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { fixture, missing } from "../testing/fixtures.js";
import { encodeAnimation } from "./animate.js";
import { type DecodeOptions, decodeImage } from "./decode.js";
import { encodePng } from "./png.js";
import type { RgbImage } from "./rgb.js";
import { sharp } from "./sharp.js";

const folder = mkdtempSync(join(tmpdir(), "rarity-decode-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(missing("transforms/manifest.json"))("Pillow's recorded decodings", () => {
  interface Source {
    readonly size: [number, number];
    readonly decoded?: string;
    readonly decoded_rgb_sha256: string;
  }
  const manifest = fixture("transforms/manifest.json");
  const { sources }: { sources: Record<string, Source> } =
    manifest === undefined ? { sources: {} } : JSON.parse(readFileSync(manifest, "utf8"));

  it.each(Object.entries(sources))("%s", async (name, source) => {
    const image = await decodeImage(fixture(`transforms/src/${name}`)!);
    expect([image.width, image.height]).toEqual(source.size);
    const hash = createHash("sha256").update(image.data).digest("hex");
    if (!name.endsWith(".jpg")) return expect(hash).toBe(source.decoded_rgb_sha256);
    // Another libjpeg may differ a little (DATA.md 1); here it usually does not.
    const expected = await decodeImage(fixture(`transforms/${source.decoded}`)!);
    const differences = image.data.map((byte, i) => Math.abs(byte - expected.data[i]!));
    const mean = differences.reduce((sum, d) => sum + d, 0) / differences.length;
    if (name.startsWith("exif6")) return expect(mean).toBeLessThanOrEqual(1.5); // 4:2:0
    expect(mean).toBeLessThanOrEqual(0.6);
    expect(Math.max(...differences)).toBeLessThanOrEqual(4);
  });
});

/** A PNG of any colour type and depth; `rows` are its unfiltered rows. */
function png(
  width: number,
  colourType: number,
  depth: number,
  rows: number[][],
  extra: [string, number[]][] = [],
): Buffer {
  const chunk = (type: string, data: Uint8Array): Buffer => {
    const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([depth, colourType], 8);
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    ...extra.map(([type, data]) => chunk(type, Uint8Array.from(data))),
    chunk("IDAT", deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])))),
    chunk("IEND", new Uint8Array()),
  ]);
}

const pixels = async (bytes: Uint8Array, options?: DecodeOptions): Promise<number[]> => [
  ...(await decodeImage(bytes, options)).data,
];
const photo = (width = 24, height = 16): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 37 + (i >> 5) * 11) & 255),
});
const raw = (image: RgbImage) =>
  sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } });

describe("colours", () => {
  it("keeps what lies under transparent pixels", async () => {
    expect(await pixels(png(2, 6, 8, [[10, 20, 30, 0, 1, 2, 3, 128]]))).toEqual([10, 20, 30, 1, 2, 3]);
    expect(await pixels(png(2, 4, 8, [[10, 0, 99, 255]]))).toEqual([10, 10, 10, 99, 99, 99]);
  });

  it("looks palettes up and ignores their transparency, and a colour key", async () => {
    const palette: [string, number[]][] = [
      ["PLTE", [9, 8, 7, 1, 2, 3]],
      ["tRNS", [0, 255]],
    ];
    expect(await pixels(png(2, 3, 8, [[1, 0]], palette))).toEqual([1, 2, 3, 9, 8, 7]);
    expect(await pixels(png(1, 2, 8, [[5, 6, 7]], [["tRNS", [0, 5, 0, 6, 0, 7]]]))).toEqual([5, 6, 7]);
  });

  it("widens 1, 2 and 4 bits", async () => {
    expect(await pixels(png(2, 0, 1, [[0b01000000]]))).toEqual([0, 0, 0, 255, 255, 255]);
    expect(await pixels(png(2, 0, 2, [[0b01100000]]))).toEqual([85, 85, 85, 170, 170, 170]);
    expect(await pixels(png(1, 0, 4, [[0x30]]))).toEqual([51, 51, 51]);
  });

  it("clips 16-bit grey, and takes the high byte of 16-bit RGB and of grey with alpha", async () => {
    expect(await pixels(png(3, 0, 16, [[0, 7, 1, 0, 0, 255]]))).toEqual([
      7, 7, 7, 255, 255, 255, 255, 255, 255,
    ]);
    expect(await pixels(png(1, 2, 16, [[1, 255, 128, 0, 255, 255]]))).toEqual([1, 128, 255]);
    expect(await pixels(png(1, 4, 16, [[18, 255, 0, 0]]))).toEqual([18, 18, 18]);
    expect(await pixels(png(1, 6, 16, [[1, 255, 128, 0, 255, 255, 0, 0]]))).toEqual([1, 128, 255]);
  });

  it("ignores gamma, profiles and EXIF orientation", async () => {
    expect(await pixels(png(1, 2, 8, [[100, 150, 200]], [["gAMA", [0, 1, 134, 160]]]))).toEqual([
      100, 150, 200,
    ]);
    const image = photo();
    const p3 = await raw(image).withMetadata({ orientation: 6, icc: "p3" }).png().toBuffer();
    const plain = await raw(image).keepIccProfile().toColourspace("srgb").png().toBuffer();
    expect((await sharp(p3).metadata()).hasProfile).toBe(true);
    const stored = await sharp(p3, { ignoreIcc: true }).raw().toBuffer();
    const decoded = await decodeImage(p3);
    expect([decoded.width, decoded.height]).toEqual([24, 16]);
    expect(Buffer.compare(decoded.data, stored)).toBe(0);
    expect(Buffer.compare((await decodeImage(plain)).data, image.data)).toBe(0);
  });

  it("reads WebP, TIFF, and the first frame of animations", async () => {
    const image = photo();
    for (const file of [raw(image).webp({ lossless: true }), raw(image).tiff({ compression: "lzw" })]) {
      expect(Buffer.compare((await decodeImage(await file.toBuffer())).data, image.data)).toBe(0);
    }
    const frames = [10, 200].map((v) => ({ width: 8, height: 6, data: new Uint8Array(144).fill(v) }));
    for (const format of ["gif", "webp"] as const) {
      const first = await decodeImage(await encodeAnimation(frames, { format, delayMs: 100 }));
      expect([first.width, first.height]).toEqual([8, 6]);
      expect(first.data.every((byte) => Math.abs(byte - 10) <= 1)).toBe(true);
    }
  });
});

describe("files", () => {
  it("goes by content, not by name, in any language", async () => {
    const path = join(folder, "eigentlich ein PNG, 寿司 é 🍣.JPEG");
    writeFileSync(path, await encodePng(photo()));
    expect(Buffer.compare((await decodeImage(path)).data, photo().data)).toBe(0);
  });

  it("takes 1 x 1", async () => {
    expect(await pixels(png(1, 2, 8, [[1, 2, 3]]))).toEqual([1, 2, 3]);
  });

  it("refuses what is cut off, in every format", async () => {
    const image = photo(64, 64);
    const bmp = Buffer.alloc(54 + 12 * 4);
    bmp.write("BM");
    bmp.writeUInt32LE(54, 10);
    bmp.writeUInt32LE(40, 14);
    bmp.writeInt32LE(4, 18);
    bmp.writeInt32LE(4, 22);
    bmp.writeUInt16LE(24, 28);
    const files = {
      jpeg: await raw(image).jpeg().toBuffer(),
      progressive: await raw(image).jpeg({ progressive: true }).toBuffer(),
      png: Buffer.from(await encodePng(image)),
      webp: await raw(image).webp().toBuffer(),
      gif: await raw(image).gif().toBuffer(),
      tiff: await raw(image).tiff().toBuffer(),
      bmp,
      ppm: Buffer.concat([Buffer.from("P6 4 4 255\n"), Buffer.alloc(48)]),
    };
    for (const [kind, bytes] of Object.entries(files)) {
      await expect(decodeImage(bytes), `${kind} whole`).resolves.toBeDefined();
      for (const share of [0.1, 0.5, 0.9]) {
        const cutOff = decodeImage(bytes.subarray(0, Math.floor(bytes.length * share)), {
          name: `half.${kind}`,
        });
        await expect(cutOff, `${kind} at ${share}`).rejects.toThrow(
          new RegExp(`"half\\.${kind}": it cannot be decoded as .*cut off`),
        );
        await expect(cutOff, kind).rejects.toMatchObject({
          name: "RarityError",
          code: "bad-file",
          exitCode: 2,
        });
      }
    }
  });

  it("says what a file that is no picture looks like", async () => {
    const cases: [string, RegExp][] = [
      ["", /empty \(0 bytes\)/],
      ["<!DOCTYPE html><html>", /a web page/],
      ["version https://git-lfs.github.com/spec/v1\noid", /Git LFS pointer/],
      ['<svg xmlns="http://www.w3.org/2000/svg"/>', /SVG/],
      ["PK\x03\x04", /zip/],
      ["hello", /a text file/],
      ["\0\0\0\0", /zero bytes/],
      ["\x01\x02\xff", /not in a picture format/],
    ];
    for (const [text, expected] of cases) {
      const path = join(folder, "odd.png");
      writeFileSync(path, Buffer.from(text, "latin1"));
      await expect(decodeImage(path)).rejects.toThrow(expected);
      await expect(decodeImage(path)).rejects.toThrow(/odd\.png/);
    }
  });

  it("refuses a folder and a path where nothing is", async () => {
    mkdirSync(join(folder, "pictures"));
    await expect(decodeImage(join(folder, "pictures"))).rejects.toThrow(/it is a folder/);
    const absent = decodeImage(join(folder, "absent.png"));
    await expect(absent).rejects.toMatchObject({ code: "not-found" });
    await expect(absent).rejects.toThrow(/absent\.png.*no such file/);
  });

  it("refuses 30,000 x 30,000 before decoding it, whatever the format", async () => {
    const before = process.memoryUsage().rss;
    // 900 million pixels in a few hundred bytes: the header claims them, the rows are missing.
    const huge = png(1, 2, 8, [[1, 2, 3]]);
    huge.writeUInt32BE(30_000, 16);
    huge.writeUInt32BE(30_000, 20);
    huge.writeUInt32BE(crc32(huge.subarray(12, 29)), 29);
    const bmp = Buffer.alloc(60);
    bmp.write("BM");
    bmp.writeUInt32LE(40, 14);
    bmp.writeInt32LE(30_000, 18);
    bmp.writeInt32LE(30_000, 22);
    bmp.writeUInt16LE(1, 28);
    for (const bytes of [huge, bmp, Buffer.from("P4 30000 30000\n")]) {
      const result = decodeImage(bytes, { name: "bomb" });
      await expect(result).rejects.toThrow(
        /"bomb": 30000 x 30000 pixels are more than the 178,956,970 allowed/,
      );
      await expect(result).rejects.toBeInstanceOf(RarityError);
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
  });

  it("refuses a bomb whose zeros compress a thousandfold", async () => {
    const rows = Array.from({ length: 20_000 }, () => [] as number[]);
    const bomb = png(20_000, 0, 1, rows);
    await expect(decodeImage(bomb)).rejects.toThrow(/20000 x 20000 pixels are more/);
  });

  it("holds to a lower limit where one is given", async () => {
    const bytes = await encodePng(photo(20, 20));
    await expect(decodeImage(bytes, { maxPixels: 399 })).rejects.toThrow(/more than the 399 allowed/);
    await expect(decodeImage(bytes, { maxPixels: 400 })).resolves.toBeDefined();
  });

  it("survives bytes changed at random: a picture or a RarityError, nothing else", async () => {
    const image = photo();
    const files = [
      await raw(image).jpeg().toBuffer(),
      Buffer.from(await encodePng(image)),
      await raw(image).webp().toBuffer(),
      await raw(image).tiff().toBuffer(),
    ];
    let state = 12345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let run = 0; run < 120; run++) {
      const bytes = Buffer.from(files[run % files.length]!);
      for (let change = 0; change < 3; change++) bytes[random(bytes.length)] = random(256);
      const result = await decodeImage(bytes, { maxPixels: 1e6 }).catch((error: unknown) => error);
      if (result instanceof Error) expect(result).toBeInstanceOf(RarityError);
    }
  });
});
