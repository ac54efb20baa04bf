import { describe, expect, it } from "vitest";
import { drawable, glyphOf } from "./font.js";
import type { RgbImage } from "./rgb.js";
import { drawText, fitText, textWidth } from "./text.js";

const style = { size: 14, colour: [0, 0, 0] } as const;
const printable = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));

function draw(text: string, width = 40, height = 30, x = 8, y = 6): RgbImage {
  const image = { width, height, data: new Uint8Array(width * height * 3).fill(255) };
  drawText(image, text, x, y, style);
  return image;
}

describe("the font", () => {
  it("draws every printable character, each in its own way and within its line", () => {
    const seen = new Map<string, string>();
    for (const character of printable) {
      const image = draw(character);
      const bytes = Buffer.from(image.data).toString("base64");
      expect(seen.get(bytes), `${character} looks like ${seen.get(bytes)}`).toBeUndefined();
      seen.set(bytes, character);
      const dark = image.data.filter((byte) => byte < 100).length;
      if (character === " ") expect(dark).toBe(0);
      else expect(dark, character).toBeGreaterThan(3);
      const rows = [0, 1, 2, 27, 28, 29]; // far above the capitals and below the descenders
      for (const row of rows)
        expect(image.data.subarray(row * 120, row * 120 + 120).every((b) => b === 255)).toBe(true);
    }
  });

  it("takes accents off, spells ligatures out, and shows a question mark for the rest", () => {
    expect(drawable("Crème brûlée, Łódź, Straße, smørrebrød")).toBe(
      "Creme brulee, Lodz, Strasse, smorrebrod",
    );
    expect(glyphOf("é")).toEqual(glyphOf("e"));
    expect(glyphOf("寿")).toEqual(glyphOf("?"));
    expect(glyphOf("constructor")).toEqual(glyphOf("?"));
  });
});

describe("drawText", () => {
  it("stays within the width it announces and leaves out what lies outside the picture", () => {
    for (const text of ["Wag", "jumping", "|", "@"]) {
      const width = Math.ceil(textWidth(text, style));
      const image = draw(text, 120, 30, 10);
      for (let i = 0; i < 120 * 30; i++) {
        const x = i % 120;
        if (x < 9 || x > 10 + width + 1) expect(image.data[i * 3]).toBe(255);
      }
    }
    expect(() => draw("outside", 10, 10, -30, -8)).not.toThrow();
  });

  it("shortens with an ellipsis to fit, down to nothing", () => {
    const whole = "a rather long name";
    expect(fitText(whole, 1000, style)).toBe(whole);
    const width = textWidth("a rather...", style);
    expect(fitText(whole, width, style)).toBe("a rather...");
    expect(fitText(whole, 2, style)).toBe("");
  });
});
