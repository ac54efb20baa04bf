/** Inception's features against recorded ones, with weights by formula (EVALUATION 12), and resizing bit for bit. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as torch from "libtorch";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine } from "../engines/create.js";
import { decodeImage } from "../images/decode.js";
import { inception } from "../networks/inception.js";
import { fixture, missing } from "../testing/fixtures.js";
import { haveLibtorch } from "../testing/libtorch.js";
import { openTensorFile } from "../weights/open.js";
import { frechetDistance } from "./frechet.js";
import { type Features, Inception } from "./inception-features.js";
import { inceptionByFormula } from "./inception-formula.js";
import { inceptionScore } from "./inception-score.js";
import { inceptionShapes } from "./inception-shapes.js";
import { foldedInception } from "./inception-weights.js";
import { precisionRecall } from "./precision-recall.js";
import { statistics } from "./statistics.js";

const absent = missing("evaluation/inception_expected.safetensors");
const json = (name: string) => JSON.parse(readFileSync(fixture(`evaluation/${name}`)!, "utf8"));

describe.skipIf(absent || !haveLibtorch)("Inception", () => {
  let network: Inception;
  beforeAll(async () => {
    network = await Inception.load(inceptionByFormula());
  });
  afterAll(() => network.dispose());

  async function expected(name: string): Promise<Float32Array> {
    await using file = await openTensorFile(fixture("evaluation/inception_expected.safetensors")!);
    return file.readFloat32(name);
  }
  const close = (found: ArrayLike<number>, want: Float32Array, what: string, tolerance = 1e-4): void => {
    expect(found.length, what).toBe(want.length);
    const worst = want.reduce((w, x, i) => Math.max(w, Math.abs(found[i]! - x) / (1 + Math.abs(x))), 0);
    expect(worst, what).toBeLessThan(tolerance);
  };

  it("knows the names and shapes of the published file", () => {
    expect(Object.fromEntries(inceptionShapes)).toEqual(json("inception_state_dict.json"));
    expect([...inceptionShapes.keys()]).toEqual(Object.keys(json("inception_state_dict.json")));
  });

  it("makes the weights of the formula", async () => {
    const source = inceptionByFormula();
    for (const [name, { first, sha256 }] of Object.entries(json("inception_weights_check.json")).slice(
      0,
      40,
    ) as [string, { first: number[]; sha256: string }][]) {
      const data = await source.readFloat32(name);
      expect([...data.subarray(0, 3)]).toEqual(first);
      expect(createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex")).toBe(sha256);
    }
  });

  it.each(["a", "b", "c"])("gives picture %s the recorded features, stage by stage", async (key) => {
    const recorded = json("inception_manifest.json").images[key];
    const image = await decodeImage(readFileSync(fixture(`evaluation/${recorded.file}`)!));
    const means = new Map<string, number[]>();
    let resized: Float32Array | undefined;
    const { pooled, spatial } = network.features({ ...image, count: 1 } as never, (name, x) => {
      if (name === "resized") resized = x.data() as Float32Array;
      if (name === "logits_unbiased") means.set(name, [...(x.data() as Float32Array)]);
      else if (x.shape.length === 4 && name !== "resized")
        means.set(name, torch.numbers(torch.mean(x, [2, 3])));
    });
    expect(createHash("sha256").update(new Uint8Array(resized!.slice().buffer)).digest("hex")).toBe(
      recorded.resized_f32_sha256,
    );
    for (const [name, values] of means) {
      if (name === "spatial") continue;
      close(
        values,
        await expected(name === "logits_unbiased" ? `${key}.${name}` : `${key}.mean.${name}`),
        name,
      );
    }
    close(pooled.data, await expected(`${key}.pool`), "pool");
    close(spatial.data, await expected(`${key}.spatial`), "spatial");
    expect(means.size).toBe(20);
  });

  it("gives the same features through ONNX Runtime", async () => {
    const recorded = json("inception_manifest.json").images.a;
    const image = await decodeImage(readFileSync(fixture(`evaluation/${recorded.file}`)!));
    let resized: Float32Array | undefined;
    network.features({ ...image, count: 1 } as never, (name, x) => {
      if (name === "resized") resized = (x.data() as Float32Array).map((v) => (v - 128) / 128);
    });
    await using engine = await createEngine({ engine: "onnx", precision: "float32", threads: 1 });
    const out = await engine.evaluate(
      (ops, get, { x }) => ({ ...inception(ops, get, x!) }),
      foldedInception(inceptionByFormula()),
      { x: { data: resized!, shape: [1, 3, 299, 299] } },
    );
    close(out.pooled!.data, await expected("a.pool"), "pool");
    close(out.spatial!.data, await expected("a.spatial"), "spatial");
    close(out.logits!.data, await expected("a.logits_unbiased"), "logits");
  });

  it("scores two small files as the whole evaluator does", async () => {
    const want = json("e2e_expected.json").float64;
    const [reference, samples] = [await ofFile("e2e_reference.npz"), await ofFile("e2e_samples.npz")];
    const distance = (part: "pooled" | "spatial"): number =>
      frechetDistance(statistics(reference[part]), statistics(samples[part]));
    expect(Math.abs(distance("pooled") / want.fid - 1)).toBeLessThan(1e-4);
    expect(Math.abs(distance("spatial") / want.sfid - 1)).toBeLessThan(1e-4);
    expect(inceptionScore(samples.probabilities)).toBeCloseTo(want.inception_score["5000"], 6);
    expect(inceptionScore(samples.probabilities, 10)).toBeCloseTo(want.inception_score["10"], 6);
    const { precision, recall } = precisionRecall(reference.pooled, samples.pooled);
    expect([precision, recall]).toEqual([want.precision, want.recall]);
  }, 60_000);

  async function ofFile(name: string): Promise<Features> {
    await using file = await openTensorFile(fixture(`evaluation/${name}`)!);
    const { data, shape } = await file.read("arr_0");
    const [count, height, width] = shape as [number, number, number, number];
    return network.features({ data: data as Uint8Array, count, height, width });
  }
});
