import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { decodeImage } from "./decode.js";
import { type Filter, filterTable, resample } from "./resample.js";
import type { RgbImage } from "./rgb.js";

interface Manifest {
  readonly sources: Record<string, { readonly decoded?: string }>;
  readonly resizes: readonly { source: string; filter: Filter; size: [number, number]; file: string }[];
}
interface Coefficients {
  readonly tables: readonly {
    filter: Filter;
    in: number;
    out: number;
    rows: { first: number; coefficients: number[] }[];
  }[];
}

const recorded = "transforms/manifest.json";
const open = (path: string): Promise<RgbImage> => decodeImage(fixture(`transforms/${path}`)!);

describe.skipIf(missing(recorded, "transforms/coefficients.json"))("Pillow's recorded results", () => {
  it("gives the integer weights of every table", () => {
    const { tables } = JSON.parse(
      readFileSync(fixture("transforms/coefficients.json")!, "utf8"),
    ) as Coefficients;
    expect(tables.length).toBe(26);
    for (const table of tables) {
      const { first, count, start, weights } = filterTable(table.filter, table.in, table.out);
      const rows = Array.from(first, (low, i) => ({
        first: low,
        coefficients: [...weights.subarray(start[i]!, start[i]! + count[i]!)],
      }));
      expect(rows, `${table.filter} ${table.in} to ${table.out}`).toEqual(table.rows);
    }
  });

  it("gives the bytes of every resize", async () => {
    const { resizes } = JSON.parse(readFileSync(fixture(recorded)!, "utf8")) as Manifest;
    expect(resizes.length).toBe(52);
    for (const { source, filter, size, file } of resizes) {
      const result = resample(await open(`src/${source}`), ...size, filter);
      expect(Buffer.compare(result.data, (await open(file)).data), file).toBe(0);
    }
  });
});

const side = fc.integer({ min: 1, max: 24 });
const picture = fc.tuple(side, side, fc.integer()).map(([width, height, seed]): RgbImage => {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + 1, seed | 1) >>> 24);
  return { width, height, data };
});
const filter = fc.constantFrom<Filter>("box", "bicubic");

describe("resample", () => {
  it("halves an even side as the mean of two, half going up", () => {
    const image = { width: 4, height: 1, data: Uint8Array.of(0, 1, 2, 1, 2, 4, 9, 9, 9, 10, 11, 12) };
    expect([...resample(image, 2, 1, "box").data]).toEqual([1, 2, 3, 10, 10, 11]);
  });

  it("computes the same bytes for a window as for the whole", () => {
    fc.assert(
      fc.property(picture, side, side, filter, fc.gen(), (image, width, height, kind, gen) => {
        const x = gen(fc.integer, { min: 0, max: width - 1 });
        const y = gen(fc.integer, { min: 0, max: height - 1 });
        const w = gen(fc.integer, { min: 1, max: width - x });
        const h = gen(fc.integer, { min: 1, max: height - y });
        const whole = resample(image, width, height, kind);
        const part = resample(image, width, height, kind, { x, y, width: w, height: h });
        for (let row = 0; row < h; row++) {
          const from = ((y + row) * width + x) * 3;
          expect(part.data.subarray(row * w * 3, (row + 1) * w * 3)).toEqual(
            whole.data.subarray(from, from + w * 3),
          );
        }
      }),
    );
  });

  it("leaves a flat picture flat and a picture of its own size untouched", () => {
    fc.assert(
      fc.property(picture, side, side, filter, (image, width, height, kind) => {
        expect(resample(image, image.width, image.height, kind).data).toEqual(image.data);
        const flat = { ...image, data: new Uint8Array(image.data.length).fill(image.data[0]!) };
        expect(resample(flat, width, height, kind).data.every((byte) => byte === flat.data[0])).toBe(true);
      }),
    );
  });

  it("refuses sides that are no sizes and windows that leave the picture", () => {
    const image = { width: 1, height: 1, data: new Uint8Array(3) };
    expect(() => resample(image, 0, 5, "box")).toThrow(RangeError);
    expect(() => resample(image, 2.5, 5, "box")).toThrow(RangeError);
    expect(() => resample(image, 4, 4, "box", { x: 3, y: 0, width: 2, height: 1 })).toThrow(
      /leaves the picture/,
    );
  });
});
