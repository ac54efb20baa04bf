import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import { combine, guidanceAt, needsUnconditional } from "./guidance.js";

interface Recorded {
  readonly guidance_scale: number;
  readonly guidance_scale_pow: number;
  readonly cfg_scale: readonly number[];
}

describe.skipIf(missing("schedule.json"))("guidanceAt against the reference", () => {
  const { guidance } = JSON.parse(readFileSync(fixture("schedule.json") ?? "", "utf8")) as {
    guidance: Record<string, Recorded>;
  };
  it.each(Object.entries(guidance))("%s: every step within 2e-6", (_, recorded) => {
    const settings = { scale: recorded.guidance_scale, pow: recorded.guidance_scale_pow };
    const length = recorded.cfg_scale.length;
    const wrong = recorded.cfg_scale.filter(
      (value, step) => !(Math.abs(guidanceAt(settings, step, length) - value) <= 2e-6),
    );
    expect(length).toBe(256);
    expect(wrong).toEqual([]);
  });
});

describe("guidanceAt", () => {
  it("starts at 1 exactly, never falls, and stays below the scale", () => {
    const scales = fc.double({ min: 1.01, max: 30, noNaN: true });
    const pows = fc.double({ min: 0.1, max: 5, noNaN: true });
    fc.assert(
      fc.property(scales, pows, (scale, pow) => {
        const ramp = Array.from({ length: 64 }, (_, step) => guidanceAt({ scale, pow }, step, 64));
        expect(ramp[0]).toBe(1);
        for (let i = 1; i < 64; i++) expect(ramp[i]).toBeGreaterThanOrEqual(ramp[i - 1]! - 4e-6);
        expect(ramp[63]).toBeLessThanOrEqual(scale + 4e-6);
      }),
    );
  });

  it("is the scale at every step when the power is 0, also at step 0", () => {
    for (const step of [0, 1, 255]) expect(guidanceAt({ scale: 4, pow: 0 }, step, 256)).toBe(4);
  });

  it("is 1 without guidance", () => {
    for (const scale of [0, 1])
      for (const step of [0, 100, 255]) expect(guidanceAt({ scale, pow: 2.75 }, step, 256)).toBe(1);
  });

  it("refuses a step outside the image", () => {
    for (const step of [-1, 256, 1.5, Number.NaN])
      expect(() => guidanceAt({ scale: 4, pow: 1 }, step, 256)).toThrow(`step ${step}`);
  });
});

describe("needsUnconditional", () => {
  it("spares the second half for 0 and for exactly 1 only", () => {
    expect([0, 0.5, 1, 1.0001, 16].map(needsUnconditional)).toEqual([false, true, false, true, true]);
  });
});

describe("combine", () => {
  it("moves from the unconditional logits through the conditional ones, row by row", () => {
    const logits = Float32Array.of(1, 2, 3, 4, /* unconditional */ 0, 2, 5, 4);
    expect([...combine(logits, 2, 2, 1)]).toEqual([1, 2, 3, 4]);
    expect([...combine(logits, 2, 2, 4)]).toEqual([4, 2, -3, 4]);
    expect([...combine(logits, 2, 2, 0)]).toEqual([0, 2, 5, 4]);
  });

  it("takes one half as it is, whatever the factor, and writes where it is told", () => {
    const logits = Float32Array.of(1, 2, 3, 4);
    const out = new Float32Array(4);
    expect(combine(logits, 2, 2, 9, out)).toBe(out);
    expect([...out]).toEqual([1, 2, 3, 4]);
  });

  it("rounds to float32 after each operation", () => {
    // one rounding at the end would give another last bit for many of these
    const [c, u, cfg] = [1.1, -3.3, 7.7].map(Math.fround) as [number, number, number];
    const exact = Math.fround(u + Math.fround(Math.fround(c - u) * cfg));
    expect(combine(Float32Array.of(c, u), 1, 1, 7.7)[0]).toBe(exact);
  });

  it("refuses lengths that do not fit", () => {
    expect(() => combine(new Float32Array(5), 1, 4, 1)).toThrow("5 logits");
    expect(() => combine(new Float32Array(8), 1, 4, 1, new Float32Array(8))).toThrow(RangeError);
  });
});
