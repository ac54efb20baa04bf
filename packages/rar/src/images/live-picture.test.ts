import { describe, expect, it } from "vitest";
import { LivePicture } from "./live-picture.js";
import { renderForTerminal } from "./terminal.js";

const flat = (side: number, value: number) => ({
  width: side,
  height: side,
  data: new Uint8Array(side * side * 3).fill(value),
});
const sink = () => {
  const written: string[] = [];
  return { written, write: (text: string) => written.push(text) };
};
const options = { graphics: "blocks", columns: 8 } as const;

describe("LivePicture", () => {
  it("draws over itself: as many lines up as it covers", () => {
    const out = sink();
    {
      using live = new LivePicture(out, options);
      live.update(flat(8, 1));
      expect(live.rows).toBe(4);
      live.update(flat(8, 2));
    }
    expect(out.written).toEqual([
      `\x1b[?25l${renderForTerminal(flat(8, 1), options)}`,
      `\x1b[4A\r${renderForTerminal(flat(8, 2), options)}`,
      "\x1b[?25h",
    ]);
  });

  it("clears the rest of a taller picture, and all of it when asked", () => {
    const out = sink();
    const live = new LivePicture(out, options);
    live.update(flat(8, 1));
    live.update(flat(2, 1));
    expect(out.written[1]).toBe(`\x1b[4A\r\x1b[J${renderForTerminal(flat(2, 1), options)}`);
    live.clear();
    expect(out.written[2]).toBe("\x1b[1A\r\x1b[J");
    live.update(flat(2, 3));
    expect(out.written[3]).toBe(renderForTerminal(flat(2, 3), options));
    live[Symbol.dispose]();
    live[Symbol.dispose]();
    expect(out.written.slice(4)).toEqual(["\x1b[?25h"]);
  });

  it("replaces kitty's picture under one number, another for each live picture", () => {
    const out = sink();
    const kitty = { graphics: "kitty", columns: 4 } as const;
    const [one, two] = [new LivePicture(out, kitty), new LivePicture(out, kitty)];
    one.update(flat(4, 1));
    one.update(flat(4, 2));
    two.update(flat(4, 3));
    const ids = out.written.map((text) => /,i=(\d+),p=1/.exec(text)![1]);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it("writes nothing without graphics", () => {
    const out = sink();
    {
      using live = new LivePicture(out, { graphics: "none", columns: 4 });
      live.update(flat(4, 1));
      live.clear();
    }
    expect(out.written).toEqual([]);
  });
});
