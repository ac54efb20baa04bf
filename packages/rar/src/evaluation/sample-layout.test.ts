/** The order of a benchmark's images against the reference's own rule, and for counts that do not divide. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SampleLayout, sampleName, sampleNumber } from "./sample-layout.js";

describe("the layout of samples", () => {
  it("numbers files as the reference does: t*n*W + i*W + r of labels cut into W consecutive parts", () => {
    const [count, classes, n, W] = [4000, 10, 50, 8];
    const layout = new SampleLayout({ count, classes, batch: n, parts: W });
    const labels = Array.from({ length: count }, (_, i) => i % classes);
    for (const [r, t, i] of [
      [0, 0, 0],
      [3, 7, 41],
      [7, 9, 49],
    ] as const) {
      const position = (r * count) / W + t * n + i;
      expect(layout.file(position)).toBe(t * n * W + i * W + r);
      expect(layout.label(position)).toBe(labels[position]);
    }
  });

  it("gives each image a file of its own, for any count, number of parts and batch", () => {
    const whole = fc.integer({ min: 1, max: 200 });
    fc.assert(
      fc.property(whole, whole, whole, whole, (count, classes, batch, wanted) => {
        const layout = new SampleLayout({ count, classes, batch, parts: Math.min(wanted, count) });
        const positions = Array.from({ length: layout.batches }, (_, b) => layout.positions(b)).flat();
        expect(positions).toEqual(Array.from({ length: count }, (_, i) => i));
        const files = positions.map((position) => layout.file(position));
        expect([...files].sort((a, b) => a - b)).toEqual(positions);
        expect(files.map((file) => layout.position(file))).toEqual(positions);
      }),
    );
  });

  it("says how many images each class has", () => {
    const of = (count: number, classes: number, parts?: number) =>
      new SampleLayout({ count, classes, batch: 50, parts }).describe();
    expect(of(50_000, 1000)).toBe(
      "50,000 images of 1,000 classes, 50 of each class; file n is of class n mod 1,000.",
    );
    expect(of(11, 10)).toContain("2 of the first class, 1 of each other");
    expect(of(4, 10, 2)).toContain(
      "1 of each of the first 4 classes, 0 of each other; files are numbered as 2",
    );
  });

  it("knows its own names alone", () => {
    expect([sampleName(7), sampleName(1_234_567)]).toEqual(["000007.png", "1234567.png"]);
    expect(
      ["000007.png", "1234567.png", "0000007.png", "7.png", "000007.png.ab.tmp"].map(sampleNumber),
    ).toEqual([7, 1_234_567, undefined, undefined, undefined]);
  });
});
