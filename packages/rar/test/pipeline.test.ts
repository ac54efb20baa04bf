/** The library's front door on a small model: what its promises are, and what it refuses. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RgbImage } from "../src/images/rgb.js";
import { type GeneratedImage, Pipeline, type StreamEvent } from "../src/pipeline.js";
import { tinyFolder } from "../src/testing/model-folders.js";
import { randomIds } from "../src/testing/random-model.js";
import { temporaryFolder, useTemporaryCache } from "../src/testing/temporary.js";

const folder = temporaryFolder();
useTemporaryCache();

let model: string;
let pipeline: Pipeline;
let L: number;
beforeAll(async () => {
  model = await tinyFolder(folder);
  writeFileSync(join(model, "classes.txt"), "cat, kitty\ndog\nsea cucumber\nd\ne\nf\ng\nh\ni\nj\n");
  pipeline = await Pipeline.load(model, { threads: 2 });
  L = pipeline.generator.tokens;
});
afterAll(() => pipeline?.dispose());

const bytes = (images: readonly RgbImage[]): Buffer[] => images.map(({ data }) => Buffer.from(data));
const rejection = (call: Promise<unknown>): Promise<Error & { code?: string }> =>
  call.then(
    () => new Error("it was not refused"),
    (error: Error) => error,
  );
const picture = (side: number): RgbImage => ({
  width: side,
  height: side,
  data: Uint8Array.from(randomIds(side, 3 * side * side, 256)),
});

describe("generate", () => {
  it("gives an image for each class, with what decided it", async () => {
    const images = await pipeline.generate({
      classes: [1, "kitty", "sea cucumber"],
      seed: 5,
      firstIndex: 40,
    });
    expect(
      images.map(({ index, seed, classIndex, className }) => [index, seed, classIndex, className]),
    ).toEqual([
      [40, 5, 1, "dog"],
      [41, 5, 0, "cat"],
      [42, 5, 2, "sea cucumber"],
    ]);
    const side = pipeline.tokenizer.resolution;
    for (const { width, height, data, tokens } of images) {
      expect([width, height, data.length, tokens.length]).toEqual([side, side, 3 * side * side, L]);
      expect(tokens.every((token) => token >= 0 && token < pipeline.generator.codebookSize)).toBe(true);
    }
    expect(bytes(await pipeline.decode(images.map(({ tokens }) => tokens)))).toEqual(bytes(images));
  });

  it("draws the same image for the same seed and index, however they are asked for", async () => {
    const together = await pipeline.generate({ classes: [0, 1, 2, 1, 0], seed: 9 });
    const apart = await Promise.all(
      together.map(({ classIndex, index }) =>
        pipeline.generate({ classes: [classIndex], seed: 9, firstIndex: index }),
      ),
    );
    const small = await pipeline.generate({ classes: [0, 1, 2, 1, 0], seed: 9, batchSize: 2 });
    expect(bytes(apart.flat())).toEqual(bytes(together));
    expect(bytes(small)).toEqual(bytes(together));
    const other = await pipeline.generate({ classes: [0, 1, 2, 1, 0], seed: 10 });
    expect(other.map(({ tokens }) => [...tokens])).not.toEqual(together.map(({ tokens }) => [...tokens]));
  });

  it("at temperature 0 does not depend on the seed", async () => {
    const [a, b] = await Promise.all(
      [1, 2].map((seed) => pipeline.generate({ classes: [0], seed, temperature: 0 })),
    );
    expect(bytes(a!)).toEqual(bytes(b!));
    const one = await pipeline.generate({ classes: [0], seed: 3, topK: 1 });
    expect(bytes(one)).toEqual(bytes(a!));
  });

  it.each([
    [{ classes: [] }, RangeError, /at least one/],
    [{ classes: [10] }, Error, /10/],
    [{ classes: [-1] }, Error, /-1/],
    [{ classes: ["sea cucumbr"] }, Error, /sea cucumber/],
    [{ classes: [0], temperature: -1 }, RangeError, /temperature -1/],
    [{ classes: [0], temperature: Number.NaN }, RangeError, /temperature NaN/],
    [{ classes: [0], topP: 0 }, RangeError, /top-p 0/],
    [{ classes: [0], topK: 0.5 }, RangeError, /top-k 0\.5/],
    [{ classes: [0], guidanceScale: Number.NaN }, RangeError, /guidance scale NaN/],
    [{ classes: [0], seed: 2 ** 53 }, RangeError, /seed 9007199254740992/],
    [{ classes: [0], firstIndex: -1 }, RangeError, /first index -1/],
    [{ classes: [0], batchSize: 0 }, RangeError, /batch size 0/],
  ])("refuses %j", async (options, type, message) => {
    const error = await rejection(pipeline.generate(options));
    expect(error).toBeInstanceOf(type);
    expect(error.message).toMatch(message);
  });
});

describe("stream", () => {
  it("has an event for every token of every batch, the images on each batch's last", async () => {
    const events: StreamEvent[] = [];
    for await (const event of pipeline.stream({ classes: [0, 1, 2], batchSize: 2 })) events.push(event);
    expect(events.map(({ step }) => step)).toEqual(Array.from({ length: 2 * L }, (_, i) => i + 1));
    expect(new Set(events.map(({ total }) => total))).toEqual(new Set([2 * L]));
    const finished = events.filter((event) => event.finished);
    expect(finished.map(({ step, images }) => [step, images])).toEqual([
      [L, [0, 1]],
      [2 * L, [2]],
    ]);
    const images = finished.flatMap((event) => event.finished!);
    expect(bytes(images)).toEqual(bytes(await pipeline.generate({ classes: [0, 1, 2] })));
    expect(events.some((event) => event.previews)).toBe(false);
  });

  it("shows partial pictures where asked, what has no token yet in grey", async () => {
    const seen: number[] = [];
    const cells = Math.sqrt(L);
    for await (const { step, previews } of pipeline.stream({ classes: [0, 1], previewEvery: 3 })) {
      if (!previews) continue;
      seen.push(step);
      expect(previews).toHaveLength(2);
      const { data, width } = previews[0]!;
      const cell = width / cells;
      for (let place = 0; place < L; place++) {
        const [y, x] = [Math.floor(place / cells) * cell, (place % cells) * cell];
        const corner = [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
        if (place >= step) expect(corner).toEqual([232, 232, 232]);
      }
    }
    expect(seen).toEqual(Array.from({ length: Math.ceil(L / 3) - 1 }, (_, i) => 3 * (i + 1)));
  });

  it("left early, or never begun, holds nobody else up", async () => {
    for (let i = 0; i < 6; i++) {
      pipeline.stream({ classes: [0] });
      for await (const { step } of pipeline.stream({ classes: [0] })) if (step === 2) break;
    }
    expect(await pipeline.generate({ classes: [0] })).toHaveLength(1);
  });

  it("paused readers beyond the places at once make others wait, not fail", async () => {
    const paused = Array.from({ length: 4 }, () => pipeline.stream({ classes: [0] }));
    for (const stream of paused) await stream.next();
    const stop = new AbortController();
    const reason = new Error("waited long enough");
    const waiting = rejection(pipeline.generate({ classes: [0], signal: stop.signal }));
    setTimeout(() => stop.abort(reason), 30);
    expect(await waiting).toBe(reason);
    const patient = pipeline.generate({ classes: [1] });
    await paused[0]!.return!();
    expect(await patient).toHaveLength(1);
    for (const stream of paused) await stream.return!();
  });
});

describe("abort", () => {
  it("stops a request within a step, at any moment, and only that one", async () => {
    const others = Promise.all([1, 2].map((seed) => pipeline.generate({ classes: [0, 1], seed })));
    for (const after of [0, 1, 5, L - 1]) {
      const stop = new AbortController();
      const reason = new Error(`after ${after}`);
      let last = 0;
      if (after === 0) stop.abort(reason);
      const read = async (): Promise<void> => {
        for await (const { step } of pipeline.stream({ classes: [0, 1], signal: stop.signal })) {
          last = step;
          if (step === after) stop.abort(reason);
        }
      };
      expect(await rejection(read())).toBe(reason);
      expect(last).toBe(after);
    }
    expect((await others).flat()).toHaveLength(4);
  });
});

describe("encode, decode and complete", () => {
  it("round trips: the codes of a decoded picture are those of any picture that looks like it", async () => {
    const side = pipeline.tokenizer.resolution;
    const [a, b] = (await pipeline.encode([picture(side), picture(side)])) as [Int32Array, Int32Array];
    expect(a).toEqual(b);
    expect(a).toHaveLength(L);
    const [one] = await pipeline.decode([a]);
    const batch = await pipeline.decode([b, a, b]);
    for (const other of batch) expect(Buffer.compare(other.data, one!.data)).toBe(0);
    expect(await pipeline.encode([])).toEqual([]);
    expect(await pipeline.decode([])).toEqual([]);
  });

  it("keeps the share of the picture asked for and draws the rest", async () => {
    const side = pipeline.tokenizer.resolution;
    const image = picture(side);
    const [codes] = (await pipeline.encode([image])) as [Int32Array];
    for (const keep of [0, 0.5, 1]) {
      const images = await pipeline.complete(image, { class: "dog", keep, count: 3, seed: 2 });
      expect(images.map(({ index, classIndex }) => [index, classIndex])).toEqual([
        [0, 1],
        [1, 1],
        [2, 1],
      ]);
      const kept = Math.round(keep * L);
      for (const { tokens } of images)
        expect([...tokens.subarray(0, kept)]).toEqual([...codes.subarray(0, kept)]);
      const different = new Set(images.map(({ tokens }: GeneratedImage) => tokens.join())).size;
      expect(different).toBe(keep === 1 ? 1 : 3);
    }
    const fromNothing = await pipeline.complete(image, { class: 1, keep: 0, seed: 2 });
    expect(bytes(fromNothing)).toEqual(bytes(await pipeline.generate({ classes: [1], seed: 2 })));
  });

  it("refuses other sizes, grids that are not square, codes that are none, shares and counts out of range", async () => {
    const image = picture(pipeline.tokenizer.resolution);
    const refused: [Promise<unknown>, RegExp][] = [
      [pipeline.encode([picture(8)]), /8 x 8/],
      [pipeline.encode([image, picture(8)]), /8 x 8/],
      [pipeline.decode([new Int32Array(L - 1)]), new RegExp(`${L - 1}`)],
      [pipeline.decode([new Int32Array(L), new Int32Array(4)]), /one size/],
      [pipeline.decode([new Int32Array(L).fill(-1)]), /token -1/],
      [pipeline.complete(image, { class: 0, keep: 1.1 }), /keep .*1\.1/],
      [pipeline.complete(image, { class: 0, keep: Number.NaN }), /keep .*NaN/],
      [pipeline.complete(image, { class: 0, keep: 0, count: 0 }), /count .*0/],
    ];
    for (const [call, message] of refused) {
      const error = await rejection(call);
      expect(error).toBeInstanceOf(RangeError);
      expect(error.message).toMatch(message);
    }
  });
});

describe("load and dispose", () => {
  it("reports its preparation, and finds it done the second time", async () => {
    const stages: string[] = [];
    const shares: number[] = [];
    process.env.RARITY_CACHE = join(folder, "fresh");
    mkdirSync(process.env.RARITY_CACHE);
    for (let i = 0; i < 2; i++) {
      await using _ = await Pipeline.load(model, {
        threads: 1,
        precision: "int8",
        onProgress: ({ stage, done, total }) => {
          if (i === 0) stages.push(stage);
          else expect.fail("it was prepared a second time");
          shares.push(done / total);
        },
      });
    }
    expect(new Set(stages)).toEqual(new Set(["prepare"]));
    expect(shares.every((share) => share > 0 && share <= 1)).toBe(true);
    expect(shares).toContain(1);
  });

  it("takes the precision asked for, and float32 for a small model when none is", async () => {
    expect(pipeline.precision).toBe("float32");
    await using small = await Pipeline.load(model, { precision: "int4", threads: 1 });
    expect([small.precision, small.engine]).toEqual(["int4", "onnx"]);
    expect(await small.generate({ classes: [0] })).toHaveLength(1);
  });

  it("refuses an engine that is not there, a model that is not there, and a start already given up", async () => {
    const misplaced = Pipeline.load(model, { engine: "onnx", device: "cuda" });
    expect((await rejection(misplaced)).message).toMatch(/onnx engine.*CPU.*--engine torch/);
    expect(await rejection(Pipeline.load(join(folder, "nowhere")))).toMatchObject({ code: "not-found" });
    const reason = new Error("never mind");
    expect(await rejection(Pipeline.load(model, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    await expect(Pipeline.load(model, { threads: 0 })).rejects.toThrow(/threads .*0/);
  });

  it("an abort while a model is being prepared stops it, and leaves no half of it", async () => {
    process.env.RARITY_CACHE = join(folder, "half");
    mkdirSync(process.env.RARITY_CACHE);
    const stop = new AbortController();
    const reason = new Error("changed my mind");
    const load = Pipeline.load(model, {
      threads: 1,
      signal: stop.signal,
      onProgress: ({ done, total }) => {
        if (done > total / 4) stop.abort(reason);
      },
    });
    expect(await rejection(load)).toBe(reason);
    await using again = await Pipeline.load(model, { threads: 1 });
    expect(await again.generate({ classes: [0] })).toHaveLength(1);
  });

  it("disposed in the middle, every open request fails with a sentence, later ones too", async () => {
    const other = await Pipeline.load(model, { threads: 1 });
    const stream = other.stream({ classes: [0] });
    await stream.next();
    // Three begin, the others wait for a place.
    const open = [1, 2, 3, 4, 5, 6].map((seed) => rejection(other.generate({ classes: [0, 1], seed })));
    await other.dispose();
    await other.dispose();
    for (const error of await Promise.all(open)) {
      expect(error.name).toBe("RarityError");
      expect(error).toMatchObject({ code: "engine" });
      expect(error.message).toMatch(/was disposed/);
    }
    for (const call of [
      stream.next(),
      other.generate({ classes: [0] }),
      other.decode([new Int32Array(L)]),
      other.encode([picture(other.tokenizer.resolution)]),
    ]) {
      expect((await rejection(call)).message).toMatch(/disposed/);
    }
  });
});
