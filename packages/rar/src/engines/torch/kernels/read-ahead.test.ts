import { scope, type Tensor, zeros } from "libtorch";
import { describe, expect, it } from "vitest";
import { haveLibtorch } from "../../../testing/libtorch.js";
import { type Ahead, NOTHING_AHEAD, ReadAhead } from "./read-ahead.js";

describe.skipIf(!haveLibtorch)("what kernels read ahead", () => {
  /** Weights of so many bytes. */
  const weights = (...bytes: number[]): Tensor[] => bytes.map((n) => zeros([n / 2], { dtype: "bfloat16" }));

  it("goes on where the kernel before stopped, over the border of two weights", () =>
    scope(() => {
      const [a, b, c] = weights(1024, 512, 2048) as [Tensor, Tensor, Tensor];
      const ahead = new ReadAhead([a, b, c]);
      expect(ahead.beside(256)).toEqual([a, 0, 256, null, 0]);
      expect(ahead.reading(256)).toEqual([b, 0, 256, null, 0]); // the rest of a it reads itself
      expect(ahead.beside(1024)).toEqual([b, 256, 256, c, 512]);
      expect(ahead.reading(512)).toEqual(NOTHING_AHEAD); // that was done
      expect(ahead.reading(512)).toEqual(NOTHING_AHEAD); // behind the last there is nothing
    }));

  it.each([0, 128, 1000, 5000, 100_000])("asks for nothing twice, %i bytes ahead", (distance) =>
    scope(() => {
      const all = weights(1024, 512, 2048, 160, 4096, 512, 512);
      const ahead = new ReadAhead(all);
      const asked = new Map(all.map((tensor) => [tensor, 0]));
      const take = ([first, from, bytes, second, more]: Ahead): void => {
        if (first) expect(from).toBeGreaterThanOrEqual(asked.get(first)!);
        if (first) asked.set(first, from + bytes);
        if (second) expect(asked.get(second)).toBe(0);
        if (second) asked.set(second, more);
      };
      for (const own of all) {
        take(ahead.beside(distance));
        const before = asked.get(own);
        take(ahead.reading(distance));
        expect(asked.get(own)).toBe(before);
      }
      for (const [tensor, to] of asked) expect(to).toBeLessThanOrEqual(2 * tensor.shape[0]!);
    }),
  );
});
