import { describe, expect, it } from "vitest";
import { encodeAnimation } from "./animate.js";
import { sharp } from "./sharp.js";

const colours = [
  [250, 10, 10],
  [10, 250, 10],
  [10, 10, 250],
] as const;
const frames = colours.map((colour) => ({
  width: 8,
  height: 6,
  data: Uint8Array.from({ length: 144 }, (_, i) => colour[i % 3]!),
}));

describe("encodeAnimation", () => {
  it.each(["webp", "gif"] as const)(
    "writes %s frames, delays and size that another reader finds",
    async (format) => {
      const bytes = await encodeAnimation(frames, { format, delayMs: 80, lastDelayMs: 1500, scale: 4 });
      const reader = sharp(bytes, { animated: true });
      const { pages, delay, loop, width, pageHeight } = await reader.metadata();
      expect({ pages, delay, loop, width, pageHeight }).toEqual({
        pages: 3,
        delay: [80, 80, 1500],
        loop: 0,
        width: 32,
        pageHeight: 24,
      });
      const data = await reader.removeAlpha().raw().toBuffer();
      for (const [i, colour] of colours.entries()) {
        const middle = (i * 24 + 12) * 32 * 3 + 16 * 3;
        for (let c = 0; c < 3; c++) expect(Math.abs(data[middle + c]! - colour[c]!)).toBeLessThan(8);
      }
    },
  );

  it("takes a single frame", async () => {
    const bytes = await encodeAnimation(frames.slice(0, 1), { format: "webp", delayMs: 100 });
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 8, height: 6 });
  });

  it("refuses no frames, frames of several sizes, and delays no player keeps", async () => {
    const odd = { width: 1, height: 1, data: new Uint8Array(3) };
    await expect(encodeAnimation([], { format: "gif", delayMs: 80 })).rejects.toThrow(RangeError);
    await expect(encodeAnimation([...frames, odd], { format: "gif", delayMs: 80 })).rejects.toThrow(
      /Frame 3 is 1 x 1/,
    );
    await expect(encodeAnimation(frames, { format: "gif", delayMs: 0 })).rejects.toThrow(RangeError);
    await expect(encodeAnimation(frames, { format: "gif", delayMs: Number.NaN })).rejects.toThrow(RangeError);
  });
});
