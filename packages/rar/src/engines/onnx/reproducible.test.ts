import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { conditionId, type GeneratorConfig } from "../../config/architecture.js";
import { generatorShapes } from "../../config/shapes.js";
import { type SampleRequest, sampleTokens } from "../../sampling/generate.js";
import { randomGenerator, randomIds, tinyGenerator } from "../../testing/random-model.js";
import { useTemporaryCache } from "../../testing/temporary.js";
import { closedForm } from "../../weights/closed-form.js";
import type { Generator, Model } from "../engine.js";
import { OnnxEngine } from "./engine.js";

useTemporaryCache();

/** RAR-B's width with one block: its products are split over threads and blocks as the published model's are. */
const wide: GeneratorConfig = {
  width: 768,
  depth: 1,
  heads: 16,
  mlpWidth: 3072,
  codebookSize: 64,
  tokens: 16,
  classes: 10,
};
/** Shapes that fit no block evenly, and positions past the first bucket. */
const odd: GeneratorConfig = { ...tinyGenerator, width: 36, mlpWidth: 50, codebookSize: 23, tokens: 36 };

const models: Record<string, Model<GeneratorConfig>> = {
  tiny: randomGenerator(tinyGenerator),
  odd: randomGenerator(odd, 3),
  wide: { config: wide, weights: Object.assign(closedForm(generatorShapes(wide)), { identity: "wide" }) },
};

async function sampled(generator: Generator, request: SampleRequest): Promise<string[]> {
  let last: readonly Int32Array[] = [];
  for await (const { tokens } of sampleTokens(generator, request)) last = tokens;
  return last.map((one) => one.join(" "));
}

/** Logits of every step of one batch, [place] -> rows. */
async function logits(
  generator: Generator,
  labels: readonly number[],
  tokens: readonly Int32Array[],
  guided = true,
) {
  const conditions = Int32Array.from(labels, (label) => conditionId(generator.config, label));
  await using session = await generator.open({ conditions, guided });
  const rows = [await session.prefill()];
  for (const drawn of tokens.slice(1)) rows.push(await session.step(drawn));
  return rows;
}

describe.each([
  ["float32", "tiny"],
  ["float32", "odd"],
  ["float32", "wide"],
  ["int8", "tiny"],
  ["int8", "odd"],
  ["int8", "wide"],
  ["int4", "wide"],
] as const)("%s, %s model", (precision, which) => {
  const model = models[which]!;
  const { config } = model;
  const engines = [1, 2, 3].map((threads) => ({ threads, engine: undefined as OnnxEngine | undefined }));
  const generators: Generator[] = [];
  beforeAll(async () => {
    for (const one of engines) {
      one.engine = new OnnxEngine({ precision, threads: one.threads });
      generators.push(await one.engine.loadGenerator(model));
    }
  });
  afterAll(async () => {
    for (const { engine } of engines) await engine?.dispose();
  });

  const images = fc.array(fc.record({ label: fc.nat(config.classes - 1), index: fc.nat({ max: 2 ** 40 }) }), {
    minLength: 1,
    maxLength: 9,
  });

  it("an image is its seed, index and class: not its batch, the threads, or what else runs", async () => {
    const scale = fc.constantFrom(0, 3.5);
    const thread = fc.nat(generators.length - 1);
    await fc.assert(
      fc.asyncProperty(images, fc.nat(), scale, thread, thread, async (batch, seed, guidance, a, b) => {
        const request = (some: typeof batch): SampleRequest => ({
          classes: some.map(({ label }) => label),
          indices: some.map(({ index }) => index),
          seed,
          guidance: { scale: guidance, pow: 1.5 },
          draw: { temperature: 1 },
        });
        const together = await sampled(generators[a]!, request(batch));
        // Each alone, all at the same time, on another count of threads.
        const alone = await Promise.all(batch.map((one) => sampled(generators[b]!, request([one]))));
        expect(alone.flat()).toEqual(together);
      }),
      { numRuns: 4, endOnFailure: true },
    );
  });

  it("logits are the same bits in every batch and with every count of threads", async () => {
    const B = 12;
    const labels = Array.from({ length: B }, (_, i) => (i * 3) % config.classes);
    const places = Math.min(config.tokens, 34);
    const tokens = Array.from({ length: places }, (_, i) => randomIds(i, B, config.codebookSize));
    const K = config.codebookSize;
    const whole = await logits(generators[0]!, labels, tokens);
    for (const generator of generators) {
      for (const [start, count] of [
        [0, 1],
        [5, 2],
        [2, 3],
        [4, 5],
        [1, 8],
      ] as const) {
        const some = await logits(
          generator,
          labels.slice(start, start + count),
          tokens.map((drawn) => drawn.slice(start, start + count)),
        );
        const unguided = await logits(
          generator,
          labels.slice(start, start + count),
          tokens.map((drawn) => drawn.slice(start, start + count)),
          false, // an odd number of rows too
        );
        for (const [place, rows] of some.entries()) {
          expect(
            Buffer.compare(bytes(unguided[place]!), bytes(rows.subarray(0, count * K))),
            `place ${place}, ${count} images without guidance`,
          ).toBe(0);
          const conditional = whole[place]!.subarray(start * K, (start + count) * K);
          const unconditional = whole[place]!.subarray((B + start) * K, (B + start + count) * K);
          expect(
            Buffer.compare(bytes(rows.subarray(0, count * K)), bytes(conditional)),
            `place ${place}`,
          ).toBe(0);
          expect(
            Buffer.compare(bytes(rows.subarray(count * K)), bytes(unconditional)),
            `place ${place}`,
          ).toBe(0);
        }
      }
    }
  });
});

const bytes = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
