import { describe, expect, it } from "vitest";
import { fuzzParsers } from "../src/testing/fuzz-parsers.js";
import { findParser, fuzz, fuzzInput } from "../src/testing/fuzz-run.js";

describe.each(fuzzParsers.map(({ name }) => name))("%s", (parser) => {
  it("accepts or refuses every forged input: no crash, no hang, no outsized array", async () => {
    const { accepted, refused, findings } = await fuzz({ parser, seed: 7, from: 0, to: 3000 });
    expect(findings).toEqual([]);
    expect(accepted + refused).toBe(3000);
    // forgeries that are all refused, or all let through, would test nothing
    expect(accepted).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(300);
  });
});

it("makes the same input of the same seed and number", () => {
  const npz = findParser("npz");
  expect(fuzzInput(npz, 1, 5)).toEqual(fuzzInput(npz, 1, 5));
  expect(fuzzInput(npz, 1, 5)).not.toEqual(fuzzInput(npz, 1, 6));
});

it("sees a crash, an outsized array and a slow parser where there is one", async () => {
  const planted = {
    name: "planted",
    make: () => new Uint8Array(10),
    read: async () => {
      const kind = read++ % 3;
      if (kind === 0) (undefined as unknown as string).toString();
      if (kind === 1) new Uint8Array(1e8);
      if (kind === 2) for (const end = performance.now() + 1100; performance.now() < end; );
    },
  };
  let read = 0;
  const range = { parser: "planted", seed: 1, from: 0, to: 3 };
  const { crashes, outsized, slow, findings } = await fuzz(range, () => {}, planted);
  expect({ crashes, outsized, slow }).toEqual({ crashes: 1, outsized: 1, slow: 1 });
  expect(findings).toHaveLength(3);
});
