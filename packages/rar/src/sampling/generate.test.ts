import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { conditionId } from "../config/architecture.js";
import { fakeGenerator } from "../testing/fake-generator.js";
import { tinyGenerator as config, randomOrder } from "../testing/random-model.js";
import { type SampleRequest, type SampleStep, sampleTokens } from "./generate.js";

const { tokens: L, codebookSize: K } = config;

const request: SampleRequest = {
  classes: [1, 4],
  indices: [10, 11],
  seed: 5,
  guidance: { scale: 4, pow: 0 },
  draw: { temperature: 1 },
};
const greedy = { ...request, draw: { temperature: 0 } };

/** Likes one code best at each place: (7 place + condition) mod K; unconditional rows are flat. */
const favourite = (place: number, condition: number): number => (7 * place + condition) % K;
const peaked = (place: number, code: number, condition: number): number =>
  condition >= 0 && code === favourite(place, condition) ? 3 : 0;

async function run(steps: AsyncIterable<SampleStep>): Promise<{ filled: number[]; tokens: number[][] }> {
  const filled: number[] = [];
  let last: readonly Int32Array[] = [];
  for await (const step of steps) {
    filled.push(step.filled);
    last = step.tokens;
  }
  return { filled, tokens: last.map((one) => [...one]) };
}

describe("sampleTokens", () => {
  it("draws each place once, feeds what it drew, and closes the session", async () => {
    const generator = fakeGenerator(peaked);
    const { filled, tokens } = await run(sampleTokens(generator, greedy));
    expect(filled).toEqual(Array.from({ length: L }, (_, i) => i + 1));
    const conditions = [1, 4].map((label) => conditionId(config, label));
    const wanted = conditions.map((c) => Array.from({ length: L }, (_, place) => favourite(place, c)));
    expect(tokens).toEqual(wanted);
    expect(generator.steps).toEqual(Array.from({ length: L - 1 }, (_, i) => wanted.map((row) => row[i])));
    expect(generator.requests).toEqual([
      { conditions: Int32Array.from(conditions), guided: true, order: undefined },
    ]);
    expect(generator.live()).toBe(0);
  });

  it.each([
    [0, false],
    [1, false],
    [0.5, true],
    [4, true],
  ])("guidance scale %d: unconditional rows %s", async (scale, guided) => {
    const generator = fakeGenerator(peaked);
    await run(sampleTokens(generator, { ...greedy, guidance: { scale, pow: 1 } }));
    expect(generator.requests[0]!.guided).toBe(guided);
  });

  it("puts each token where the order says", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(1e6), async (seed) => {
        const order = randomOrder(seed, L);
        const generator = fakeGenerator(peaked);
        const { tokens } = await run(sampleTokens(generator, { ...greedy, order }));
        expect(generator.requests[0]!.order).toBe(order);
        const c = conditionId(config, 1);
        for (const [place, index] of order.entries()) expect(tokens[0]![index]).toBe(favourite(place, c));
      }),
      { numRuns: 20 },
    );
  });

  it("keeps the given tokens, and draws what follows as it would have anyway", async () => {
    const { tokens: whole } = await run(sampleTokens(fakeGenerator(peaked), request));
    for (const given of [0, 1, L - 1, L]) {
      const generator = fakeGenerator(peaked);
      const prefix = whole.map((one) => Int32Array.from(one.slice(0, given)));
      const again = await run(sampleTokens(generator, { ...request, prefix }));
      expect(again.tokens).toEqual(whole);
      expect(again.filled).toHaveLength(L);
      expect(generator.live()).toBe(0);
    }
    const prefix = [Int32Array.of(9, 8, 7), Int32Array.of(6, 5, 4)];
    const generator = fakeGenerator(peaked);
    const { tokens } = await run(sampleTokens(generator, { ...greedy, prefix }));
    expect(tokens.map((one) => one.slice(0, 3))).toEqual([
      [9, 8, 7],
      [6, 5, 4],
    ]);
    expect(generator.steps.slice(0, 3)).toEqual([
      [9, 6],
      [8, 5],
      [7, 4],
    ]);
    expect(tokens[0]![3]).toBe(favourite(3, conditionId(config, 1)));
  });

  it("gives an image the same tokens alone, in company, and in another place of the batch", async () => {
    const flat = fakeGenerator((place, code, condition) => Math.sin(place + 3 * code + condition));
    const { tokens } = await run(sampleTokens(flat, request));
    const swapped = await run(sampleTokens(flat, { ...request, classes: [4, 1], indices: [11, 10] }));
    const alone = await run(sampleTokens(flat, { ...request, classes: [4], indices: [11] }));
    const other = await run(sampleTokens(flat, { ...request, classes: [4], indices: [12] }));
    expect(swapped.tokens).toEqual([tokens[1], tokens[0]]);
    expect(alone.tokens).toEqual([tokens[1]]);
    expect(other.tokens).not.toEqual([tokens[1]]);
  });

  it("stops within a step of an abort, with the signal's reason, and closes the session", async () => {
    for (const moment of [0, 1, 33, 75]) {
      const generator = fakeGenerator(peaked, { milliseconds: 10 });
      const stop = new AbortController();
      const reason = new Error("the client went away");
      let stepsAtAbort = 0;
      setTimeout(() => {
        stepsAtAbort = generator.steps.length;
        stop.abort(reason);
      }, moment);
      await expect(run(sampleTokens(generator, { ...request, signal: stop.signal }))).rejects.toBe(reason);
      expect(generator.steps.length - stepsAtAbort).toBeLessThanOrEqual(1);
      expect(generator.live()).toBe(0);
    }
  });

  it("opens nothing once the signal is aborted", async () => {
    const generator = fakeGenerator(peaked);
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(run(sampleTokens(generator, { ...request, signal }))).rejects.toThrow("too late");
    expect(generator.requests).toEqual([]);
  });

  it("closes the session when its reader leaves early or throws", async () => {
    const generator = fakeGenerator(peaked);
    for await (const { filled } of sampleTokens(generator, request)) if (filled === 3) break;
    expect(generator.live()).toBe(0);
    const reader = async (): Promise<void> => {
      for await (const _ of sampleTokens(generator, request)) throw new Error("reader");
    };
    await expect(reader()).rejects.toThrow("reader");
    expect(generator.live()).toBe(0);
  });

  it("closes the session and names the code when the network gives no number", async () => {
    const generator = fakeGenerator((place, code) => (place === 2 && code === 5 ? Number.NaN : 0));
    await expect(run(sampleTokens(generator, request))).rejects.toThrow(/code 5 is NaN/);
    expect(generator.live()).toBe(0);
  });

  const whole = Int32Array.from({ length: L }, (_, i) => i);
  it.each<[string, Partial<SampleRequest>, RegExp]>([
    ["no class", { classes: [], indices: [] }, /at least one/],
    ["a class beyond the last", { classes: [1, 5] }, /Class 5 .* 0 to 4/],
    ["a negative class", { classes: [-1, 0] }, /Class -1/],
    ["a class that is no whole number", { classes: [0.5, 0] }, /Class 0\.5/],
    ["a class that is not a number", { classes: [Number.NaN, 0] }, /Class NaN/],
    ["too few indices", { indices: [1] }, /2 classes need as many indices, not 1/],
    ["an index that is none", { indices: [-1, 0] }, /image index -1/],
    ["a seed that is none", { seed: 2 ** 53 }, /seed 9007199254740992/],
    ["an order that is too short", { order: whole.slice(1) }, /each of the places 0 to 15 once/],
    ["an order that names a place twice", { order: whole.map((i) => i >> 1) }, /names 8/],
    ["an order that names a place beyond the image", { order: whole.map((i) => i + 1) }, /names 15/],
    ["an order with a negative place", { order: whole.map((i) => i - 1) }, /names 15/],
    ["given tokens for one image only", { prefix: [whole] }, /2 images .* not 1/],
    ["given tokens of two lengths", { prefix: [whole, whole.slice(1)] }, /as many given tokens/],
    ["more given tokens than places", { prefix: [0, 1].map(() => new Int32Array(L + 1)) }, /at most 16/],
    [
      "a given token that is no code",
      { prefix: [whole, whole.map(() => K)] },
      /token 24 is not a code: 0 to 23/,
    ],
    ["a negative given token", { prefix: [whole, whole.map(() => -1)] }, /token -1 is not a code/],
  ])("refuses %s", async (_, wrong, message) => {
    const generator = fakeGenerator(peaked);
    const call = run(sampleTokens(generator, { ...request, ...wrong }));
    await expect(call).rejects.toThrow(message);
    await expect(call).rejects.toBeInstanceOf(RangeError);
    expect(generator.steps).toEqual([]);
    expect(generator.live()).toBe(0);
  });
});
