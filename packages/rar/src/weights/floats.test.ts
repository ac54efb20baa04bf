import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  toFloat32,
} from "./floats.js";

const every = Uint16Array.from({ length: 65536 }, (_, i) => i);
const isNaNBits = (mask: number) => (h: number) => (h & mask) === mask;

describe.each([
  ["float16", float16ToFloat32, float32ToFloat16, 0x7c00],
  ["bfloat16", bfloat16ToFloat32, float32ToBfloat16, 0x7f80],
] as const)("%s", (_, widen, narrow, infinity) => {
  const values = widen(every);

  it("every one of the 65536 survives the way there and back", () => {
    const back = narrow(values);
    for (let h = 0; h < 65536; h++)
      if (isNaNBits(infinity)(h) && (h & 0x7fff) > infinity) expect(values[h]).toBeNaN();
      else expect(back[h]).toBe(h);
  });

  it("grows with its bits", () => {
    for (let h = 1; h <= infinity; h++) expect(values[h]! > values[h - 1]!).toBe(true);
  });

  it("rounds to the nearest, ties to even", () => {
    // between two neighbours lies a float32 exactly in the middle, and one on either side of it
    const even = (h: number) => (h % 2 === 0 ? h : h + 1);
    for (let h = 0; h < infinity - 1; h += 7) {
      const middle = Math.fround((values[h]! + values[h + 1]!) / 2);
      const bits = new Uint32Array(Float32Array.of(middle).buffer)[0]!;
      const around = new Float32Array(Uint32Array.of(bits - 1, bits, bits + 1).buffer);
      expect([...narrow(around)]).toEqual([h, even(h), h + 1]);
      expect([...narrow(around.map((v) => -v))]).toEqual([h, even(h), h + 1].map((x) => x | 0x8000));
    }
  });

  it("keeps NaN NaN, and overflows to infinity", () => {
    const nan = Uint32Array.of(0x7f800001, 0xffc00000, 0x7fffffff);
    for (const h of narrow(new Float32Array(nan.buffer))) expect((h & 0x7fff) > infinity).toBe(true);
    expect([...narrow(Float32Array.of(3.4028234e38, -3.4028234e38))]).toEqual([infinity, infinity | 0x8000]);
  });

  it("is nearest for any float32", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (v) => {
        const h = narrow(Float32Array.of(v))[0]! & 0x7fff;
        if (h === infinity) return;
        const distance = (i: number) => Math.abs(values[i]! - Math.abs(v));
        expect(distance(h)).toBeLessThanOrEqual(
          Math.min(distance(h + 1), h > 0 ? distance(h - 1) : Infinity),
        );
      }),
    );
  });
});

it("every type widens to float32", () => {
  expect([...toFloat32({ dtype: "F64", data: Float64Array.of(0.1, 1e300) })]).toEqual([
    Math.fround(0.1),
    Infinity,
  ]);
  expect([...toFloat32({ dtype: "I64", data: BigInt64Array.of(-5n, 2n ** 62n) })]).toEqual([-5, 2 ** 62]);
  expect([...toFloat32({ dtype: "I8", data: Int8Array.of(-128) })]).toEqual([-128]);
  expect([...toFloat32({ dtype: "BOOL", data: Uint8Array.of(0, 1) })]).toEqual([0, 1]);
  expect([...toFloat32({ dtype: "F16", data: Uint16Array.of(1) })]).toEqual([2 ** -24]);
});
