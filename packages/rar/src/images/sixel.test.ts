import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quantise } from "./palette.js";
import type { RgbImage } from "./rgb.js";
import { encodeSixel } from "./sixel.js";

/** A small sixel terminal: the pixels drawn, -1 where none was. */
function decodeSixel(text: string): { width: number; height: number; data: Int16Array } {
  const [, head, body] = /^␛P0;1q"1;1;([\d;]+)([^␛]*)␛\\$/.exec(text.replaceAll("\x1b", "␛"))!;
  const [width, height] = head!.split(";").map(Number) as [number, number];
  const data = new Int16Array(width * height * 3).fill(-1);
  const registers = new Map<number, number[]>();
  let [x, top, colour] = [0, 0, [0, 0, 0]];
  const tokens = body!.matchAll(/#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)([?-~])|([?-~])|(\$)|(-)/g);
  for (const [token, define, r, g, b, use, count, repeated, single] of tokens) {
    if (define)
      registers.set(
        Number(define),
        [r, g, b].map((v) => Math.round((Number(v) * 255) / 100)),
      );
    else if (use) colour = registers.get(Number(use))!;
    else if (token === "$") x = 0;
    else if (token === "-") [x, top] = [0, top + 6];
    else {
      const mask = (repeated ?? single)!.charCodeAt(0) - 63;
      for (let n = Number(count ?? 1); n > 0; n--, x++) {
        for (let row = 0; row < 6; row++) {
          if (mask & (1 << row)) data.set(colour, ((top + row) * width + x) * 3);
        }
      }
    }
  }
  return { width, height, data };
}

const worst = (image: RgbImage, seen: Int16Array): number =>
  image.data.reduce((most, byte, i) => Math.max(most, Math.abs(byte - seen[i]!)), 0);

describe("encodeSixel", () => {
  it("draws every pixel of a picture of few colours, to the hundredth a register holds", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        fc.nat(),
        (width, height, seed) => {
          const colours = [0, 37, 255, 130, 90, 200];
          const pick = (i: number): number =>
            colours[(Math.imul(Math.floor(i / 3) + seed, 2654435761) >>> 28) % 6]!;
          const image = {
            width,
            height,
            data: Uint8Array.from({ length: width * height * 3 }, (_, i) => pick(i)),
          };
          const { data, ...size } = decodeSixel(encodeSixel(image));
          expect(size).toEqual({ width, height });
          expect(worst(image, data)).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("comes close to a picture of many colours with 256", () => {
    const image = {
      width: 48,
      height: 48,
      data: Uint8Array.from({ length: 48 * 48 * 3 }, (_, i) => {
        const [x, y] = [Math.floor(i / 3) % 48, Math.floor(i / 144)];
        return [x * 5, y * 5, (x + y) * 2][i % 3]!;
      }),
    };
    const { data } = decodeSixel(encodeSixel(image));
    const mean = image.data.reduce((sum, byte, i) => sum + Math.abs(byte - data[i]!), 0) / image.data.length;
    expect(mean).toBeLessThan(8);
    expect(worst(image, data)).toBeLessThan(48);
  });

  it("counts runs", () => {
    const flat = { width: 100, height: 6, data: new Uint8Array(1800).fill(255) };
    expect(encodeSixel(flat)).toBe('\x1bP0;1q"1;1;100;6#0;2;100;100;100#0!100~\x1b\\');
  });
});

describe("quantise", () => {
  it("keeps the colours where they are few, and never gives more than asked", () => {
    const data = Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 0, 250, 0, 0, 0);
    const { palette, indices } = quantise({ width: 4, height: 1, data }, 16);
    expect([...indices].flatMap((i) => palette[i]!)).toEqual([...data]);
    expect([...palette].toSorted()).toEqual([
      [0, 0, 0],
      [0, 0, 250],
      [255, 0, 0],
    ]);
    const noise = {
      width: 30,
      height: 30,
      data: Uint8Array.from({ length: 2700 }, (_, i) => Math.imul(i, 40503) >>> 3),
    };
    expect(quantise(noise, 16).palette.length).toBe(16);
    expect(quantise(noise, 1).palette.length).toBe(1);
  });
});
