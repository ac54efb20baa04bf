/** The evaluator on files: npz in all its forms, folders, hostile ones, reference files, warnings. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../images/png.js";
import { fixture, missing } from "../testing/fixtures.js";
import { haveLibtorch } from "../testing/libtorch.js";
import { openNpz, writeNpz } from "../weights/npz.js";
import { evaluate } from "./evaluate.js";
import { findInception } from "./find-inception.js";
import { Inception } from "./inception-features.js";
import { inceptionByFormula } from "./inception-formula.js";
import { foldedInception } from "./inception-weights.js";
import { openPictures } from "./picture-source.js";
import { writeStatistics } from "./statistics-file.js";
import { type Summary, summarize } from "./summary.js";
import { cachedSummary, keepSummary } from "./summary-cache.js";

const absent = missing("evaluation/npz_manifest.json");
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "evaluate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const picture = (seed: number, side = 8) => ({
  width: side,
  height: side,
  data: Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * (seed + 3) * 7 + seed * 31) % 256),
});

async function npz(name: string, seeds: readonly number[], side = 8): Promise<string> {
  const data = new Uint8Array(seeds.length * side * side * 3);
  for (const [i, seed] of seeds.entries()) data.set(picture(seed, side).data, i * side * side * 3);
  const path = join(folder, name);
  await writeNpz(path, [{ name: "arr_0", dtype: "U8", shape: [seeds.length, side, side, 3], data }]);
  return path;
}

describe.skipIf(absent)("npz files of pictures", () => {
  const file = (name: string): string => fixture(`evaluation/npz/${name}`)!;
  const { files } = absent
    ? { files: {} }
    : (JSON.parse(readFileSync(fixture("evaluation/npz_manifest.json")!, "utf8")) as {
        files: Record<string, { readable: boolean }>;
      });

  it("reads every readable one to the same pictures, and says what is wrong with the others", async () => {
    const same = new Set<string>();
    for (const [name, { readable }] of Object.entries(files)) {
      if (name === "statistics.npz") continue;
      const all = async (): Promise<string> => {
        await using pictures = await openPictures(file(name));
        let bytes = "";
        for await (const { data } of pictures.batches(3)) bytes += Buffer.from(data).toString("base64url");
        return `${pictures.count}:${bytes.length}:${await pictures.identity()}`;
      };
      if (readable && name !== "wrong_key.npz" && name !== "empty.npz") same.add(await all());
      else if (name === "empty.npz") expect(await all()).toMatch(/^0:0:/);
      else await expect(all(), name).rejects.toThrow(/\.npz/);
    }
    expect(same.size).toBe(1);
    await expect(openPictures(file("wrong_key.npz"))).rejects.toThrow(/no array "arr_0".*"images"/);
    await expect(openPictures(file("object_array.npz"))).rejects.toThrow(/Python objects/);
  });
});

describe("pictures to score", () => {
  it("refuses other types and shapes, folders without pictures, sizes that differ, by name", async () => {
    const floats = join(folder, "floats.npz");
    await writeNpz(floats, [
      { name: "arr_0", dtype: "F32", shape: [1, 2, 2, 3], data: new Float32Array(12) },
    ]);
    await expect(openPictures(floats)).rejects.toThrow(/"arr_0" is F32 \[1,2,2,3\]/);
    const flat = join(folder, "flat.npz");
    await writeNpz(flat, [{ name: "arr_0", dtype: "U8", shape: [12], data: new Uint8Array(12) }]);
    await expect(openPictures(flat)).rejects.toThrow(/\[12\]/);
    const stats = join(folder, "stats.npz");
    const mu = { name: "mu", dtype: "F64" as const, shape: [5], data: new Float64Array(5) };
    await writeNpz(stats, [
      { name: "arr_0", dtype: "U8", shape: [1, 2, 2, 3], data: new Uint8Array(12) },
      mu,
    ]);
    await expect(openPictures(stats)).rejects.toThrow(/"mu" is F64 \[5\].*\[2048\]/);
    await expect(openPictures(join(folder, "nowhere"))).rejects.toThrow(/nothing at/);
    const empty = mkdtempSync(join(folder, "empty-"));
    await expect(openPictures(empty)).rejects.toThrow(/no pictures/);
    writeFileSync(join(empty, "a.png"), await encodePng(picture(1)));
    writeFileSync(join(empty, "b.png"), await encodePng(picture(1, 9)));
    await using two = await openPictures(empty);
    await expect(async () => {
      for await (const _ of two.batches(2));
    }).rejects.toThrow(/b\.png.*9 x 9/);
  });

  it("fetches no weights offline and takes no file with another hash: the command to bring them is in the error", async () => {
    const env = { RARITY_CACHE: folder, HF_HUB_OFFLINE: "1" };
    await expect(findInception(undefined, { env })).rejects.toThrow(/curl -L -o/);
    const wrong = join(folder, "wrong.pth");
    writeFileSync(wrong, "not these");
    await expect(findInception(wrong)).rejects.toThrow(/SHA-256 starts with .* not with 6726825d/);
    await expect(
      findInception(undefined, { env: { RARITY_CACHE: folder }, url: "http://127.0.0.1:9/x" }),
    ).rejects.toThrow(/could not be fetched.*curl -L -o/);
    expect(() =>
      foldedInception({ tensors: new Map(), readFloat32: async () => new Float32Array() }),
    ).toThrow(/472 of its 472 tensors/);
  });
});

/** Digests of a summary's numbers: millions of them are slow to compare one by one. */
const bytesOf = ({ pooled, pooledStatistics, spatialStatistics }: Summary): string[] =>
  [
    pooled.data,
    ...[pooledStatistics!, spatialStatistics!].flatMap(({ mean, covariance }) => [mean, covariance]),
  ].map(({ buffer, byteOffset, byteLength }) =>
    createHash("sha1")
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest("hex"),
  );

describe.skipIf(!haveLibtorch)("evaluate", () => {
  let network: Inception;
  beforeAll(async () => {
    network = await Inception.load(inceptionByFormula());
  });
  afterAll(() => network.dispose());

  it("names what makes a score unfair, and gives a folder the scores of its npz file", async () => {
    const pictures = mkdtempSync(join(folder, "pngs-"));
    for (const seed of [1, 2, 3, 4, 4])
      writeFileSync(join(pictures, `${seed}-${Math.random()}.png`), await encodePng(picture(seed)));
    await using reference = await openPictures(await npz("reference.npz", [10, 11, 12, 13, 14]));
    await using samples = await openPictures(await npz("samples.npz", [1, 2, 3, 4, 4]));
    await using same = await openPictures(pictures);
    const options = { weightsId: "formula", cache: false };
    const scored = await evaluate(reference, samples, network, options);
    expect(scored.scores.map(({ name }) => name)).toEqual([
      "Inception Score",
      "FID",
      "sFID",
      "Precision",
      "Recall",
    ]);
    expect(scored.scores[1]!.protocol).toBe("ADM, 5 samples vs 5 pictures of reference.npz");
    expect(scored.warnings.join("\n")).toMatch(/50,000 samples; these are 5/);
    expect(scored.warnings.join("\n")).toMatch(/1 samples are byte for byte equal/);
    const [a, b] = [await summarize(samples, network), await summarize(same, network)];
    expect(bytesOf(b)).toEqual(bytesOf(a));
    await using one = await openPictures(await npz("one.npz", [7]));
    const few = await evaluate(reference, one, network, options);
    expect(few.scores[1]!.value).toBeUndefined();
    expect(few.scores[1]!.protocol).toMatch(/at least 2 pictures/);
  }, 60_000);

  it("keeps features on disk as they are, and computes those anew that cannot be read", async () => {
    const before = process.env.RARITY_CACHE;
    process.env.RARITY_CACHE = mkdtempSync(join(folder, "cache-"));
    try {
      await using samples = await openPictures(await npz("s.npz", [24, 25, 26, 27]));
      const key = await samples.identity();
      expect(await cachedSummary(key)).toBeUndefined();
      const summary = await summarize(samples, network);
      await keepSummary(key, summary);
      const again = (await cachedSummary(key))!;
      expect(bytesOf(again)).toEqual(bytesOf(summary));
      expect([again.count, again.duplicates, again.scores]).toEqual([4, 0, summary.scores]);
      const [kept] = readdirSync(join(process.env.RARITY_CACHE, "features"));
      truncateSync(join(process.env.RARITY_CACHE, "features", kept!), 1000);
      expect(await cachedSummary(key)).toBeUndefined();
    } finally {
      if (before === undefined) delete process.env.RARITY_CACHE;
      else process.env.RARITY_CACHE = before;
    }
  }, 60_000);

  it("makes a reference file whose statistics replace its pictures", async () => {
    await using pictures = await openPictures(await npz("all.npz", [1, 2, 3, 4, 5, 6, 7, 8]));
    const summary = await summarize(pictures, network);
    const path = join(folder, "made.npz");
    await writeStatistics(path, pictures, summary, 4);
    await using file = await openNpz(path);
    expect([...file.tensors.keys()].sort()).toEqual(["arr_0", "mu", "mu_s", "sigma", "sigma_s"]);
    expect(file.tensors.get("arr_0")!.shape).toEqual([4, 8, 8, 3]);
    await using made = await openPictures(path);
    const { pooled: pooledStatistics, spatial: spatialStatistics } = made.statistics!;
    expect(bytesOf({ ...summary, pooledStatistics, spatialStatistics })).toEqual(bytesOf(summary));
  }, 60_000);
});
