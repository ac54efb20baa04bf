import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GeneratorConfig, publishedTokenizer, type TokenizerConfig } from "../config/architecture.js";
import type { Precision } from "../engines/engine.js";
import { decode, decoderWeights } from "../networks/tokenizer.js";
import { type Plain, plain, plainOps } from "../testing/plain-ops.js";
import { randomTokenizer, tinyGenerator, tinyTokenizer } from "../testing/random-model.js";
import { decoderFlops, imageFloor } from "./floor.js";

const rarB: GeneratorConfig = {
  width: 768,
  depth: 24,
  heads: 16,
  mlpWidth: 3072,
  codebookSize: 1024,
  tokens: 256,
  classes: 1000,
};
const machine = { bytesPerSecond: 32e9, flops: 180e9, float32Flops: 180e9 };
const one = { precision: "float32", images: 1, guided: true } as const;

describe("decoderFlops", () => {
  it("of the published tokenizer is 186.5 GFLOP", () => {
    expect(decoderFlops(publishedTokenizer) / 1e9).toBeCloseTo(186.5, 1);
  });

  it.each<Partial<TokenizerConfig>>([
    {},
    { multipliers: [2, 2], blocks: 2 },
    { multipliers: [1, 1, 2], resolution: 4 },
  ])("is what the network's convolutions take: %j", async (change) => {
    const config = { ...tinyTokenizer, ...change };
    const { weights } = randomTokenizer(config);
    const loaded = new Map<string, Plain>();
    for (const { name, shape } of weights.tensors.values())
      loaded.set(name, plain(shape, await weights.readFloat32(name)));
    let flops = 0;
    const convolved = (x: Plain, weight: Plain, scale: number): Plain => {
      const [C, h, w] = [x.shape[1]!, scale * x.shape[2]!, scale * x.shape[3]!];
      const [out, , kh, kw] = weight.shape as [number, number, number, number];
      flops += 2 * C * out * kh * kw * h * w;
      return plain([1, out, h, w], new Float64Array(out * h * w));
    };
    const counting: typeof plainOps = {
      ...plainOps,
      conv2d: (x, weight) => convolved(x, weight, 1),
      upsampledConv: (x, weight) => convolved(x, weight, 2),
    };
    const side = config.resolution / 2 ** (config.multipliers.length - 1);
    const codes = plain([1, side, side], new Float64Array(side * side), true);
    decode(
      counting,
      decoderWeights(config, (name) => loaded.get(name)!),
      loaded.get("quantize.embedding.weight")!,
      codes,
    );
    expect(decoderFlops(config)).toBe(flops);
  });
});

describe("imageFloor", () => {
  it("of one RAR-B image is the weights' and the cache's bytes over the memory's speed, and the decoder", () => {
    const { steps, decoder, total } = imageFloor(machine, rarB, publishedTokenizer, one);
    // 24 blocks of qkv, projection and MLP, and the head; keys and values of 0 .. 256 earlier positions, 2 rows
    const weights = 4 * (24 * (4 * 768 * 768 + 2 * 768 * 3072) + 768 * 1024);
    const cache = (2 * 24 * 2 * 768 * 4 * 256 * 257) / 2;
    expect(steps).toBeCloseTo((257 * weights + cache) / 32e9, 6);
    expect(decoder).toBeCloseTo(186.5 / 180, 3);
    expect(total).toBe(steps + decoder);
  });

  it("is less for fewer bits, more for more images, less for each of them, less on a faster machine", () => {
    const settings = fc.record({
      images: fc.integer({ min: 1, max: 64 }),
      guided: fc.boolean(),
      generator: fc.constantFrom(rarB, tinyGenerator),
      speed: fc.double({ min: 1e9, max: 1e12, noNaN: true }),
      flops: fc.double({ min: 1e9, max: 1e13, noNaN: true }),
    });
    const slack = 1 + 1e-9;
    fc.assert(
      fc.property(settings, ({ images, guided, generator, speed, flops }) => {
        const at = (change: Partial<{ precision: Precision; images: number; guided: boolean }>, factor = 1) =>
          imageFloor(
            { bytesPerSecond: speed * factor, flops: flops * factor, float32Flops: flops * factor },
            generator,
            tinyTokenizer,
            {
              ...one,
              images,
              guided,
              ...change,
            },
          ).total;
        expect(at({ precision: "bfloat16" })).toBeLessThanOrEqual(at({}) * slack);
        expect(at({ precision: "bfloat16" })).toBeGreaterThanOrEqual((at({}) / 2) * (1 / slack));
        expect(at({ precision: "int8" })).toBeLessThanOrEqual(at({}) * slack);
        expect(at({ precision: "int4" })).toBeLessThanOrEqual(at({ precision: "int8" }) * slack);
        expect(at({ images: images + 1 })).toBeGreaterThan(at({}));
        expect(at({ images: images + 1 }) / (images + 1)).toBeLessThanOrEqual((at({}) / images) * slack);
        expect(at({ guided: false })).toBeLessThanOrEqual(at({ guided: true }) * slack);
        expect(at({}, 2)).toBeCloseTo(at({}) / 2, 9);
      }),
    );
  });

  it("has no decoder where there is none", () => {
    expect(imageFloor(machine, rarB, undefined, one).decoder).toBe(0);
  });
});
