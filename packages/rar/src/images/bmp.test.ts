import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode.js";

interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly compression?: number;
  /** Bytes between header and pixels: palette or masks. */
  readonly between?: number[];
  readonly colours?: number;
  readonly pixels: number[];
}

function bmp({ width, height, bits, compression = 0, between = [], colours = 0, pixels }: Bitmap): Buffer {
  const header = Buffer.alloc(54);
  header.write("BM");
  header.writeUInt32LE(54 + between.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(compression, 30);
  header.writeUInt32LE(colours, 46);
  return Buffer.concat([header, Buffer.from(between), Buffer.from(pixels)]);
}

const pixels = async (bitmap: Bitmap): Promise<number[]> => [...(await decodeImage(bmp(bitmap))).data];

describe("Windows bitmaps", () => {
  it("reads 24 bits from the bottom up, rows padded to four bytes", async () => {
    const rows = [1, 2, 3, 0, 4, 5, 6, 0];
    expect(await pixels({ width: 1, height: 2, bits: 24, pixels: rows })).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await pixels({ width: 1, height: -2, bits: 24, pixels: rows })).toEqual([3, 2, 1, 6, 5, 4]);
  });

  it("reads 32 bits without the spare byte, and 16 bits by their masks", async () => {
    expect(await pixels({ width: 1, height: 1, bits: 32, pixels: [1, 2, 3, 99] })).toEqual([3, 2, 1]);
    expect(await pixels({ width: 1, height: 1, bits: 16, pixels: [0x00, 0x7c, 0, 0] })).toEqual([255, 0, 0]);
    const masks = [0, 0xf8, 0, 0, 0xe0, 0x07, 0, 0, 0x1f, 0, 0, 0]; // 5, 6, 5
    const value = {
      width: 1,
      height: 1,
      bits: 16,
      compression: 3,
      between: masks,
      pixels: [0xff, 0x07, 0, 0],
    };
    expect(await pixels(value)).toEqual([0, 255, 255]);
  });

  it("looks up palettes of 1, 4 and 8 bits", async () => {
    const between = [1, 2, 3, 0, 4, 5, 6, 0];
    const base = { width: 2, height: 1, colours: 2, between };
    for (const [bits, row] of [
      [1, [0b10000000, 0, 0, 0]],
      [4, [0x10, 0, 0, 0]],
      [8, [1, 0, 0, 0]],
    ] as const) {
      expect(await pixels({ ...base, bits, pixels: [...row] })).toEqual([6, 5, 4, 3, 2, 1]);
    }
  });

  it("refuses headers that lie, by what is wrong", async () => {
    const dot = { width: 1, height: 1, bits: 24, pixels: [1, 2, 3, 0] };
    await expect(pixels({ ...dot, height: 2 })).rejects.toThrow(/pixels are cut off/);
    await expect(pixels({ ...dot, width: 0 })).rejects.toThrow(/size of 0 x 1/);
    await expect(pixels({ ...dot, width: -5 })).rejects.toThrow(/size of -5/);
    await expect(pixels({ ...dot, bits: 13 })).rejects.toThrow(/13 bits/);
    await expect(pixels({ ...dot, bits: 8, compression: 1 })).rejects.toThrow(
      /compression 1.*save it as PNG/,
    );
    await expect(pixels({ ...dot, bits: 8, colours: 1, between: [0, 0, 0, 0] })).rejects.toThrow(
      /outside the palette/,
    );
    await expect(pixels({ ...dot, bits: 8 })).rejects.toThrow(/palette is cut off/);
  });
});
