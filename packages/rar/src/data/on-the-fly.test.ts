import { describe, expect, it } from "vitest";
import { mirror } from "../images/crop.js";
import { fakeCodec } from "../testing/fake-codec.js";
import { fakeImages, patterned } from "../testing/fake-images.js";
import { tokenizeOnTheFly } from "./on-the-fly.js";

const transform = { resizeShorterEdge: 4, cropSize: 4, randomCrop: false, randomFlip: true };
const pictures = Array.from({ length: 5 }, (_, i) => patterned(i));
const codec = fakeCodec();
const open = (seed = 1) => tokenizeOnTheFly(fakeImages(pictures), codec, { transform, seed });

describe("tokenizeOnTheFly", () => {
  it("gives the rows that were asked for, plain where no positions are named", async () => {
    const { rows, tokens, classes } = await open().read([3, 0, 3]);
    expect(rows).toBe(3);
    expect([...classes]).toEqual([0, 0, 0]);
    expect(tokens).toEqual(await codec.encode([pictures[3]!, pictures[0]!, pictures[3]!]));
  });

  it("mirrors about half of the samples, as a function of seed and position alone", async () => {
    const positions = Array.from({ length: 200 }, (_, i) => i);
    const indices = positions.map((position) => position % 5);
    const together = await open().read(indices, positions);
    const plain = await codec.encode(pictures);
    const turned = await codec.encode(pictures.map(mirror));
    let flips = 0;
    for (const position of positions) {
      const row = [...together.tokens.subarray(position * 4, position * 4 + 4)];
      const own = [plain, turned].map((codes) => [
        ...codes.subarray((position % 5) * 4, (position % 5) * 4 + 4),
      ]);
      expect(own).toContainEqual(row);
      if (String(row) === String(own[1])) flips++;
    }
    expect(flips).toBeGreaterThan(70);
    expect(flips).toBeLessThan(130);
    const alone = await open().read([indices[137]!], [137]);
    expect(alone.tokens).toEqual(together.tokens.slice(137 * 4, 138 * 4));
    expect((await open(2).read(indices, positions)).tokens).not.toEqual(together.tokens);
  });

  it("fails at a picture that cannot be read, or takes the next one and says so once", async () => {
    const images = fakeImages([pictures[0], undefined, undefined, pictures[3]], (i) => i);
    await expect(tokenizeOnTheFly(images, codec, { transform, seed: 1 }).read([1])).rejects.toThrow(
      /picture-1\.png/,
    );
    const told: string[] = [];
    const rows = tokenizeOnTheFly(images, codec, {
      transform,
      seed: 1,
      onError: "skip",
      warn: (message) => told.push(message),
    });
    for (let again = 0; again < 2; again++)
      expect([...(await rows.read([1, 2, 3])).classes]).toEqual([3, 3, 3]);
    expect(told.map((message) => /picture-\d/.exec(message)![0]).sort()).toEqual(["picture-1", "picture-2"]);
    const none = tokenizeOnTheFly(fakeImages([undefined]), codec, { transform, seed: 1, onError: "skip" });
    await expect(none.read([0])).rejects.toThrow(/picture-0/);
  });

  it("knows on resume whether pictures, tokenizer and transform are the same", () => {
    expect(open(1).identity).toBe(open(2).identity);
    const other = { ...transform, resizeShorterEdge: 5 };
    const changed = tokenizeOnTheFly(fakeImages(pictures), codec, { transform: other, seed: 1 });
    expect(changed.identity).not.toBe(open().identity);
    expect(tokenizeOnTheFly(fakeImages(pictures.slice(1)), codec, { transform, seed: 1 }).identity).not.toBe(
      open().identity,
    );
    expect(() => tokenizeOnTheFly(fakeImages(pictures), fakeCodec(6), { transform, seed: 1 })).toThrow(
      /takes 6 x 6 pixels, and crop_size is 4/,
    );
  });
});
