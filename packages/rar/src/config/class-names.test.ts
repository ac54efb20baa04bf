import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findClass, imagenetClasses, readClassNames, unnamedClasses } from "./class-names.js";
import { RarityError } from "./errors.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rarity-classes-"));
});
afterAll(() => rm(folder, { recursive: true }));
const written = async (text: string): Promise<string> => {
  const file = join(folder, `${Math.random()}.txt`);
  await writeFile(file, text);
  return file;
};

describe("findClass with ImageNet's names", async () => {
  const classes = await imagenetClasses();

  it("has the 1000 classes", () => {
    expect([classes.count, classes.names.length, classes.wordnet?.length]).toEqual([1000, 1000, 1000]);
    expect(classes.names[207]).toEqual(["golden retriever"]);
    expect(classes.wordnet?.[999]).toMatch(/^n\d{8}$/);
  });

  it.each([
    [0, 0],
    [999, 999],
    ["207", 207],
    [" 207 ", 207],
    ["n02099601", 207],
    ["golden retriever", 207],
    ["Golden_Retriever", 207],
    ["GOLDEN-RETRIEVER", 207],
    ["Tinca tinca", 0],
    ["tench, Tinca tinca", 0],
    ["great  white shark", 2],
  ])("%j is %i", (query, index) => expect(findClass(query, classes)).toBe(index));

  it("finds every class by number, WordNet id and whole line, and by every name that is its own", () => {
    const ambiguous = new Set<string>();
    for (const [i, names] of classes.names.entries()) {
      expect(findClass(i, classes)).toBe(i);
      expect(findClass(classes.wordnet![i]!, classes)).toBe(i);
      for (const name of names) {
        try {
          expect(findClass(name, classes)).toBe(i);
        } catch (error) {
          if (!(error instanceof RarityError)) throw error;
          expect(error.message).toContain(classes.wordnet![i]);
          ambiguous.add(name.toLowerCase());
        }
      }
    }
    expect(ambiguous.size).toBe(19);
  });

  it("names both classes of an ambiguous name", () => {
    expect(() => findClass("Crane", classes)).toThrow(
      '"Crane" names 2 classes: 134 "crane" (n02012849); 517 "crane" (n03126707). Pass the number.',
    );
  });

  it.each([
    ["golden retreiver", /^There is no class "golden retreiver"\. Did you mean 207 "golden retriever"/],
    ["retriever", /Did you mean 205 "flat-coated retriever" .* or 208 .*, or one of 1 more\?/],
    ["xyzzy", /^There is no class "xyzzy"\. Or pass a number from 0 to 999\.$/],
    [1000, /There is no class 1000\. Classes are numbered 0 to 999\./],
    ["1000", /Classes are numbered 0 to 999/],
    [-1, /no class -1/],
    [1.5, /no class 1\.5/],
    [Number.NaN, /no class NaN/],
    ["n99999999", /no class "n99999999"/],
    ["", /no class ""/],
    ["constructor", /no class "constructor"/],
  ])("refuses %j", (query, message) => {
    expect(() => findClass(query, classes)).toThrow(RarityError);
    expect(() => findClass(query, classes)).toThrow(message);
  });
});

describe("readClassNames", () => {
  it("reads a name a line with synonyms, any line end, any language", async () => {
    const classes = await readClassNames(
      await written("\uFEFFface, head\r\nBär\r\n \u7532 , \u4e59\r\n\r\n"),
      3,
    );
    expect(classes.names).toEqual([["face", "head"], ["Bär"], ["甲", "乙"]]);
    expect(findClass("HEAD", classes)).toBe(0);
    expect(findClass("ba\u0308r", classes)).toBe(1); // the same letter, written as two characters
    expect(findClass("乙", classes)).toBe(2);
  });

  it.each([
    ["a\n\nb\n", undefined, /:2: There is no name/],
    ["", undefined, /:1: There is no name/],
    ["a\nb\n", 3, /names 2 classes, the model has 3/],
    ["a\0b", undefined, /is no list of class names/],
  ])("refuses %j", async (text, count, message) => {
    await expect(readClassNames(await written(text), count)).rejects.toThrow(message);
  });

  it("says so where there is no file", async () => {
    await expect(readClassNames(join(folder, "none"))).rejects.toMatchObject({ code: "io" });
  });
});

describe("classes without names", () => {
  it("are known by number", () => {
    expect(findClass("3", unnamedClasses(10))).toBe(3);
    expect(() => findClass("cat", unnamedClasses(10))).toThrow(/have no names\. Pass a number from 0 to 9/);
  });
});
