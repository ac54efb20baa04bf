import { describe, expect, it } from "vitest";
import { RarityError } from "./errors.js";
import { applyOverrides, parseOverride } from "./overrides.js";
import type { PlainMap } from "./plain.js";

const over = (config: PlainMap, ...words: string[]) => applyOverrides(config, words.map(parseOverride));

describe("parseOverride", () => {
  // the readings that were recorded with OmegaConf 2.2
  it.each([
    ["a=true", true],
    ["a=yes", true],
    ["a=on", true],
    ["a=null", null],
    ["a=~", null],
    ["a=", null],
    ["a", null],
    ["a=1e-4", 1e-4],
    ["a=1_000", 1000],
    ["a=010", 8],
    ["a=1:30", 90],
    ["a=[1,2]", [1, 2]],
    ['a="rar_b"', "rar_b"],
    ["a='16.0'", "16.0"],
    ["a=rar_b.bin", "rar_b.bin"],
    ["a={b: 1}", { b: 1 }],
    ["a=x=y", "x=y"],
  ])("reads %s", (word, value) => expect(parseOverride(word).value).toEqual(value));

  it("keeps leading dashes as part of the key", () => {
    expect(over({}, "--a.n=3", "word")).toEqual({ "--a": { n: 3 }, word: null });
  });

  it.each(["=3", "a..b=1", ".a=1", "a.=1"])("refuses the empty key of %j", (word) => {
    expect(() => parseOverride(word)).toThrow(/empty key\. Write key\.path=value/);
  });

  it("refuses a value that is no YAML, naming the override", () => {
    expect(() => parseOverride("model.x=[1, 2")).toThrow(/^override "model\.x=\[1, 2":1:\d+: /);
  });
});

describe("applyOverrides", () => {
  it("merges groups, replaces the rest, and leaves the original alone", () => {
    const config = { a: { b: 1, c: [1, 2] }, d: 4 };
    expect(over(config, "a.b=2", "a.c=[3]", "e.f.g=5", "a={h: 6}")).toEqual({
      a: { b: 2, c: [3], h: 6 },
      d: 4,
      e: { f: { g: 5 } },
    });
    expect(config).toEqual({ a: { b: 1, c: [1, 2] }, d: 4 });
  });

  it("fills an empty group", () => expect(over({ a: null }, "a.b=1")).toEqual({ a: { b: 1 } }));

  it.each([
    [["a.b=c"], /Override "a\.b=c" cannot be set: a is 5, not a group/],
    [["l.0=7"], /l is \[1,2\], not a group of keys\. Give the whole list, l=\[\.\.\.\]/],
    [["n.x=1", "n.x.y=2"], /Override "n\.x\.y=2" cannot be set: n\.x is 1/],
  ])("refuses %j, naming both", (words, message) => {
    const run = () => over({ a: 5, l: [1, 2] }, ...words);
    expect(run).toThrow(RarityError);
    expect(run).toThrow(message);
  });

  it("does not touch prototypes", () => {
    const result = over({}, "__proto__.polluted=1", "constructor.prototype.polluted=1");
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(result)).toEqual(["__proto__", "constructor"]);
  });
});
