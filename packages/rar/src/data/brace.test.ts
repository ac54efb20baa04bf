import { describe, expect, it } from "vitest";
import { RarityError } from "../config/errors.js";
import { expandShards } from "./brace.js";

describe("expandShards", () => {
  it("puts variables in before the braces expand, and names one that is not set", () => {
    expect(expandShards(`\${ROOT}/{0..1}.tar`, { WDS_ROOT: "/data/{a,b}" })).toEqual([
      "/data/a/0.tar",
      "/data/a/1.tar",
      "/data/b/0.tar",
      "/data/b/1.tar",
    ]);
    expect(() => expandShards(`\${ROOT}/a.tar`, { ROOT: "/data" })).toThrow(/WDS_ROOT is not set/);
  });

  it.each([
    ["{-1..1}", ["-1", "0", "1"]],
    ["{-01..1}", ["-01", "000", "001"]],
    ["{1..6..-2}", ["1", "3", "5"]],
    ["{2..1..0}", ["2", "1"]],
    ["{c..a}", ["c", "b", "a"]],
    ["{a,}x", ["ax", "x"]],
    ["{{1..2},b}", ["1", "2", "b"]],
    ["{{a,b}}", ["{a}", "{b}"]],
    ["C:\\data\\s-{0..1}.tar", ["C:\\data\\s-0.tar", "C:\\data\\s-1.tar"]],
    ["日本-{0..1}🐈", ["日本-0🐈", "日本-1🐈"]],
  ])("%s", (pattern, expected) => {
    expect(expandShards(pattern, {})).toEqual(expected);
  });

  it.each(["a{", "a}", "{a,{b}", "x-{0..3"])("refuses %s, whose braces do not match", (pattern) => {
    expect(() => expandShards(pattern, {})).toThrow(/braces of .* do not match/);
  });

  it.each(["{0..999999999999}", "{0..999}{0..999}{0..9}", "{0..99999999999999999999999}"])(
    "refuses %s before it fills the memory",
    (pattern) => {
      expect(() => expandShards(pattern, {})).toThrow(RarityError);
    },
  );
});
