import { expect, it } from "vitest";
import * as torch from "./index.js";
import { hasOperator } from "./operator.js";
import { describeWithLibtorch } from "./testing/suite.js";

const deviation = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(...a.map(Math.abs));

describeWithLibtorch("packed linear layers", () => {
  it.each([
    ["float32", 1e-6],
    ["bfloat16", 1e-2],
  ] as const)("give what linear gives, in %s, for any number of rows and axes", (dtype, tolerance) => {
    torch.scope(() => {
      const [weight, bias] = [torch.randn([40, 24], { dtype }), torch.randn([40], { dtype })];
      const packed = torch.packLinear(weight);
      if (!hasOperator("mkldnn::_reorder_linear_weight")) return expect(packed).toBeUndefined();
      if (!packed) return expect(dtype).toBe("bfloat16"); // a processor without it
      for (const shape of [
        [1, 24],
        [2, 1, 24],
        [3, 5, 24],
        [100, 24],
      ]) {
        const x = torch.randn(shape, { dtype });
        for (const b of [bias, null]) {
          const found = torch.linearPacked(x, packed, b);
          const expected = torch.linear(x, weight, b);
          expect(found.shape).toEqual(expected.shape);
          expect(deviation(torch.numbers(expected), torch.numbers(found))).toBeLessThan(tolerance);
        }
      }
    });
  });

  it("are refused quietly where they cannot be", () => {
    torch.scope(() => expect(torch.packLinear(torch.zeros([4, 4], { dtype: "float64" }))).toBeUndefined());
  });
});
