import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enlarge, fromPlanes, toPlanes } from "./to-bytes.js";

describe("planes and bytes", () => {
  it("brings every byte back", () => {
    const data = Uint8Array.from({ length: 256 * 3 }, (_, i) => (i * 7) & 255);
    const image = { width: 32, height: 8, data };
    expect(fromPlanes(toPlanes(image), 32, 8)).toEqual(image);
  });

  it("clamps, truncates and treats NaN as 0", () => {
    const planes = Float32Array.of(-1, 0.999, 2, Number.NaN, 0.5, Number.POSITIVE_INFINITY);
    // Pixel 0 takes values 0, 2 and 4, pixel 1 the others.
    expect([...fromPlanes(planes, 2, 1).data]).toEqual([0, 255, 127, 254, 0, 255]);
  });

  it("clamps and rounds halves to even where asked to", () => {
    const planes = Float32Array.of(-1, 0.5 / 255, 1.5 / 255, 2, 2.5 / 255, Number.NaN);
    const { data } = fromPlanes(planes, 2, 1, 0, "round");
    expect([...data]).toEqual([0, 2, 2, 0, 255, 0]);
  });

  it("gives the byte of a product rounded to float32, right below and above every step", () => {
    const near = new Float32Array(1);
    const pattern = new Uint32Array(near.buffer);
    for (let byte = 1; byte < 255; byte++) {
      for (const step of [-2, -1, 0, 1, 2]) {
        near[0] = byte / 255;
        pattern[0] = pattern[0]! + step;
        const expected = Math.trunc(Math.fround(near[0] * 255));
        expect(fromPlanes(Float32Array.of(near[0], 0, 0), 1, 1).data[0]).toBe(expected);
      }
    }
  });

  it("takes one image out of a batch and refuses to read past its end", () => {
    const batch = Float32Array.of(0, 0, 0, 1, 0, 1);
    expect([...fromPlanes(batch, 1, 1, 3).data]).toEqual([255, 0, 255]);
    expect(() => fromPlanes(batch, 1, 1, 4)).toThrow(RangeError);
  });
});

describe("enlarge", () => {
  it("makes each pixel a square", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 5 }),
        (w, h, f) => {
          const image = { width: w, height: h, data: Uint8Array.from({ length: w * h * 3 }, (_, i) => i) };
          const big = enlarge(image, f);
          expect([big.width, big.height, big.data.length]).toEqual([w * f, h * f, w * h * f * f * 3]);
          for (let y = 0; y < h * f; y++) {
            for (let x = 0; x < w * f; x++) {
              const at = (y * w * f + x) * 3;
              expect(big.data[at]).toBe(image.data[(Math.floor(y / f) * w + Math.floor(x / f)) * 3]);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it("refuses a factor that is no whole number from 1", () => {
    const dot = { width: 1, height: 1, data: new Uint8Array(3) };
    for (const factor of [0, -1, 1.5, Number.NaN]) expect(() => enlarge(dot, factor)).toThrow(RangeError);
  });
});
