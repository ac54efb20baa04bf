import { readFileSync } from "node:fs";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { deviation } from "../testing/against-plain.js";
import { fixture, missing } from "../testing/fixtures.js";
import { type Plain, plain, plainOps } from "../testing/plain-ops.js";
import { randomArray, randomTokenizer, tinyTokenizer } from "../testing/random-model.js";
import { openTensorFile } from "../weights/open.js";
import { decode, decoderWeights, encode, encoderWeights, quantize, samePadding } from "./tokenizer.js";

describe("samePadding", () => {
  it("keeps ceil(size / stride) outputs, with no more on the near side than on the far side", () => {
    const size = fc.integer({ min: 1, max: 40 });
    const small = fc.integer({ min: 1, max: 5 });
    fc.assert(
      fc.property(size, size, small, small, small, small, (h, w, kh, kw, stride, dilation) => {
        const { top, left, bottom, right } = samePadding([kh, kw], [h, w], stride, dilation);
        const outputs = (n: number, padding: number, k: number): number =>
          Math.floor((n + padding - dilation * (k - 1) - 1) / stride) + 1;
        // A kernel that reaches no further than its stride needs no padding, and may even leave an edge out.
        if (top + bottom > 0) expect(outputs(h, top + bottom, kh)).toBe(Math.ceil(h / stride));
        if (left + right > 0) expect(outputs(w, left + right, kw)).toBe(Math.ceil(w / stride));
        for (const [near, far] of [
          [top, bottom],
          [left, right],
        ] as const) {
          expect(near).toBeGreaterThanOrEqual(0);
          expect(far - near === 0 || far - near === 1).toBe(true);
        }
      }),
    );
  });

  it("is 1 all round for the networks' own 3 x 3 kernels, whatever the size", () => {
    expect(samePadding([3, 3])).toEqual({ top: 1, left: 1, bottom: 1, right: 1 });
    expect(samePadding([1, 1])).toEqual({ top: 0, left: 0, bottom: 0, right: 0 });
  });

  it("needs the size for strides above 1", () => {
    expect(() => samePadding([3, 3], undefined, 2)).toThrow(RangeError);
  });

  describe.skipIf(missing("vq_tiny/conv_same.json"))("against the reference", () => {
    const cases = missing("vq_tiny/conv_same.json")
      ? []
      : (JSON.parse(readFileSync(fixture("vq_tiny/conv_same.json")!, "utf8")) as {
          case: number;
          kernel: number;
          stride: number;
          dilation: number;
          input: [number, number];
        }[]);
    it.each(cases)("kernel $kernel, stride $stride, dilation $dilation", async ({ case: n, ...c }) => {
      await using file = await openTensorFile(fixture("vq_tiny/conv_same.safetensors")!);
      const read = async (name: string): Promise<Plain> =>
        plain(file.tensors.get(`${n}.${name}`)!.shape, await file.readFloat32(`${n}.${name}`));
      const padding = samePadding([c.kernel, c.kernel], c.input, c.stride, c.dilation);
      const y = plainOps.conv2d(await read("input"), await read("weight"), await read("bias"), {
        ...c,
        padding,
      });
      const expected = await read("output");
      expect(y.shape).toEqual(expected.shape);
      expect(deviation(y.data, expected.data)).toBeLessThan(2e-6);
    });
  });
});

describe("a small random tokenizer", () => {
  const config = tinyTokenizer;
  const weights = new Map<string, Plain>();
  const get = (name: string): Plain => weights.get(name)!;
  beforeAll(async () => {
    const source = randomTokenizer().weights;
    for (const { name, shape } of source.tensors.values())
      weights.set(name, plain(shape, await source.readFloat32(name)));
  });
  const image = (h: number, w: number): Plain => plain([1, 3, h, w], randomArray(h * w, 3 * h * w));
  const zeroed =
    (pattern: RegExp) =>
    (name: string): Plain => {
      const w = get(name);
      return pattern.test(name) ? { ...w, data: w.data.map(() => 0) } : w;
    };

  it("halves each side once a level but the last, leaving odd edges out, and doubles it back", () => {
    const ids = (h: number, w: number): Plain => plain([1, h, w], new Float64Array(h * w), true);
    for (const [h, w] of [
      [8, 8],
      [5, 7],
      [2, 3],
    ] as const) {
      const z = encode(plainOps, encoderWeights(config, get), image(h, w));
      expect(z.shape).toEqual([1, config.zChannels, Math.floor(h / 2), Math.floor(w / 2)]);
      const pixels = decode(
        plainOps,
        decoderWeights(config, get),
        get("quantize.embedding.weight"),
        ids(h, w),
      );
      expect(pixels.shape).toEqual([1, 3, 2 * h, 2 * w]);
    }
  });

  it("has no way round a block whose width changes, and one round every other (the published network's quirk)", () => {
    const sees = (pattern: RegExp): boolean => {
      const stages: Plain[] = [];
      for (const scale of [1, 2]) {
        const x = image(4, 4);
        encode(
          plainOps,
          encoderWeights(config, zeroed(pattern)),
          { ...x, data: x.data.map((v) => v * scale) },
          (name, value) => {
            if (name === "down.1") stages.push(value);
          },
        );
      }
      return deviation(stages[0]!.data, stages[1]!.data) > 1e-6;
    };
    expect(sees(/^$/)).toBe(true);
    expect(sees(/down\.0\.block\.0\.conv2/)).toBe(true); // the input passes beside it
    expect(sees(/down\.1\.block\.0\.conv2/)).toBe(false); // nothing passes
  });

  it("takes the nearest code, the first of equals", () => {
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const codebook = plain([5, 2], [...randomArray(seed, 4), 0.25, -0.5, 0.25, -0.5, 9, 9]);
        const z = plain([1, 2, 2, 3], randomArray(seed + 1, 12));
        const found = [...quantize(plainOps, codebook, z).data];
        const expected = Array.from({ length: 6 }, (_, place) => {
          const distances = Array.from(
            { length: 5 },
            (_, k) =>
              (z.data[place]! - codebook.data[2 * k]!) ** 2 +
              (z.data[6 + place]! - codebook.data[2 * k + 1]!) ** 2,
          );
          return distances.indexOf(Math.min(...distances));
        });
        expect(found).toEqual(expected);
        expect(found).not.toContain(3); // its twin is code 2
      }),
    );
  });
});
