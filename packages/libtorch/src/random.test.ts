/** The same seed draws what Python's torch draws, and a saved state draws it again. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  argmax,
  div,
  dropout,
  empty,
  exponential_,
  generatorState,
  manualSeed,
  multinomial,
  normal_,
  numbers,
  ones,
  rand,
  randint,
  randn,
  randperm,
  runtimeInfo,
  scope,
  setGeneratorState,
  type Tensor,
  tensor,
  uniform_,
} from "./index.js";
import { describeWithLibtorch } from "./testing/suite.js";

type Draws = Record<string, number[]>;
const recorded = JSON.parse(
  readFileSync(new URL("../test/fixtures/seeds.json", import.meta.url), "utf8"),
) as Record<"mkl" | "generic", { draws: Record<string, Draws> }>;

describeWithLibtorch("random numbers", () => {
  it.each([0, 1234567890123])("after the seed %i are Python's", (seed) => {
    const expected = recorded[runtimeInfo().blas === "mkl" ? "mkl" : "generic"].draws[seed]!;
    scope(() => {
      manualSeed(seed);
      const p = tensor([
        [0.1, 0.2, 0.3, 0.4],
        [0.25, 0.25, 0.25, 0.25],
      ]); // prettier-ignore
      const drawn: Record<string, Tensor> = {
        randn: randn([5]),
        "randn, many": randn([20]),
        rand: rand([5]),
        randperm: randperm(10),
        randint: randint(0, 1000, [6]),
        normal_: normal_(empty([3]), 2, 0.5),
        uniform_: uniform_(empty([3]), -1, 1),
        multinomial: multinomial(p, 3),
        "multinomial, replaced": multinomial(p, 8, true),
        exponential_: exponential_(empty([5]), 2),
        gumbel: argmax(div(p, exponential_(empty([2, 4]), 1)), -1),
      };
      expect(Object.keys(drawn)).toEqual(Object.keys(expected));
      for (const [name, x] of Object.entries(drawn)) {
        const values = numbers(x);
        if (x.dtype === "int64") expect(values, name).toEqual(expected[name]);
        // log and cos of another vector width may end in another bit
        else
          for (const [i, v] of values.entries())
            expect(v, `${name} ${i}`).toBeCloseTo(expected[name]![i]!, 5);
      }
    });
  });

  it("come again from a saved state, whatever was drawn between", () => {
    scope(() => {
      manualSeed(7);
      randn([3]); // an odd number of normal draws keeps one for later
      const state = generatorState();
      expect([state.dtype, state.device]).toEqual(["uint8", "cpu"]);
      const draw = (): number[][] =>
        [randn([1]), rand([4]), exponential_(empty([3])), dropout(ones([20]), 0.5, true)].map(numbers);
      const first = draw();
      expect(draw()).not.toEqual(first);
      setGeneratorState(state);
      expect(draw()).toEqual(first);
      setGeneratorState(state); // the state itself has not moved
      expect(draw()).toEqual(first);
    });
  });

  it("seeds differ, and the same one repeats", () => {
    scope(() => {
      const draw = (seed: number): number[] => {
        manualSeed(seed);
        return numbers(randn([4]));
      };
      expect(draw(1)).toEqual(draw(1));
      expect(draw(1)).not.toEqual(draw(2));
      expect(draw(2 ** 53 - 1)).not.toEqual(draw(0));
    });
  });
});
