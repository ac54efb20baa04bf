/** The metrics on plain matrices, against recorded values (EVALUATION 12) and what must hold for any input. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../images/decode.js";
import { fixture, missing } from "../testing/fixtures.js";
import { haveLibtorch } from "../testing/libtorch.js";
import { openTensorFile } from "../weights/open.js";
import { codebookUse, countCodes, referenceEntropy } from "./codebook.js";
import { frechetDistance } from "./frechet.js";
import { psnr, ssim, ssimOfChannel } from "./image-quality.js";
import { inceptionScore, inceptionScores } from "./inception-score.js";
import { type Matrix, matrix, someRows } from "./matrix.js";
import { precisionRecall } from "./precision-recall.js";
import { type Gaussian, StatisticsSum, statistics } from "./statistics.js";

const file = (name: string): string => fixture(`evaluation/${name}`)!;
const absent = missing("evaluation/metrics_expected.json");
const expected = absent ? undefined : JSON.parse(readFileSync(file("metrics_expected.json"), "utf8"));

async function tensorOf(name: string, tensor: string): Promise<Matrix> {
  await using opened = await openTensorFile(file(name));
  const { shape } = opened.tensors.get(tensor)!;
  return matrix(await opened.readFloat32(tensor), shape.at(-1)!);
}

describe.skipIf(absent || !haveLibtorch)("Fréchet distance", () => {
  const gaussian = (mean: number[], covariance: number[][]): Gaussian => ({
    mean: Float64Array.from(mean),
    covariance: Float64Array.from(covariance.flat()),
  });

  it("meets the exact values of features, few rows and a large offset included", async () => {
    const [A, B] = [await tensorOf("features.safetensors", "A"), await tensorOf("features.safetensors", "B")];
    const columns = ({ rows, data, columns: all }: Matrix, count: number, add = 0): Matrix =>
      matrix(
        Float32Array.from({ length: rows * count }, (_, i) =>
          add === 0
            ? data[Math.floor(i / count) * all + (i % count)]!
            : Math.fround(data[Math.floor(i / count) * all + (i % count)]! + add),
        ),
        count,
      );
    const pairs: Record<string, [Matrix, Matrix]> = {
      full_rank_A_vs_B: [A, B],
      A_vs_A: [A, A],
      rank_deficient_A40_vs_B50: [someRows(A, 0, 40), someRows(B, 0, 50)],
      two_rows_A2_vs_B3: [someRows(A, 0, 2), someRows(B, 0, 3)],
      first_20_dims_A_vs_B: [columns(A, 20), columns(B, 20)],
      large_offset_A8_plus_1000_vs_B8_plus_1000_25: [columns(A, 8, 1000), columns(B, 8, 1000.25)],
    };
    for (const [name, [a, b]] of Object.entries(pairs)) {
      const value = frechetDistance(statistics(a), statistics(b));
      expect(Math.abs(value - expected.fid[name].exact), name).toBeLessThan(
        1e-11 * Math.max(1, expected.fid[name].trace1 + expected.fid[name].trace2),
      );
    }
  });

  it("sums statistics batch by batch to the same as at once", async () => {
    const A = await tensorOf("features.safetensors", "A");
    await using opened = await openTensorFile(file("features.safetensors"));
    using sum = new StatisticsSum(A.columns);
    for (let first = 0; first < A.rows; first += 37)
      sum.add(someRows(A, first, Math.min(first + 37, A.rows)));
    const { mean, covariance } = sum.gaussian();
    const exact = (await opened.read("mean_A_f64")).data as Float64Array;
    const spread = (await opened.read("cov_A_f64")).data as Float64Array;
    mean.forEach((x, i) => void expect(Math.abs(x - exact[i]!)).toBeLessThan(1e-13));
    covariance.forEach((x, i) => void expect(Math.abs(x - spread[i]!)).toBeLessThan(1e-12));
  });

  it("meets the closed forms", () => {
    for (const { name, mu1, sigma1, mu2, sigma2, exact } of expected.gaussians) {
      const value = frechetDistance(gaussian(mu1, sigma1), gaussian(mu2, sigma2));
      expect(Math.abs(value - exact), name).toBeLessThan(1e-9 * Math.max(1, exact));
    }
  });

  it("meets the offset formula where it is asked for, and the exact value where another root fails", () => {
    for (const { mu1, sigma1, mu2, sigma2, expected: value } of expected.eps_branch.cases)
      expect(frechetDistance(gaussian(mu1, sigma1), gaussian(mu2, sigma2), { offset: 1e-6 })).toBeCloseTo(
        value,
        9,
      );
    for (const { mu1, sigma1, mu2, sigma2, exact, reference_value } of expected.eps_branch.found_with_scipy) {
      const [a, b] = [gaussian(mu1, sigma1), gaussian(mu2, sigma2)];
      expect(frechetDistance(a, b)).toBeCloseTo(exact, 7);
      expect(frechetDistance(a, b, { offset: 1e-6 })).toBeCloseTo(reference_value, 5);
    }
  });

  it("is 0 for a set and itself, the same in both directions, and blind to the order of rows", () => {
    const rows = fc.integer({ min: 3, max: 12 }).chain((columns) =>
      fc.tuple(
        ...[1, 2].map(() =>
          fc
            .array(
              fc.array(fc.float({ min: -4, max: 4, noNaN: true }), {
                minLength: columns,
                maxLength: columns,
              }),
              {
                minLength: 2,
                maxLength: 20,
              },
            )
            .map((table) => matrix(Float32Array.from(table.flat()), columns)),
        ),
      ),
    );
    fc.assert(
      fc.property(rows, ([x, y]) => {
        const [a, b] = [statistics(x!), statistics(y!)];
        const size = 1 + frechetDistance(a, b);
        expect(Math.abs(frechetDistance(a, a))).toBeLessThan(1e-6 * size);
        expect(Math.abs(frechetDistance(a, b) - frechetDistance(b, a))).toBeLessThan(1e-6 * size);
        const turned = matrix(
          Float32Array.from({ length: x!.data.length }, (_, i) => {
            const row = x!.rows - 1 - Math.floor(i / x!.columns);
            return x!.data[row * x!.columns + (i % x!.columns)]!;
          }),
          x!.columns,
        );
        expect(Math.abs(frechetDistance(statistics(turned), b) - frechetDistance(a, b))).toBeLessThan(
          1e-6 * size,
        );
      }),
      { numRuns: 40 },
    );
  });

  it("says why one picture has no statistics, and why widths must agree", () => {
    expect(() => statistics(matrix(new Float32Array(4), 4))).toThrow(/at least 2 images/);
    const two = (columns: number) => statistics(matrix(new Float32Array(2 * columns), columns));
    expect(() => frechetDistance(two(3), two(4))).toThrow(/of 3 and of 4 features/);
  });
});

describe.skipIf(absent)("Inception Score", () => {
  it("meets the recorded scores for every size of a part", async () => {
    await using opened = await openTensorFile(file("inception_score.safetensors"));
    const probabilities = matrix((await opened.read("probabilities")).data as Float64Array, 12);
    for (const [part, { score, per_split }] of Object.entries(expected.inception_score.split) as [
      string,
      { score: number; per_split: number[] },
    ][]) {
      expect(inceptionScore(probabilities, Number(part)), part).toBeCloseTo(score, 10);
      inceptionScores(probabilities, Number(part)).forEach(
        (s, i) => void expect(s).toBeCloseTo(per_split[i]!, 10),
      );
    }
  });

  it("takes 0 ln 0 as 0, and 1 for answers that are all alike", () => {
    const oneHot = new Float64Array(60 * 12);
    for (let i = 0; i < 60; i++) oneHot[i * 12 + (i % 12)] = 1;
    expect(inceptionScore(matrix(oneHot, 12))).toBeCloseTo(expected.inception_score.one_hot_rows.limit, 10);
    expect(inceptionScore(matrix(new Float64Array(60 * 12).fill(1 / 12), 12))).toBeCloseTo(1, 12);
  });
});

describe.skipIf(absent || !haveLibtorch)("precision and recall", () => {
  const bits = (flags: Uint8Array): string => flags.join("");
  const cases = { integers_with_ties: "integers", floats: "floats", overflow_float16: "overflow" };

  it("finds the recorded points inside, ties and duplicates included, in any blocks and both types", async () => {
    for (const [name, key] of Object.entries(cases)) {
      const want = expected.precision_recall.cases[name];
      const references = await tensorOf("precision_recall.safetensors", `${key}.reference`);
      const samples = await tensorOf("precision_recall.safetensors", `${key}.samples`);
      for (const options of [{}, { block: 37 }, { dtype: "float64" as const }]) {
        const found = precisionRecall(references, samples, options);
        expect(bits(found.samplesInside)).toBe(want.samples_inside_bits);
        expect(bits(found.referencesInside)).toBe(want.references_inside_bits);
        expect([found.precision, found.recall]).toEqual([want.float64.precision, want.float64.recall]);
        const swapped = precisionRecall(samples, references, options);
        expect([swapped.recall, swapped.precision]).toEqual([found.precision, found.recall]);
      }
    }
  });

  it("counts the same for other numbers of neighbours", async () => {
    const [references, samples] = [
      await tensorOf("precision_recall.safetensors", "floats.reference"),
      await tensorOf("precision_recall.safetensors", "floats.samples"),
    ];
    for (const [k, want] of Object.entries(expected.precision_recall.floats_other_k) as [
      string,
      { samples_inside: number; references_inside: number },
    ][]) {
      const { precision, recall } = precisionRecall(references, samples, { k: Number(k) });
      expect([Math.round(precision * 500), Math.round(recall * 300)]).toEqual([
        want.samples_inside,
        want.references_inside,
      ]);
    }
  });

  it("refuses sets too small for their neighbours", () => {
    const three = matrix(new Float32Array(6), 2);
    expect(() => precisionRecall(three, three)).toThrow(/3 pictures are too few for 3 neighbours/);
  });
});

describe.skipIf(absent)("codebook and pictures", () => {
  it("meets the recorded usage, entropy and perplexity", async () => {
    await using opened = await openTensorFile(file("codebook.safetensors"));
    const indices = Array.from((await opened.read("indices")).data as BigInt64Array, Number);
    const want = expected.codebook;
    const counts = countCodes(indices, want.codebook_size);
    const { unique, usage, entropy, perplexity } = codebookUse(counts);
    expect([unique, usage]).toEqual([want.unique, want.usage]);
    expect(entropy).toBeCloseTo(want.entropy_bits_exact, 10);
    expect(perplexity).toBeCloseTo(want.perplexity_exact, 7);
    expect(referenceEntropy(counts)).toBeCloseTo(want.entropy_bits_with_1e_8, 10);
    expect(referenceEntropy([5])).toBeCloseTo(want.all_same_index_entropy, 15);
    expect(referenceEntropy(new Array(1024).fill(3))).toBeCloseTo(want.uniform_entropy, 10);
    expect(() => countCodes([1024], 1024)).toThrow(/code 1024 is outside/);
  });

  it("meets the recorded PSNR and SSIM", async () => {
    const [a, b] = await Promise.all(
      ["psnr_a.png", "psnr_b.png"].map(async (name) => decodeImage(readFileSync(file(name)))),
    );
    const want = expected.psnr_ssim;
    expect(psnr(a!, b!)).toBeCloseTo(want.psnr, 10);
    expect(ssim(a!, b!)).toBeCloseTo(want.ssim_gaussian11, 9);
    expect(ssim(a!, b!, "uniform7")).toBeCloseTo(want.ssim_uniform7, 9);
    want.ssim_gaussian11_per_channel.forEach(
      (value: number, channel: number) =>
        void expect(ssimOfChannel(a!, b!, channel, "gaussian11")).toBeCloseTo(value, 9),
    );
    expect(psnr(a!, a!)).toBe(Number.POSITIVE_INFINITY);
    expect(ssim(a!, a!)).toBeCloseTo(1, 12);
  });
});
