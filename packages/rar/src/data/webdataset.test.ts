import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { RarityError } from "../config/errors.js";
import { fixture, missing } from "../testing/fixtures.js";
import { memorySource } from "../weights/byte-source.js";
import { expandShards } from "./brace.js";
import { openImages } from "./image-set.js";
import { shuffled } from "./shuffle-buffer.js";
import { tarEntries } from "./tar.js";
import { sourceInput, streamInput, type TarInput } from "./tar-input.js";
import { groupSamples, splitName } from "./webdataset.js";

interface Recorded {
  readonly shards: Record<
    string,
    {
      grouped_samples: { key: string; fields: Record<string, { bytes: number; sha256: string }> }[];
      errors_reported_while_grouping: string[];
      image_class_pairs_when_bad_samples_are_skipped: {
        key: string;
        class_id: number;
        image: { size: [number, number] };
      }[];
      reference_decode_stage_raises: string | null;
    }
  >;
  readonly brace: Record<string, string[]>;
  readonly shuffle: {
    draws: number[];
    cases: { n: number; bufsize: number; initial: number; order: number[] }[];
  };
}

const absent = missing("transforms/webdataset.json", "transforms/webdataset");
describe.skipIf(absent)("the recorded WebDataset", () => {
  // A skipped suite is read through all the same, to list its tests.
  const recorded: Recorded = absent
    ? { shards: {}, brace: {}, shuffle: { draws: [], cases: [] } }
    : JSON.parse(readFileSync(fixture("transforms/webdataset.json")!, "utf8"));
  const shard = (name: string): string => fixture(`transforms/webdataset/${name}`)!;
  const names = Object.keys(recorded.shards);

  it("has a case for every shard at hand", async () => {
    expect(names.sort()).toEqual((await readdir(fixture("transforms/webdataset")!)).sort());
  });

  const inputs: Record<string, (path: string) => TarInput> = {
    file: (path) => sourceInput(memorySource("shard", readFileSync(path))),
    "stream of small pieces": (path) => streamInput("shard", createReadStream(path, { highWaterMark: 700 })),
  };
  describe.each(Object.keys(inputs))("read from a %s", (kind) => {
    it.each(names)("%s groups as recorded", async (name) => {
      const problems: RarityError[] = [];
      const samples = groupSamples(
        name,
        tarEntries(inputs[kind]!(shard(name))),
        (entry) => entry.data(),
        (problem) => problems.push(problem),
      );
      const grouped: unknown[] = [];
      for await (const { key, fields } of samples) {
        const described = [...fields].map(([field, data]) => [
          field,
          { bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") },
        ]);
        grouped.push({ key, fields: Object.fromEntries(described) });
      }
      const expected = recorded.shards[name]!;
      expect(grouped).toEqual(expected.grouped_samples);
      // The reference tells of a cut shard twice.
      expect(problems.length > 0).toBe(expected.errors_reported_while_grouping.length > 0);
    });
  });

  it.each(names)("%s gives the recorded pictures and classes where bad samples are skipped", async (name) => {
    const expected = recorded.shards[name]!.image_class_pairs_when_bad_samples_are_skipped;
    const told: string[] = [];
    const opening = openImages(shard(name), { onError: "skip", warn: (message) => told.push(message) });
    if (expected.length === 0) {
      await expect(opening).rejects.toThrow(/no sample with a picture/);
      return;
    }
    await using images = await opening;
    const pairs: unknown[] = [];
    for (let i = 0; i < images.count; i++) {
      const image = await images.read(i).catch((error: Error) => void told.push(error.message));
      if (image === undefined) continue;
      const key = splitName(images.nameOf(i).split(": ")[1]!)![0];
      pairs.push({ key, class_id: images.label(i), size: [image.width, image.height] });
    }
    expect(pairs).toEqual(expected.map(({ key, class_id, image }) => ({ key, class_id, size: image.size })));
    for (const message of told) expect(message).toContain(name);
  });

  it("stops at the first bad sample unless told to skip", async () => {
    await expect(openImages(shard("shard-002.tar"))).rejects.toThrow(
      /shard-002\.tar": sample "x" lacks its class/,
    );
    await expect(openImages(shard("shard-005.tar"))).rejects.toThrow(/sample "k" has two "jpg"/);
    await expect(openImages(shard("shard-006-truncated.tar"))).rejects.toThrow(
      /ends inside "00000000\.jpg" at byte/,
    );
  });

  it.each(Object.entries(recorded.brace))("expands %s", (pattern, expected) => {
    expect(expandShards(pattern, {})).toEqual(expected);
  });

  it.each(recorded.shuffle.cases)("shuffles $n with a buffer of $bufsize from $initial on", (run) => {
    let drawn = 0;
    const draw = (below: number): number => recorded.shuffle.draws[drawn++]! % below;
    const items = Array.from({ length: run.n }, (_, i) => i);
    const order = [...shuffled(items, { size: run.bufsize, initial: run.initial }, draw)];
    expect(order).toEqual(run.order);
  });
});

describe("splitName", () => {
  it.each([
    ["a.b/c", undefined],
    [".jpg", undefined],
    ["d/.hidden.jpg", undefined],
    ["__meta__", undefined],
    ["__index__/z.cls", undefined],
    ["d/__index__/z.cls", ["d/__index__/z", "cls"]],
    ["/abs/../x.JPG", ["/abs/../x", "jpg"]],
    ["c.seg.png", ["c", "seg.png"]],
    ["dir.v1/日本 🐈.Cls", ["dir.v1/日本 🐈", "cls"]],
  ])("%s", (name, expected) => {
    expect(splitName(name)).toEqual(expected);
  });
});
