/** What every engine's tokenizer must do: the network's codes and pixels, at any size, each picture by itself. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Engine, Tokenizer } from "../engines/engine.js";
import { codeDistances, decode, decoderWeights, encode, encoderWeights } from "../networks/tokenizer.js";
import { deviation } from "./against-plain.js";
import { type Plain, plain, plainOps } from "./plain-ops.js";
import { randomArray, randomIds, randomTokenizer, tinyTokenizer } from "./random-model.js";

export function tokenizerContract(makeEngine: () => Engine | Promise<Engine>, exactInBatches: boolean): void {
  const model = randomTokenizer();
  const { codebookSize: K } = tinyTokenizer;
  let engine: Engine;
  let tokenizer: Tokenizer;
  const weights = new Map<string, Plain>();
  const get = (name: string): Plain => weights.get(name)!;
  beforeAll(async () => {
    engine = await makeEngine();
    tokenizer = await engine.loadTokenizer(model);
    for (const { name, shape } of model.weights.tensors.values())
      weights.set(name, plain(shape, await model.weights.readFloat32(name)));
  });
  afterAll(() => engine.dispose());

  const picture = (seed: number, h: number, w: number): Float32Array =>
    randomArray(seed, 3 * h * w, 0.5).map((v) => v + 0.5);

  it.each([
    [8, 8],
    [4, 4],
    [7, 10], // an odd last row is left out
  ])("encodes %i x %i pictures to the nearest codes", async (h, w) => {
    const planes = picture(h * w, h, w);
    const codes = await tokenizer.encode(planes, h, w);
    const z = encode(plainOps, encoderWeights(tinyTokenizer, get), plain([1, 3, h, w], planes));
    const distances = codeDistances(plainOps, get("quantize.embedding.weight"), z); // [places, K]
    expect(codes).toHaveLength(Math.floor(h / 2) * Math.floor(w / 2));
    for (const [place, code] of codes.entries()) {
      const row = distances.data.subarray(place * K, (place + 1) * K);
      const least = Math.min(...row);
      // Another code than the nearest passes only where the two are equally near but for rounding.
      expect(row[code]! - least, `place ${place}`).toBeLessThanOrEqual(1e-5 * Math.max(1, least));
    }
  });

  it.each([
    [4, 4],
    [1, 1],
    [2, 5],
    [6, 3],
  ])("decodes a grid of %i x %i codes", async (h, w) => {
    const codes = randomIds(h * 10 + w, h * w, K);
    const pixels = await tokenizer.decode(codes, h, w);
    const expected = decode(
      plainOps,
      decoderWeights(tinyTokenizer, get),
      get("quantize.embedding.weight"),
      plain([1, h, w], codes, true),
    ).data.map((v) => Math.min(Math.max(v, 0), 1));
    expect(deviation(pixels, expected)).toBeLessThan(2e-5);
  });

  it("takes each picture by itself, however many come together", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.nat(1e6), async (count, seed) => {
        const codes = Array.from({ length: count }, (_, i) => randomIds(seed + i, 16, K));
        const alone = await Promise.all(codes.map((one) => tokenizer.decode(one, 4, 4)));
        const together = await tokenizer.decode(Int32Array.from(codes.flatMap((one) => [...one])), 4, 4);
        const apart = alone.flatMap((one) => [...one]);
        if (exactInBatches) expect(Array.from(together)).toEqual(apart);
        else expect(deviation(together, apart)).toBeLessThan(2e-5);
        const back = await Promise.all(alone.map((one) => tokenizer.encode(one, 8, 8)));
        expect([...(await tokenizer.encode(together, 8, 8))]).toEqual(back.flatMap((one) => [...one]));
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  it("takes no pictures too", async () => {
    expect(await tokenizer.decode(new Int32Array(0), 4, 4)).toHaveLength(0);
    expect(await tokenizer.encode(new Float32Array(0), 8, 8)).toHaveLength(0);
  });

  it("refuses codes that are none and numbers that make up no whole picture", async () => {
    for (const code of [-1, K])
      await expect(tokenizer.decode(new Int32Array(16).fill(code, 5), 4, 4)).rejects.toThrow(
        new RegExp(`${code}.*${K - 1}`),
      );
    await expect(tokenizer.decode(new Int32Array(15), 4, 4)).rejects.toThrow(RangeError);
    await expect(tokenizer.encode(new Float32Array(100), 8, 8)).rejects.toThrow(RangeError);
  });

  it("fails with a sentence after it was disposed", async () => {
    const other = await engine.loadTokenizer(model);
    await other[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await expect(other.decode(new Int32Array(16), 4, 4)).rejects.toThrow(/disposed/);
    await expect(tokenizer.decode(new Int32Array(16), 4, 4)).resolves.toHaveLength(3 * 64);
  });
}
