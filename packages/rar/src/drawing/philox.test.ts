import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { philox4x32 } from "./philox.js";

/** Lines of Random123's `kat_vectors` for philox4x32, 10 rounds: counter, key, result. */
const known = [
  "00000000 00000000 00000000 00000000  00000000 00000000  6627e8d5 e169c58d bc57ac4c 9b00dbd8",
  "ffffffff ffffffff ffffffff ffffffff  ffffffff ffffffff  408f276d 41c83b0e a20bc7c6 6d5451fd",
  "243f6a88 85a308d3 13198a2e 03707344  a4093822 299f31d0  d16cfe09 94fdcceb 5001e420 24126ea1",
];

type Six = [number, number, number, number, number, number];

function philox(input: Six): number[] {
  const out = new Uint32Array(4);
  philox4x32(...input, out);
  return [...out];
}

/** The same by the definition, in exact integers. */
function philoxExact(input: Six): number[] {
  let [a, b, c, d, keyA, keyB] = input.map((word) => BigInt(word)) as [
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  for (let round = 0; round < 10; round++) {
    const [productA, productC] = [a * 0xd2511f53n, c * 0xcd9e8d57n];
    const word = 0xffffffffn;
    [a, b, c, d] = [
      (productC >> 32n) ^ b ^ keyA,
      productC & word,
      (productA >> 32n) ^ d ^ keyB,
      productA & word,
    ];
    keyA = (keyA + 0x9e3779b9n) & word;
    keyB = (keyB + 0xbb67ae85n) & word;
  }
  return [a, b, c, d].map(Number);
}

describe("philox4x32", () => {
  it.each(known)("gives the published answer of %s", (line) => {
    const words = line.split(/\s+/).map((word) => Number.parseInt(word, 16));
    expect(philox(words.slice(0, 6) as Six)).toEqual(words.slice(6));
  });

  it("equals exact integer arithmetic on any words", () => {
    // 16-bit halves of all ones or all zeros are where a carry would be lost
    const word = fc.oneof(
      fc.integer({ min: 0, max: 0xffffffff }),
      fc.constantFrom(0, 0xffff, 0xffff0000, 0xffffffff, 0x80000000, 0x10000),
    );
    fc.assert(
      fc.property(fc.tuple(word, word, word, word, word, word), (input) => {
        expect(philox(input)).toEqual(philoxExact(input));
      }),
      { numRuns: 500 },
    );
  });

  it("gives counters that follow each other at once", () => {
    const out = new Uint32Array(14);
    philox4x32(0xffffffff, 2, 3, 4, 5, 6, out, 1, 3);
    const each = [0xffffffff, 0, 1].flatMap((counter) => philox([counter, 2, 3, 4, 5, 6]));
    expect([...out]).toEqual([0, ...each, 0]);
  });

  it("writes four words at the offset and nothing else", () => {
    const out = new Uint32Array(8).fill(7);
    philox4x32(0, 0, 0, 0, 0, 0, out, 2);
    expect([...out]).toEqual([7, 7, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8, 7, 7]);
  });
});
