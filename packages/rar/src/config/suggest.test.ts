import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { didYouMean, editDistance, nearest } from "./suggest.js";

describe("editDistance", () => {
  it.each([
    ["", "", 0],
    ["abc", "abc", 0],
    ["abc", "", 3],
    ["kitten", "sitting", 3],
    ["ab", "ba", 1], // one swap
    ["hidden", "hiden", 1],
  ])("%j to %j is %i", (a, b, distance) => expect(editDistance(a, b)).toBe(distance));

  it("is symmetric, zero only for equals, and at most the longer length", () => {
    const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 7 });
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe("nearest", () => {
  const known = ["generate", "evaluate", "train", "train-tokenizer"];
  it("finds typos, whatever the case", () => {
    expect(nearest("genrate", known)).toBe("generate");
    expect(nearest("TRIAN", known)).toBe("train");
    expect(didYouMean("evalaute", known)).toBe(' Did you mean "evaluate"?');
  });
  it("says nothing where nothing is near", () => {
    expect(nearest("xyzzy", known)).toBeUndefined();
    expect(didYouMean("", known)).toBe("");
  });
});
