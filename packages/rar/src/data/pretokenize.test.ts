import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { mirror, tenCrop } from "../images/crop.js";
import type { RgbImage } from "../images/rgb.js";
import { fakeCodec } from "../testing/fake-codec.js";
import { fakeImages, patterned } from "../testing/fake-images.js";
import { fixture, missing } from "../testing/fixtures.js";
import { temporaryFolder } from "../testing/temporary.js";
import type { ImageCodec } from "./image-codec.js";
import type { ImageSet } from "./image-set.js";
import { type PretokenizeOptions, pretokenize } from "./pretokenize.js";
import { pictureAt, shareSize } from "./pretokenize-plan.js";
import { openTokens } from "./token-rows.js";

const folder = temporaryFolder();
let made = 0;
const path = (extension = "tokens"): string => join(folder, `${made++}.${extension}`);

const pictures = Array.from({ length: 23 }, (_, i) => patterned(i, 6, 5));
const images = fakeImages(pictures);
const defaults = {
  size: 4,
  crop: "adm",
  augment: "mirror",
  batch: 5,
  rank: 0,
  ranks: 1,
  onError: "fail",
} as const satisfies Partial<PretokenizeOptions>;

const run = (
  output: string,
  options: Partial<PretokenizeOptions> = {},
  set: ImageSet = images,
  codec: ImageCodec = fakeCodec(),
) => pretokenize(set, codec, { ...defaults, output, ...options });

async function rowsOf(file: string): Promise<[number, number[]][]> {
  await using rows = await openTokens(file);
  const { tokens, classes } = await rows.read(Array.from({ length: rows.rows }, (_, i) => i));
  return [...classes].map((label, i) => [
    label,
    [...tokens.subarray(i * rows.length, (i + 1) * rows.length)],
  ]);
}

const codesOf = async (image: RgbImage): Promise<number[]> => [...(await fakeCodec().encode([image]))];

describe("rows", () => {
  it("of a batch are its originals, then their mirrors in the same order; the last batch is smaller", async () => {
    const square = fakeImages(Array.from({ length: 7 }, (_, i) => patterned(i)));
    const output = path();
    await run(output, {}, square);
    const expected: [number, number[]][] = [];
    for (const batch of [
      [0, 1, 2, 3, 4],
      [5, 6],
    ])
      for (const turned of [false, true])
        for (const i of batch)
          expected.push([i % 3, await codesOf(turned ? mirror(patterned(i)) : patterned(i))]);
    expect(await rowsOf(output)).toEqual(expected);
    expect(readdirSync(folder).filter((name) => name.startsWith(basename(output)))).toEqual([
      basename(output),
      `${basename(output)}.report.json`,
    ]);
  });

  it("of ten crops follow each other, picture by picture", async () => {
    const output = path("jsonl");
    await run(output, { augment: "ten-crop", batch: 10 });
    const rows = await rowsOf(output);
    expect(rows).toHaveLength(230);
    const crops = tenCrop(pictures[22]!, 4);
    expect(rows[225]).toEqual([1, await codesOf(crops[5]!)]);
  });

  it("are the same in a token file and in JSON lines", async () => {
    const [binary, lines] = [path(), path("jsonl")];
    await run(binary, { augment: "none" });
    await run(lines, { augment: "none" });
    expect(await rowsOf(lines)).toEqual(await rowsOf(binary));
    expect(readFileSync(lines, "utf8").split("\n")[0]).toMatch(
      /^\{"class_id": 0, "tokens": \[\d+, \d+, \d+, \d+\]\}$/,
    );
  });
});

describe("several ranks", () => {
  it.skipIf(missing("transforms/samplers.json"))("share the pictures as recorded", () => {
    const recorded = JSON.parse(readFileSync(fixture("transforms/samplers.json")!, "utf8")) as {
      pretokenize_distributed: { n: number; world_size: number; ranks: number[][] }[];
    };
    for (const { n, world_size, ranks } of recorded.pretokenize_distributed)
      for (const [rank, expected] of ranks.entries()) {
        const own = Array.from({ length: shareSize(n, world_size) }, (_, place) =>
          pictureAt(place, n, { rank, ranks: world_size }),
        );
        expect(own).toEqual(expected);
      }
  });

  it.each(["tokens", "jsonl"])(
    "are joined in their order, whoever is ready first, to one .%s",
    async (extension) => {
      const output = path(extension);
      const told: string[] = [];
      const zero = run(output, { ranks: 3, rank: 0, augment: "none", say: (line) => told.push(line) });
      expect(await run(output, { ranks: 3, rank: 2, augment: "none" })).toBeUndefined();
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect(existsSync(output)).toBe(false);
      await run(output, { ranks: 3, rank: 1, augment: "none" });
      expect(await zero).toMatchObject({ rows: 24, pictures: 23, skipped: 0 });
      expect(told).toContain("Waiting for rank 1.");
      const order = [0, 1, 2].flatMap((rank) => Array.from({ length: 8 }, (_, k) => (rank + 3 * k) % 23));
      const rows = await rowsOf(output);
      expect(rows.map(([label]) => label)).toEqual(order.map((i) => i % 3));
      expect(existsSync(`${output}.work`)).toBe(false);
    },
  );

  it("that do not come are named; what was done is kept for the next start", async () => {
    const output = path();
    await expect(run(output, { ranks: 2, rank: 0, patience: 0.2 })).rejects.toThrow(
      /Rank 1 has written nothing for 0\.2 seconds/,
    );
    const codec = fakeCodec();
    await run(output, { ranks: 2, rank: 1 });
    expect((await run(output, { ranks: 2, rank: 0 }, images, codec))?.rows).toBe(48);
    expect(codec.encoded()).toBe(0);
  });
});

describe("pictures that cannot be read", () => {
  const broken = fakeImages(pictures.map((picture, i) => (i % 10 === 1 ? undefined : picture)));

  it("end the run, or are left out, counted and named once in a log", async () => {
    await expect(run(path(), {}, broken)).rejects.toThrow(/picture-1\.png/);
    const output = path();
    const report = await run(output, { onError: "skip", leftOut: ["sample x"] }, broken);
    expect(report).toMatchObject({ rows: 40, pictures: 23, skipped: 4 });
    const log = readFileSync(report!.skippedLog!, "utf8");
    expect(log.match(/picture-\d+|sample x/g)).toEqual(["sample x", "picture-1", "picture-11", "picture-21"]);
    expect((await rowsOf(output)).length).toBe(40);
  });

  it("are named once where a picture fills up a share, too", async () => {
    const output = path();
    const few = fakeImages([undefined, ...pictures.slice(0, 2)]);
    await run(output, { onError: "skip", ranks: 2, rank: 1 }, few); // takes 1 and 0 again
    const report = await run(output, { onError: "skip", ranks: 2, rank: 0 }, few);
    expect(report).toMatchObject({ skipped: 1, rows: 4 });
  });

  it("may be a whole share of a rank, but not all there are", async () => {
    const output = path();
    const half = fakeImages(pictures.slice(0, 4).map((picture, i) => (i % 2 === 1 ? undefined : picture)));
    await run(output, { onError: "skip", ranks: 2, rank: 1 }, half);
    expect(await run(output, { onError: "skip", ranks: 2, rank: 0 }, half)).toMatchObject({ rows: 4 });
    const none = path();
    await expect(run(none, { onError: "skip" }, fakeImages([undefined]))).rejects.toThrow(/None of the 1/);
    expect(existsSync(none)).toBe(false);
  });
});

describe("a run that was stopped", () => {
  /** Stops in its `calls`-th encoding. */
  function stopping(calls: number): ImageCodec {
    const codec = fakeCodec();
    let count = 0;
    return {
      ...codec,
      async encode(some) {
        if (++count > calls) throw new Error("stopped");
        return await codec.encode(some);
      },
    };
  }
  const broken = fakeImages(pictures.map((picture, i) => (i % 7 === 2 ? undefined : picture)));
  const settings: Partial<PretokenizeOptions> = { batch: 3, onError: "skip" };

  it.each([
    { extension: "tokens", ranks: 1 },
    { extension: "jsonl", ranks: 1 },
    { extension: "tokens", ranks: 2 },
  ])(
    "$ranks ranks to .$extension: ends with the same bytes, whatever was lost",
    async ({ extension, ranks }) => {
      const all = async (output: string, codec: () => ImageCodec): Promise<void> => {
        for (let rank = ranks - 1; rank >= 0; rank--)
          await run(output, { ...settings, ranks, rank, patience: 0 }, broken, codec());
      };
      const whole = path(extension);
      await all(whole, fakeCodec);
      const expected = readFileSync(whole);
      const log = readFileSync(`${whole}.skipped.txt`);

      let state = 7;
      const random = (below: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      for (let trial = 0; trial < 15; trial++) {
        const output = path(extension);
        for (let stop = 0; stop < 3; stop++) {
          await all(output, () => stopping(random(6))).catch(() => {});
          // A power cut takes the end of any file that was being written, and may leave zeros there.
          const work = `${output}.work`;
          const names = existsSync(work) ? readdirSync(work).map((name) => join(work, name)) : [];
          for (const file of [...names, `${output}.partial`]) {
            if (!/\.(partial|journal)$/.test(file) || !existsSync(file) || random(2) === 0) continue;
            const bytes = readFileSync(file);
            const left = random(bytes.length + 1);
            if (random(2) === 0) truncateSync(file, left);
            else
              writeFileSync(
                file,
                Buffer.concat([bytes.subarray(0, left), Buffer.alloc(bytes.length - left)]),
              );
          }
        }
        await all(output, fakeCodec);
        expect(Buffer.compare(readFileSync(output), expected), `trial ${trial}`).toBe(0);
        expect(readFileSync(`${output}.skipped.txt`)).toEqual(log);
        expect(existsSync(`${output}.work`)).toBe(false);
      }
    },
  );

  it("encodes nothing twice that reached the disk", async () => {
    const output = path();
    await expect(run(output, settings, images, stopping(3))).rejects.toThrow("stopped");
    const codec = fakeCodec();
    const told: string[] = [];
    await run(output, { ...settings, say: (line) => told.push(line) }, images, codec);
    expect(codec.encoded()).toBe((23 - 9) * 2);
    expect(told[0]).toBe("Going on with picture 9 of 23.");
  });

  it("between giving the output its name and the report encodes nothing again", async () => {
    const output = path();
    await expect(run(output, settings, images, stopping(7))).rejects.toThrow("stopped");
    // The journal as it is after the last batch: what follows is the renaming, then the report.
    const onFirstBatch = async () => ({ psnr: 12 });
    await run(output, { ...settings, onFirstBatch });
    const bytes = readFileSync(output);
    const journal = Array.from({ length: 8 }, (_, batch) => {
      const rows = Math.min(23, (batch + 1) * 3) * 2;
      return `${JSON.stringify({ batch, rows, skipped: [] })}\n`;
    });
    mkdirSync(`${output}.work`);
    writeFileSync(`${output}.work/rank-0.journal`, journal.join(""));
    rmSync(`${output}.report.json`);
    const codec = fakeCodec();
    expect(await run(output, settings, images, codec)).toMatchObject({ rows: 46 });
    expect(codec.encoded()).toBe(0);
    expect(readFileSync(output)).toEqual(bytes);
  });

  it("is not gone on with under other settings", async () => {
    const output = path();
    await expect(run(output, settings, images, stopping(3))).rejects.toThrow("stopped");
    await expect(run(output, { ...settings, augment: "none" })).rejects.toThrow(
      /begun with augment "mirror"; now it is "none"/,
    );
    await expect(run(output, settings, fakeImages(pictures.slice(1)))).rejects.toThrow(/begun with pictures/);
    await run(output, settings);
  });

  it("stops by its signal and keeps what was done", async () => {
    const output = path();
    const controller = new AbortController();
    const onProgress = (done: number): void => {
      if (done >= 6) controller.abort();
    };
    await expect(run(output, { ...settings, onProgress, signal: controller.signal })).rejects.toThrow(
      /abort/,
    );
    const codec = fakeCodec();
    await run(output, settings, images, codec);
    expect(codec.encoded()).toBeLessThan(23 * 2);
  });
});

describe("an output that is there already", () => {
  it("is left where it was made with the same settings, and else replaced only when told to", async () => {
    const output = path();
    const first = await run(output);
    const codec = fakeCodec();
    expect(await run(output, {}, images, codec)).toEqual(first);
    await expect(run(output, { augment: "none" })).rejects.toThrow(/exists\. Give another --output/);
    expect(codec.encoded()).toBe(0);
    expect((await run(output, { augment: "none", overwrite: true }))?.rows).toBe(23);
    expect((await run(output, { overwrite: true }, images, codec))?.rows).toBe(46);
    expect(codec.encoded()).toBe(46);
  });
});

describe("the first batch", () => {
  it("is shown once, originals beside what the tokens give, and kept for the report", async () => {
    const output = path();
    const shown: [number, number][] = [];
    const onFirstBatch: PretokenizeOptions["onFirstBatch"] = async (originals, decoded) => {
      shown.push([originals.length, decoded.length]);
      expect(originals[0]!.data[0]).toBe(decoded[0]!.data[0]);
      return { psnr: 20 };
    };
    const report = await run(output, { batch: 20, onFirstBatch });
    expect(shown).toEqual([[16, 16]]);
    expect(report!.firstBatch).toEqual({ psnr: 20 });
  });
});
