import { describe, expect, it } from "vitest";
import { decodeImage } from "./decode.js";

const pixels = async (header: string, ...samples: number[]): Promise<number[]> => [
  ...(await decodeImage(Buffer.concat([Buffer.from(header), Buffer.from(samples)]))).data,
];

describe("Netpbm pictures", () => {
  it("reads all six kinds", async () => {
    expect(await pixels("P1 3 1\n1 01")).toEqual([0, 0, 0, 255, 255, 255, 0, 0, 0]);
    expect(await pixels("P2 2 1 255 7 200")).toEqual([7, 7, 7, 200, 200, 200]);
    expect(await pixels("P3\n1 1\n# a comment\n255\n1 2 3\n")).toEqual([1, 2, 3]);
    expect(await pixels("P4 2 1\n", 0b10000000)).toEqual([0, 0, 0, 255, 255, 255]);
    expect(await pixels("P5 2 1 255\n", 35, 10)).toEqual([35, 35, 35, 10, 10, 10]);
    expect(await pixels("P6 1 1 255\n", 9, 8, 7)).toEqual([9, 8, 7]);
  });

  it("scales by the largest value, and clips grey of more than 8 bits", async () => {
    expect(await pixels("P5 2 1 15\n", 15, 1)).toEqual([255, 255, 255, 17, 17, 17]);
    expect(await pixels("P6 1 1 65535\n", 255, 255, 128, 0, 0, 0)).toEqual([255, 128, 0]);
    expect(await pixels("P5 2 1 65535\n", 0, 7, 1, 0)).toEqual([7, 7, 7, 255, 255, 255]);
  });

  it("refuses headers and samples that are not there", async () => {
    await expect(pixels("P6 2 2 255\n", 1, 2, 3)).rejects.toThrow(/pixels are cut off/);
    await expect(pixels("P3 2 2 255\n1 2 3")).rejects.toThrow(/pixels are cut off/);
    await expect(pixels("P3 1 1 255\n1   2 x  ")).rejects.toThrow(/sample is missing/);
    await expect(pixels("P1 1 1\n3")).rejects.toThrow(/sample is missing/);
    await expect(pixels("P6 0 2 255\n")).rejects.toThrow(/size of 0 x 2/);
    await expect(pixels("P6 x")).rejects.toThrow(/width is missing/);
    await expect(pixels("P5 1 1 70000\n", 1)).rejects.toThrow(/70000 is outside/);
  });
});
