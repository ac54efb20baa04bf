import { describe, expect, it } from "vitest";
import type { RgbImage } from "./rgb.js";
import { contactSheet } from "./sheet.js";

const flat = (width: number, height: number, value: number): RgbImage => ({
  width,
  height,
  data: new Uint8Array(width * height * 3).fill(value),
});
/** Where pixels of exactly this grey are: the box around them and their count. */
function find(
  sheet: RgbImage,
  value: number,
): { x: number; y: number; width: number; height: number; count: number } {
  let [left, top, right, bottom, count] = [sheet.width, sheet.height, -1, -1, 0];
  for (let i = 0; i < sheet.width * sheet.height; i++) {
    if ([0, 1, 2].some((c) => sheet.data[i * 3 + c] !== value)) continue;
    const [x, y] = [i % sheet.width, Math.floor(i / sheet.width)];
    [left, top, right, bottom] = [
      Math.min(left, x),
      Math.min(top, y),
      Math.max(right, x),
      Math.max(bottom, y),
    ];
    count++;
  }
  return { x: left, y: top, width: right - left + 1, height: bottom - top + 1, count };
}
/** Pixels that are text: darker than any picture of these tests. */
const inkCount = (sheet: RgbImage): number => {
  let count = 0;
  for (let i = 0; i < sheet.data.length; i += 3) if (sheet.data[i]! < 90) count++;
  return count;
};

describe("contactSheet", () => {
  it("places each picture whole, in order, enlarged, at even distances", async () => {
    const pictures = [100, 110, 120, 130, 140].map((value) => ({ image: flat(8, 8, value) }));
    const sheet = await contactSheet(pictures, { columns: 2, scale: 3, gap: 5 });
    const boxes = [100, 110, 120, 130, 140].map((value) => find(sheet, value));
    for (const box of boxes) expect(box).toMatchObject({ width: 24, height: 24, count: 576 });
    expect(boxes.map(({ x }) => x - boxes[0]!.x)).toEqual([0, 29, 0, 29, 0]);
    expect(boxes.map(({ y }) => y - boxes[0]!.y)).toEqual([0, 0, 29, 29, 58]);
    expect(sheet.width - boxes[1]!.x - 24).toBe(boxes[0]!.x); // even margins
    expect(sheet.height - boxes[4]!.y - 24).toBe(boxes[0]!.y);
    expect(inkCount(sheet)).toBe(0);
  });

  it("keeps pictures whole without a gap", async () => {
    const sheet = await contactSheet([{ image: flat(8, 8, 100) }, { image: flat(8, 8, 110) }], {
      columns: 2,
      gap: 0,
    });
    expect([find(sheet, 100).count, find(sheet, 110).count]).toEqual([64, 64]);
  });

  it("puts the names of rows at the left, within their rows", async () => {
    const rows = [
      { label: "cat", images: [flat(32, 32, 100), flat(32, 32, 101)] },
      { label: "dog", images: [flat(32, 32, 102)] },
    ];
    const sheet = await contactSheet(rows);
    const [first, second, third] = [100, 101, 102].map((value) => find(sheet, value));
    expect(second!.y).toBe(first!.y);
    expect(third!.x).toBe(first!.x);
    expect(third!.y).toBeGreaterThan(first!.y + 31);
    for (const box of [first!, third!]) {
      const strip: RgbImage = { width: box.x - 2, height: 32, data: new Uint8Array((box.x - 2) * 96) };
      for (let y = 0; y < 32; y++) {
        const from = (box.y + y) * sheet.width * 3;
        strip.data.set(sheet.data.subarray(from, from + strip.width * 3), y * strip.width * 3);
      }
      expect(inkCount(strip)).toBeGreaterThan(15);
    }
    expect(inkCount(sheet)).toBe(inkCount(await contactSheet(rows.toReversed())));
  });

  it("wraps rows longer than the columns", async () => {
    const rows = [{ label: "", images: [flat(8, 8, 100), flat(8, 8, 101), flat(8, 8, 102)] }];
    const sheet = await contactSheet(rows, { columns: 2 });
    expect(find(sheet, 102).x).toBe(find(sheet, 100).x);
    expect(find(sheet, 102).y).toBeGreaterThan(find(sheet, 100).y);
  });

  it("cuts long labels to the cell and draws a title", async () => {
    const image = flat(64, 64, 100);
    const short = await contactSheet([{ image, label: "tench" }]);
    const long = await contactSheet([{ image, label: "tench, Tinca tinca, and so on without an end" }]);
    expect([long.width, long.height]).toEqual([short.width, short.height]);
    const titled = await contactSheet([{ image, label: "tench" }], { title: "Seed 7" });
    expect(titled.height).toBeGreaterThan(short.height);
    expect(inkCount(titled)).toBeGreaterThan(inkCount(short));
  });

  it("draws names in any language without failing", async () => {
    const image = flat(64, 64, 100);
    for (const label of ["crème brûlée", "Łódź", "寿司", "🍣 sushi", "\u0301", "\ud800", "a\nb"]) {
      expect((await contactSheet([{ image, label }])).width).toBeGreaterThan(64);
    }
  });

  it("refuses no pictures, odd options and a sheet beyond all bounds", async () => {
    const image = flat(8, 8, 1);
    await expect(contactSheet([])).rejects.toThrow(/at least one picture/);
    await expect(contactSheet([{ label: "x", images: [] }])).rejects.toThrow(/at least one picture/);
    await expect(contactSheet([{ image }], { columns: 0 })).rejects.toThrow(RangeError);
    await expect(contactSheet([{ image }], { scale: 1.5 })).rejects.toThrow(/scale is 1.5/);
    await expect(contactSheet([{ image }], { gap: -1 })).rejects.toThrow(RangeError);
    await expect(contactSheet([{ image }], { scale: 10_000 })).rejects.toThrow(/smaller scale/);
  });
});
