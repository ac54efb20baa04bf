/** `generate`, `complete` and `demo` on a pipeline that draws gradients: what is asked of it, and what becomes of it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { complete } from "../src/cli/complete.js";
import { demo } from "../src/cli/demo.js";
import { type DrawRequest, draw } from "../src/cli/draw.js";
import { settingsOf } from "../src/cli/picture-settings.js";
import { startProgress } from "../src/cli/progress.js";
import { blockRows } from "../src/cli/show.js";
import { summary } from "../src/cli/summary.js";
import { bytes, duration, slug } from "../src/cli/words.js";
import { decodeImage } from "../src/images/decode.js";
import { encodePng } from "../src/images/png.js";
import { type FakeOptions, fakePipeline } from "../src/testing/fake-pipeline.js";

const folder = mkdtempSync(join(tmpdir(), "rarity-draw-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => join(folder, name);

let said = "";
beforeEach(() => {
  said = "";
  const spy = vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    said += text;
    return true;
  });
  return () => spy.mockRestore();
});

function tools(options: FakeOptions = {}, signal = new AbortController().signal) {
  const fake = fakePipeline(options);
  const names = options.classNames ?? ["cat", "dog", "sea creature", "apple"];
  const classNames = { count: names.length, names: names.map((name) => [name]) };
  return {
    fake,
    tools: {
      load: fake.load,
      locate: async () => ({ name: "fake", kind: "embedded" as const, classNames, notes: [] }),
      signal,
    },
  };
}

const request = (more: Partial<DrawRequest>): DrawRequest => ({
  load: {},
  classes: ["cat"],
  count: 1,
  sampling: {},
  folder: at("out"),
  sheet: false,
  ...more,
});

describe("draw", () => {
  it("hands settings through, and stores those the model itself brings", async () => {
    const { fake, tools: world } = tools();
    const sampling = { seed: 3, temperature: 0.5, topK: 9, topP: 0.9, batch: 2 };
    const report = await draw(
      request({ sampling, load: { precision: "int8", threads: 2 }, folder: at("settings"), model: "m" }),
      world,
    );
    expect(fake.calls.loads[0]).toMatchObject({ model: "m", options: { precision: "int8", threads: 2 } });
    expect(fake.calls.streams[0]).toMatchObject({
      seed: 3,
      temperature: 0.5,
      topK: 9,
      topP: 0.9,
      batchSize: 2,
    });
    const { file } = report.images[0]!;
    expect(settingsOf(readFileSync(file), file)).toMatchObject({
      model: "m",
      className: "cat",
      temperature: 0.5,
      guidance: 4,
      pow: 0,
      topK: 9,
      topP: 0.9,
    });
    expect(fake.calls.disposed).toBe(1);
  });

  it("takes names, numbers, lists and all; every value's classes once", async () => {
    const { fake, tools: world } = tools();
    const classes = ["dog, 0,dog", "Sea_Creature", "dog"];
    await draw(request({ classes, count: 2, folder: at("classes") }), world);
    expect(fake.calls.streams[0]?.classes).toEqual([1, 1, 0, 0, 2, 2, 1, 1]);
    await draw(request({ classes: ["all"], folder: at("classes") }), world);
    expect(fake.calls.streams[1]?.classes).toEqual([0, 1, 2, 3]);
    expect(readdirSync(at("classes"))).toContain("0010-sea-creature.png");
  });

  it("loads nothing where the request cannot be: class, setting, folder", async () => {
    const { fake, tools: world } = tools();
    await expect(draw(request({ classes: ["catt"] }), world)).rejects.toThrow('Did you mean 0 "cat"');
    await expect(draw(request({ sampling: { topP: 2 } }), world)).rejects.toThrow(RangeError);
    writeFileSync(at("file"), "");
    await expect(draw(request({ folder: at("file") }), world)).rejects.toThrow(/is a file/);
    const locate = async () => ({ ...(await world.locate()), kind: "folder" as const, generatorFile: "g" });
    await expect(draw(request({}), { ...world, locate })).rejects.toThrow('"fake" has no tokenizer');
    expect(fake.calls.loads).toEqual([]);
    expect(existsSync(at("out"))).toBe(false);
  });

  it("keeps what was finished when it is stopped, with a sheet of it", async () => {
    const stop = new AbortController();
    const onStep = (step: number) => {
      if (step === 40) stop.abort();
    };
    const { tools: world } = tools({ onStep }, stop.signal);
    const report = await draw(
      request({ classes: ["all"], count: 4, sheet: true, folder: at("stop") }),
      world,
    );
    expect(report.images).toHaveLength(8);
    expect(report.asked).toBe(16);
    expect(readdirSync(at("stop"))).toHaveLength(9);
    expect(summary(report)).toContain("8 of 16 images (stopped; these are kept)");
  });

  it("draws a random seed where none is given, and says it", async () => {
    const { tools: world } = tools();
    const [a, b] = [await draw(request({}), world), await draw(request({}), world)];
    expect(a.seed).not.toBe(b.seed);
    expect(summary(a)).toContain(`seed ${a.seed}`);
  });

  it("repeats a picture; says what differs; lets flags win", async () => {
    const { fake, tools: world } = tools();
    const sampling = { seed: 8, temperature: 0.7, guidance: 2 };
    await draw(request({ classes: ["dog"], count: 3, sampling, folder: at("repeat"), scale: 2 }), world);
    const like = at("repeat/0002-dog.png");
    const again = await draw(request({ classes: [], sampling: {}, folder: at("again"), like }), world);
    expect(fake.calls.streams[1]).toMatchObject({
      seed: 8,
      firstIndex: 2,
      temperature: 0.7,
      guidanceScale: 2,
      classes: [1],
    });
    expect(readFileSync(again.images[0]!.file)).toEqual(readFileSync(like));
    expect(said).not.toContain("Note:");
    await draw(request({ classes: ["cat"], sampling: { temperature: 1 }, folder: at("again"), like }), world);
    expect(said).toContain(
      "Note: The image may not be the same: temperature is 1, it was 0.7; class is 0, it was 1.",
    );
  });

  it.each([
    ["no settings", {}],
    ["no JSON", { "rarity.settings": "{" }],
    ["wrong types", { "rarity.settings": '{"model":7}' }],
    [
      "a seed beyond 2^53",
      {
        "rarity.settings":
          '{"model":"m","classIndex":0,"seed":1e300,"index":0,"temperature":1,"guidance":1,"pow":0,"precision":"float32","engine":"onnx","version":"0"}',
      },
    ],
  ])("refuses to repeat a picture with %s", async (_, text) => {
    const image = { width: 1, height: 1, data: new Uint8Array(3) };
    writeFileSync(at("odd.png"), await encodePng(image, text));
    await expect(draw(request({ like: at("odd.png") }), tools().tools)).rejects.toThrow(/odd\.png.*rarity/s);
  });

  it("shows images while they come into being, and takes them away again", async () => {
    const { fake, tools: world } = tools();
    const screen = { isTTY: true, columns: 60 };
    vi.stubEnv("RARITY_GRAPHICS", "blocks");
    const before = { isTTY: process.stderr.isTTY, columns: process.stderr.columns };
    Object.assign(process.stderr, screen);
    try {
      await draw(request({ watch: true, count: 2, folder: at("watch") }), world);
    } finally {
      Object.assign(process.stderr, before);
      vi.unstubAllEnvs();
    }
    expect(fake.calls.streams[0]?.previewEvery).toBeGreaterThan(0);
    expect(said).toContain("▀");
    expect(said.split("\x1b[?25l")).toHaveLength(2); // hidden once, shown once
    expect(said.trimEnd().endsWith("\x1b[?25h")).toBe(true);
  });

  it("writes an animation that ends in the picture, large enough to see", async () => {
    const { tools: world } = tools();
    const report = await draw(request({ animate: "gif", folder: at("gif") }), world);
    const frame = await decodeImage(report.images[0]!.animation!);
    expect(frame.width).toBe(96);
  });
});

describe("complete", () => {
  const run = (more: object, world = tools()) =>
    complete(
      {
        photo: at("photo.png"),
        load: {},
        class: "cat",
        keep: 0.5,
        count: 1,
        sampling: { seed: 1 },
        folder: at("c"),
        ...more,
      },
      world.tools,
    );

  it("crops, asks in parts that go on under the seed, keeps what is finished", async () => {
    writeFileSync(
      at("photo.png"),
      await encodePng({ width: 40, height: 21, data: new Uint8Array(40 * 21 * 3) }),
    );
    const world = tools();
    const report = await run({ count: 10 }, world);
    expect(world.fake.calls.completions.map(({ firstIndex, count }) => [firstIndex, count])).toEqual([
      [0, 4],
      [4, 4],
      [8, 2],
    ]);
    expect(report.images.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(existsSync(report.sheet!)).toBe(true);
  });

  it("refuses a class it does not know and a photo that is none, before loading", async () => {
    const world = tools();
    await expect(run({ class: "doog" }, world)).rejects.toThrow('Did you mean 1 "dog"');
    await expect(run({ photo: at("no.png") }, world)).rejects.toThrow(/no such file/);
    expect(world.fake.calls.loads).toEqual([]);
  });
});

describe("demo", () => {
  it("draws every class, the same way every time", async () => {
    const { fake, tools: world } = tools();
    const flags = { count: 2, seed: 1, output: at("demo") };
    const report = await demo(flags, world);
    expect(fake.calls.streams[0]).toMatchObject({ classes: [0, 0, 1, 1, 2, 2, 3, 3], seed: 1 });
    const first = readFileSync(report.file);
    await demo(flags, world);
    expect(readFileSync(report.file)).toEqual(first);
    expect((await decodeImage(report.file)).width).toBeGreaterThan(2 * 96);
  });

  it("spreads over the classes where there are too many", async () => {
    const { fake, tools: world } = tools({ classNames: Array.from({ length: 1000 }, (_, i) => `c${i}`) });
    await demo({ count: 1, seed: 1, output: at("demo-many") }, world);
    expect(fake.calls.streams[0]?.classes).toHaveLength(24);
    expect(fake.calls.streams[0]?.classes.at(-1)).toBe(958);
  });
});

describe("progress", () => {
  const run = (
    isTTY: boolean,
    steps: readonly (readonly [seconds: number, done: number])[],
    quietFor = 0,
  ): string => {
    let text = "";
    let time = 0;
    const stream = { isTTY, columns: 60, write: (part: string) => (text += part) };
    const progress = startProgress({
      label: "drawing",
      total: 100,
      stream,
      now: () => time * 1000,
      quietFor,
    });
    for (const [seconds, done] of steps) {
      time = seconds;
      progress.update(done);
    }
    progress.finish();
    return text;
  };

  it("is sparse lines where nobody looks: a tenth, or ten seconds", () => {
    const every = Array.from({ length: 101 }, (_, i) => [i, i] as const);
    expect(run(false, every).trim().split("\n")).toHaveLength(10);
    expect(run(false, every)).toContain("drawing: 50%, 50 s left\n");
    expect(
      run(false, [
        [0, 0],
        [11, 1],
        [12, 1],
        [22, 2],
      ])
        .trim()
        .split("\n"),
    ).toHaveLength(2);
    expect(
      run(false, [
        [0, 0],
        [0.5, 100],
      ]),
    ).toBe("");
    expect(run(false, every)).not.toContain("\x1b");
  });

  it("is one line redrawn on a terminal, no wider than it, and gone at the end", () => {
    const text = run(true, [
      [0, 0],
      [1, 10],
      [1.01, 11],
      [50, 50],
    ]);
    const frames = text.split("\r").slice(1);
    expect(frames).toHaveLength(4); // three bars (one came too soon), and the clearing
    for (const frame of frames) expect(frame.replace("\x1b[K", "").length).toBeLessThan(60);
    expect(text.endsWith("\r\x1b[K")).toBe(true);
  });

  it("says nothing of work that is over at once", () => {
    expect(
      run(
        true,
        [
          [0, 0],
          [0.1, 50],
          [0.2, 100],
        ],
        0.5,
      ),
    ).toBe("");
  });
});

describe("pictures as blocks", () => {
  const image = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 3) };
  const rows = (count: number, each: number) =>
    Array.from({ length: count }, (_, i) => ({
      label: `label ${i}`,
      images: Array.from({ length: each }, () => image),
    }));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape codes are what is measured
  const plain = (text: string) => text.replaceAll(/\x1b\[[\d;]*m/g, "");

  it.each([40, 80, 120])("stay within %i columns, and in sight where that is possible", (columns) => {
    const lines = plain(blockRows(rows(24, 5), columns)).split("\n");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns);
    expect(lines.length).toBeLessThan(columns === 40 ? 110 : 62);
  });

  it("names what does not fit", () => {
    expect(blockRows(rows(60, 1), 80)).toContain("... and 12 rows more");
  });
});

describe("words", () => {
  it("says times and sizes as people do", () => {
    expect([0.004, 0.04, 0.44, 9.94, 12.4, 59.6, 200, 7500].map(duration)).toEqual([
      "4 ms",
      "40 ms",
      "0.4 s",
      "9.9 s",
      "12 s",
      "1 min 0 s",
      "3 min 20 s",
      "2 h 5 min",
    ]);
    expect([0, 999, 1000, 999_499, 999_500, 5_994_000_000].map(bytes)).toEqual([
      "0 B",
      "999 B",
      "1 kB",
      "999 kB",
      "1 MB",
      "5.99 GB",
    ]);
  });

  it("makes names into parts of file names, in any language, never a path", () => {
    expect(slug("Sea creature / reptile")).toBe("sea-creature-reptile");
    expect(slug("../../etc")).toBe("etc");
    expect(slug("日本語 Übung")).toBe("日本語-übung");
    expect(slug("???")).toBe("");
  });
});
