import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { encodePngSync } from "./png.js";
import { resample } from "./resample.js";
import type { RgbImage } from "./rgb.js";
import { detectGraphics, type Graphics, renderForTerminal, terminalRows } from "./terminal.js";

const picture = (width: number, height: number): RgbImage => ({
  width,
  height,
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.imul(i + 1, i * 40503 + 7) >>> 13),
});
/** Escape and bell as letters that a pattern may hold. */
const visible = (text: string): string => text.replaceAll("\x1b", "␛").replaceAll("\x07", "␇");
const tty = { isTTY: true };

describe("detectGraphics", () => {
  const cases: [Record<string, string>, Graphics][] = [
    [{ TERM: "xterm-kitty" }, "kitty"],
    [{ TERM: "xterm-256color", KITTY_WINDOW_ID: "1" }, "kitty"],
    [{ TERM: "xterm-ghostty", TERM_PROGRAM: "ghostty" }, "kitty"],
    [{ TERM: "xterm-256color", TERM_PROGRAM: "iTerm.app", COLORTERM: "truecolor" }, "iterm2"],
    [{ TERM: "xterm-256color", TERM_PROGRAM: "WezTerm" }, "iterm2"],
    [{ TERM: "foot" }, "sixel"],
    [{ TERM: "mlterm-256color" }, "sixel"],
    [{ TERM: "xterm-256color", COLORTERM: "truecolor" }, "blocks"],
    [{ TERM: "xterm-256color", WT_SESSION: "x" }, "blocks"],
    [{ TERM: "xterm-256color", TERM_PROGRAM: "Apple_Terminal" }, "none"],
    [{ TERM: "dumb", COLORTERM: "truecolor" }, "none"],
    [{}, "none"],
    [{ TERM: "xterm-kitty", NO_COLOR: "1" }, "none"],
    [{ TERM: "xterm-kitty", NO_COLOR: "" }, "kitty"], // empty means not set: no-color.org
    [{ TERM: "tmux-256color", TMUX: "x", KITTY_WINDOW_ID: "1", COLORTERM: "truecolor" }, "blocks"],
    [{ TERM: "xterm", RARITY_GRAPHICS: "sixel" }, "sixel"],
    [{ TERM: "xterm", RARITY_GRAPHICS: "Blocks", NO_COLOR: "1" }, "blocks"],
    [{ TERM: "xterm-kitty", RARITY_GRAPHICS: "none" }, "none"],
  ];
  it.each(cases)("%j: %s", (env, expected) => {
    expect(detectGraphics(env, tty)).toBe(expected);
    expect(detectGraphics(env, { isTTY: false })).toBe("none");
    expect(detectGraphics(env, {})).toBe("none");
  });

  it("names the choices when RARITY_GRAPHICS is none of them", () => {
    expect(() => detectGraphics({ RARITY_GRAPHICS: "ascii" }, tty)).toThrow(RarityError);
    expect(() => detectGraphics({ RARITY_GRAPHICS: "ascii" }, tty)).toThrow(
      /"ascii".*kitty, iterm2, sixel, blocks, none/,
    );
  });
});

/** What a terminal would show for half blocks: two pixels a cell, undefined where its own background shows. */
function readBlocks(text: string): (number[] | undefined)[][] {
  const rows: (number[] | undefined)[][] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const [upper, lower]: [(number[] | undefined)[], (number[] | undefined)[]] = [[], []];
    let [fg, bg]: (number[] | undefined)[] = [];
    for (const [token, codes] of visible(line).matchAll(/␛\[([\d;]*)m|▀/g)) {
      if (token === "▀") {
        upper.push(fg);
        lower.push(bg);
        continue;
      }
      const numbers = codes!.split(";").map(Number);
      if (numbers[0] === 38) fg = numbers.splice(0, 5).slice(2);
      if (numbers[0] === 48) bg = numbers.splice(0, 5).slice(2);
      else if (numbers[0] === 49) bg = undefined;
    }
    rows.push(upper, lower);
  }
  return rows;
}

describe("half blocks", () => {
  it("show the very pixels of a picture that fits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }), (width, height) => {
        const image = picture(width, height);
        const options = { graphics: "blocks", columns: 30 } as const;
        const text = renderForTerminal(image, options);
        expect(text.split("\n").length - 1).toBe(terminalRows(image, options));
        const rows = readBlocks(text);
        for (let y = 0; y < height; y++) {
          const shown = rows[y]!.flatMap((pixel) => pixel ?? [-1]);
          expect(shown).toEqual([...image.data.subarray(y * width * 3, (y + 1) * width * 3)]);
        }
        if (height % 2 === 1) expect(rows[height]!.every((pixel) => pixel === undefined)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("are reduced to the columns and say each colour once", () => {
    const image = picture(64, 64);
    const rows = readBlocks(renderForTerminal(image, { graphics: "blocks", columns: 20 }));
    expect(rows.flat(2)).toEqual([...resample(image, 20, 20, "box").data]);
    const flat = { width: 10, height: 2, data: new Uint8Array(60).fill(9) };
    const text = renderForTerminal(flat, { graphics: "blocks", columns: 10 });
    expect(text).toBe(`\x1b[38;2;9;9;9;48;2;9;9;9m${"▀".repeat(10)}\x1b[0m\n`);
  });
});

describe("pixel graphics", () => {
  const image = picture(64, 64);

  it("gives kitty the PNG in chunks the protocol allows", () => {
    const text = renderForTerminal(image, { graphics: "kitty", columns: 16, id: 7 });
    const chunks = [...visible(text).matchAll(/␛_G([^;]*);([^␛]*)␛\\/g)];
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks[0]![1]).toBe("a=T,f=100,c=16,r=8,C=1,q=2,i=7,p=1,m=1");
    expect(chunks.map(([, control]) => control!.at(-1))).toEqual([...chunks.slice(1).map(() => "1"), "0"]);
    for (const [, , payload] of chunks.slice(0, -1)) expect(payload!.length).toBe(4096);
    const png = Buffer.from(chunks.map(([, , payload]) => payload).join(""), "base64");
    expect(Buffer.compare(png, encodePngSync(image))).toBe(0);
  });

  it("gives iTerm2 the PNG as an inline file of its size", () => {
    const text = renderForTerminal(image, { graphics: "iterm2", columns: 16 });
    const [, options, payload] = /␛\]1337;File=([^:]*):([^␇]*)␇/.exec(visible(text))!;
    const png = Buffer.from(payload!, "base64");
    expect(Buffer.compare(png, encodePngSync(image))).toBe(0);
    expect(options).toBe(`inline=1;size=${png.length};width=16;height=8;preserveAspectRatio=1`);
  });

  it.each(["kitty", "iterm2", "sixel"] as const)(
    "%s makes room first and ends below the picture",
    (graphics) => {
      const options = { graphics, columns: 10 };
      const text = renderForTerminal(image, options);
      expect(terminalRows(image, options)).toBe(5);
      expect(text.startsWith("\n\n\n\n\n\x1b[5A\x1b7\x1b")).toBe(true);
      expect(text.endsWith("\x1b8\x1b[5B\r")).toBe(true);
    },
  );

  it("draws sixels no larger than the cells they are given", () => {
    for (const [width, height] of [
      [16, 16],
      [300, 200],
      [7, 90],
    ] as const) {
      const options = { graphics: "sixel", columns: 12, cell: { width: 9, height: 18 } } as const;
      const small = picture(width, height);
      const [, w, h] = /"1;1;(\d+);(\d+)/.exec(renderForTerminal(small, options))!;
      expect(Number(w)).toBeLessThanOrEqual(12 * 9);
      expect(Number(h)).toBeLessThanOrEqual(terminalRows(small, options) * 18);
    }
  });

  it("writes nothing without graphics and refuses widths that are none", () => {
    expect(renderForTerminal(image, { graphics: "none", columns: 10 })).toBe("");
    for (const columns of [0, -1, 1.5, Number.NaN]) {
      expect(() => renderForTerminal(image, { graphics: "blocks", columns })).toThrow(RangeError);
    }
  });
});
