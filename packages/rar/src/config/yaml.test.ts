import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RarityError } from "./errors.js";
import type { PlainMap } from "./plain.js";
import { parseYaml, plainScalar } from "./yaml.js";

const read = (text: string) => parseYaml(text, "x.yaml").value;
const failure = (text: string): RarityError => {
  try {
    read(text);
  } catch (error) {
    if (error instanceof RarityError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text.slice(0, 60)}`);
};

describe("plainScalar", () => {
  it.each([
    ["4e-4", 4e-4],
    ["1e-5", 1e-5],
    ["1.2e-3", 1.2e-3],
    ["1E3", 1000],
    ["62_500", 62500],
    ["1_000.5", 1000.5],
    ["010", 8],
    ["-010", -8],
    ["0", 0],
    ["0x1F", 31],
    ["0b11", 3],
    ["1:30", 90],
    ["-1:30", -90],
    ["1:30:00", 5400],
    ["1:30.5", 90.5],
    ["+7", 7],
    [".5", 0.5],
    ["5.", 5],
    [".inf", Infinity],
    ["-.inf", -Infinity],
    [".nan", NaN],
    ["yes", true],
    ["On", true],
    ["TRUE", true],
    ["off", false],
    ["No", false],
    ["null", null],
    ["~", null],
    ["", null],
  ])("%s is %s", (source, value) => expect(plainScalar(source)).toEqual(value));

  it.each([
    "08",
    "y",
    "n",
    "1e",
    "e5",
    ".",
    "-",
    "1:99",
    "nan",
    "inf",
    "tRue",
    "2024-01-01",
    "bf16",
    "0b",
    "0x",
  ])("%s stays a word", (source) => expect(plainScalar(source)).toBe(source));

  it("never gives a NaN but for .nan", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789+-_.:eExXbBaf") }), (text) => {
        expect(plainScalar(text)).not.toBeNaN();
      }),
    );
  });
});

describe("parseYaml", () => {
  it("reads scalars by how they are written", () => {
    expect(
      read(`a: 4e-4\nb: "4e-4"\nc: '62_500'\nd: 62_500\ne:\nf: !!str 010\ng: [1, yes, "no", ~]\n`),
    ).toEqual({
      a: 4e-4,
      b: "4e-4",
      c: "62_500",
      d: 62500,
      e: null,
      f: "010",
      g: [1, true, "no", null],
    });
  });

  it("keeps the line of every key", () => {
    const { lines } = parseYaml("a:\n  # note\n  b: 1\n  c:\n    - d: 2\n", "x.yaml");
    expect([...lines]).toEqual([
      ["a", 1],
      ["a.b", 3],
      ["a.c", 4],
      ["a.c.0.d", 5],
    ]);
  });

  it("resolves anchors and merge keys, own keys first", () => {
    expect(read("a: &x {n: 1, m: 2}\nb:\n  n: 3\n  <<: *x\nc: *x\n")).toEqual({
      a: { n: 1, m: 2 },
      b: { n: 3, m: 2 },
      c: { n: 1, m: 2 },
    });
  });

  it("takes keys for names only, also __proto__", () => {
    const value = read("__proto__: {polluted: 1}\non: 2\n1: 3\n") as PlainMap;
    expect(Object.keys(value)).toEqual(["1", "__proto__", "on"]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("gives null for an empty text", () => expect(read("# nothing\n")).toBeNull());

  it.each([
    ["a:\n\tb: 1\n", /^x\.yaml:2:1: .*Use spaces/],
    ["a: 1\nb: 2\na: 3\n", /^x\.yaml:3:1: .*Remove one of the two/],
    ["a: [1, 2\nb: 1\n", /^x\.yaml:\d+:\d+: /],
    ["a: b: c\n", /^x\.yaml:1:4: /],
    ["a: 'open\n", /^x\.yaml:\d+:\d+: /],
    ["a: 1\n---\nb: 2\n", /^x\.yaml:2:1: .*one document/],
    ["a: *nowhere\n", /^x\.yaml:1:4: No anchor &nowhere/],
    ["a: &x [1, *x]\n", /^x\.yaml:1:11: \*x stands inside its own anchor/],
    ["a: !!python/object/apply:os.system ['true']\n", /^x\.yaml:1:\d+: .*tag .*os\.system/],
    ["a: !!int abc\n", /^x\.yaml:1:\d+: .*tag .*int/],
    ["? [a]\n: 1\n", /^x\.yaml:1:3: A key that is not a word/],
    ["a:\n  <<: 3\n", /^x\.yaml:2:3: `<<` needs/],
  ])("refuses %j with its place and a cure", (text, message) => {
    const error = failure(text);
    expect(error.code).toBe("bad-config");
    expect(error.message).toMatch(message);
  });

  it("refuses nesting, laughs and sizes beyond reason, in bounded time", () => {
    for (const opening of ["[", "- ", "{a: ", "? "])
      expect(failure(opening.repeat(100_000)).message).toMatch(/nests values more than/);
    const laughs = Array.from({ length: 12 }, (_, i) =>
      i === 0
        ? "a0: &a0 [1]"
        : `a${i}: &a${i} [${Array(9)
            .fill(`*a${i - 1}`)
            .join(", ")}]`,
    );
    expect(failure(`${laughs.join("\n")}\n`).message).toMatch(/More than 100000 values/);
    expect(failure("#".repeat(2 ** 20 + 1)).message).toMatch(/too many/);
  });

  it("answers any text with values or a RarityError", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab1:- \n[]{}&*!'\"#|>?,\t%@`$~<=.") }), (text) => {
        try {
          read(text);
        } catch (error) {
          expect(error).toBeInstanceOf(RarityError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
