/** What a tokenizer loses: known losses of a tokenizer without a network, the same pictures from everywhere, bad ones. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../images/png.js";
import type { RgbImage } from "../images/rgb.js";
import { fakeCodec } from "../testing/fake-codec.js";
import { haveLibtorch } from "../testing/libtorch.js";
import { tarOf } from "../testing/tar.js";
import { temporaryFolder } from "../testing/temporary.js";
import { writeNpz } from "../weights/npz.js";
import { evaluateTokenizer } from "./evaluate-tokenizer.js";
import { psnr, ssim } from "./image-quality.js";
import { openSquares } from "./square-source.js";

const folder = temporaryFolder();
const side = 12;

/** Grey squares of 2 x 2, which the tokenizer of these tests gives back; `error` is added to one channel of each pixel. */
function picture(seed: number, error = 0): RgbImage {
  const data = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    const [row, column] = [Math.floor(i / side) >> 1, (i % side) >> 1];
    const grey = 20 + ((row * 6 + column + seed * 5) % 200);
    data.set([grey, grey + error, grey], i * 3);
  }
  return { width: side, height: side, data };
}

const pictures = [picture(0), picture(1, 8), picture(2, 30), picture(3), picture(4, 1)];
beforeAll(async () => {
  mkdirSync(join(folder, "set", "deep"), { recursive: true });
  const members: [string, Uint8Array][] = [];
  for (const [i, image] of pictures.entries()) {
    const png = await encodePng(image);
    writeFileSync(join(folder, "set", i < 3 ? `${i}.png` : `deep/${i}.png`), png);
    members.push([`${i}.png`, png], [`${i}.cls`, Buffer.from("0")]);
  }
  writeFileSync(join(folder, "set.tar"), tarOf(members));
  const data = new Uint8Array(pictures.length * side * side * 3);
  for (const [i, image] of pictures.entries()) data.set(image.data, i * image.data.length);
  await writeNpz(join(folder, "set.npz"), [
    { name: "arr_0", dtype: "U8", shape: [pictures.length, side, side, 3], data },
  ]);
});

const open = (name: string) => openSquares([join(folder, name)], { size: side, crop: "reader" });

describe("a tokenizer's measurements", () => {
  it.each(["set", "set.tar", "set.npz"])("of known losses, from %s", async (name) => {
    await using source = await open(name);
    const first: number[] = [];
    const report = await evaluateTokenizer(source, fakeCodec(side), {
      worst: 2,
      onFirstBatch: (value, count) => first.push(value, count),
    });
    const expected = [8, 30, 1].map((error) => 10 * Math.log10(255 ** 2 / (error ** 2 / 3)));
    expect(report.each.map((one) => one.psnr)).toEqual([
      Number.POSITIVE_INFINITY,
      expect.closeTo(expected[0]!, 9),
      expect.closeTo(expected[1]!, 9),
      Number.POSITIVE_INFINITY,
      expect.closeTo(expected[2]!, 9),
    ]);
    const mean = expected.reduce((sum, value) => sum + value, 0) / 3;
    expect([report.pictures, report.equal]).toEqual([5, 2]);
    expect(report.psnr).toBeCloseTo(mean, 9);
    expect(first).toEqual([expect.closeTo(mean, 9), 5]);
    expect(report.each[0]!.ssim).toBeCloseTo(1, 12);
    expect(report.worst.map(({ place }) => [place, source.nameOf(place)])).toEqual([
      [2, expect.stringMatching(/2(\.png)?$/)],
      [1, expect.stringMatching(/1(\.png)?$/)],
    ]);
    const { picture: worst, reconstruction } = report.worst[0]!;
    expect(psnr(worst, reconstruction)).toBe(report.each[2]!.psnr);
    expect(ssim(worst, reconstruction)).toBe(report.each[2]!.ssim);
    expect(report.codebook).toMatchObject({ size: 256, unique: 56 });
    expect(report.codebook.entropy).toBeGreaterThan(5);
    expect(report.rfid).toBeUndefined();
  });

  it.skipIf(!haveLibtorch)(
    "with rFID where Inception is there: 0 for what comes back as it was",
    async () => {
      const { Inception } = await import("./inception-features.js");
      const { inceptionByFormula } = await import("./inception-formula.js");
      using network = await Inception.load(inceptionByFormula());
      const of = async (images: readonly RgbImage[]) =>
        (
          await evaluateTokenizer(
            {
              name: "memory",
              count: images.length,
              nameOf: String,
              batches: async function* () {
                yield images;
              },
              [Symbol.asyncDispose]: async () => {},
            },
            fakeCodec(side),
            { network },
          )
        ).rfid;
      expect(Math.abs((await of([picture(0), picture(3)]))!)).toBeLessThan(1e-6);
      expect(await of([picture(1, 8), picture(2, 30)])).toBeGreaterThan(1e-3);
      expect(await of([picture(0)])).toBeUndefined();
    },
    60_000,
  );

  it("small pictures have no SSIM", async () => {
    await using source = await openSquares([join(folder, "set")], { size: 8, crop: "adm" });
    const report = await evaluateTokenizer(source, fakeCodec(8));
    expect([report.ssim, report.pictures]).toEqual([undefined, 5]);
  });

  it("a picture that cannot be read ends it, by name", async () => {
    mkdirSync(join(folder, "bad"));
    writeFileSync(join(folder, "bad", "a.png"), (await encodePng(pictures[0]!)).subarray(0, 60));
    await using source = await open("bad");
    await expect(evaluateTokenizer(source, fakeCodec(side))).rejects.toThrow(/a\.png/);
    mkdirSync(join(folder, "none"));
    await expect(open("none")).rejects.toThrow(/no pictures in it/);
    await expect(open("nowhere")).rejects.toThrow(/nowhere/);
    await expect(open("nowhere.npz")).rejects.toThrow(/nothing at/);
  });
});
