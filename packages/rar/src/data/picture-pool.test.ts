import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodePng } from "../images/png.js";
import { fakeCodec } from "../testing/fake-codec.js";
import { patterned } from "../testing/fake-images.js";
import { tarOf } from "../testing/tar.js";
import { temporaryFolder } from "../testing/temporary.js";
import { type ImageSet, openImages } from "./image-set.js";
import { PicturePool } from "./picture-pool.js";
import { pretokenize } from "./pretokenize.js";
import { augmentations, crops, squaresOf } from "./pretokenize-plan.js";
import { openTokens } from "./token-rows.js";

const folder = temporaryFolder();
const pool = new PicturePool(2);
const sets: Record<string, ImageSet> = {};
beforeAll(async () => {
  const members: [string, Uint8Array][] = [];
  mkdirSync(join(folder, "pictures", "a"), { recursive: true });
  for (let i = 0; i < 9; i++) {
    const png = i === 4 ? Buffer.from("no picture") : await encodePng(patterned(i, 20 + i, 17));
    members.push([`${i}.png`, png], [`${i}.cls`, Buffer.from("0")]);
    writeFileSync(join(folder, "pictures", "a", `${i}.png`), png);
  }
  writeFileSync(join(folder, "s.tar"), tarOf(members));
  sets.folder = await openImages(join(folder, "pictures"), { maxPixels: 27 * 17 });
  sets.shard = await openImages(join(folder, "s.tar"), { maxPixels: 27 * 17 });
});
afterAll(() => pool[Symbol.asyncDispose]());

describe.each(["folder", "shard"])("threads for the pictures of a %s", (kind) => {
  it.each(augmentations.flatMap((augment) => crops.map((crop) => ({ augment, crop }))))(
    "give what this thread gives: $augment, $crop",
    async (plan) => {
      const images = sets[kind]!;
      const wanted = [0, 1, 2, 3, 5, 6, 7];
      const squares = await Promise.all(wanted.map((i) => pool.squares(images, i, { size: 8, ...plan })));
      for (const [k, i] of wanted.entries())
        expect(squares[k]).toEqual(squaresOf(await images.read(i), { size: 8, ...plan }));
    },
  );

  it("say what is wrong with a picture, and go on", async () => {
    const plan = { size: 8, crop: "adm", augment: "none" } as const;
    await expect(pool.squares(sets[kind]!, 4, plan)).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringMatching(/4\.png": it is a text file/),
    });
    await expect(pool.squares(sets[kind]!, 8, plan)).rejects.toThrow(/28 x 17 pixels are more than the 459/);
    expect(await pool.squares(sets[kind]!, 0, plan)).toHaveLength(1);
  });
});

it("a run with threads writes the rows of a run without", async () => {
  const rows = async (output: string, own: PicturePool | undefined): Promise<Int32Array> => {
    const settings = {
      size: 4,
      crop: "adm",
      augment: "mirror",
      batch: 4,
      rank: 0,
      ranks: 1,
      onError: "skip",
    } as const;
    await pretokenize(sets.folder!, fakeCodec(), { ...settings, output, pool: own });
    await using file = await openTokens(output);
    return (await file.read(Array.from({ length: file.rows }, (_, i) => i))).tokens;
  };
  expect(await rows(join(folder, "a.tokens"), pool)).toEqual(await rows(join(folder, "b.tokens"), undefined));
});
