import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../images/decode.js";
import type { RgbImage } from "../images/rgb.js";
import { fixture, missing } from "../testing/fixtures.js";
import { evalTransform, mirror, normalise, planes, trainTransform } from "./transform.js";

/** Red tells the column, green the row. */
function coordinates(width: number, height: number): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set([i % width, Math.floor(i / width), 7], i * 3);
  return { width, height, data };
}
const corner = ({ data }: RgbImage): number[] => [...data.subarray(0, 2)];

describe("trainTransform", () => {
  const settings = { resizeShorterEdge: 8, cropSize: 5, randomCrop: true, randomFlip: true };
  /** Gives these draws in turn, and keeps what was asked. */
  const drawing = (...draws: number[]) => {
    const asked: number[] = [];
    const draw = (below: number): number => {
      asked.push(below);
      return draws[asked.length - 1]!;
    };
    return { asked, draw };
  };

  it("draws the top, then the left, then the flip", () => {
    const { asked, draw } = drawing(3, 6, 0);
    const result = trainTransform(coordinates(12, 8), settings, draw);
    expect(asked).toEqual([4, 8, 2]);
    expect(corner(result)).toEqual([6, 3]);
    const flipped = trainTransform(coordinates(12, 8), settings, drawing(3, 6, 1).draw);
    expect(flipped).toEqual(mirror(result));
  });

  it("asks for nothing where there is no choice", () => {
    const { asked, draw } = drawing();
    trainTransform(coordinates(5, 5), { ...settings, resizeShorterEdge: 5, randomFlip: false }, draw);
    trainTransform(coordinates(9, 8), { ...settings, randomCrop: false, randomFlip: false }, draw);
    expect(asked).toEqual([]);
  });

  it("takes the centre out of black where the picture is smaller, and refuses a random part of it", () => {
    const small = { ...settings, resizeShorterEdge: 2, cropSize: 5, randomCrop: false, randomFlip: false };
    const { width, height, data } = trainTransform(coordinates(2, 2), small, () => 0);
    expect([width, height]).toEqual([5, 5]);
    // One column and row of black at the left and top, two at the right and bottom.
    const blue = Array.from({ length: 25 }, (_, i) => data[i * 3 + 2]);
    expect(blue.map((value, i) => (value === 7 ? i : -1)).filter((i) => i >= 0)).toEqual([6, 7, 11, 12]);
    expect(() => trainTransform(coordinates(2, 2), { ...small, randomCrop: true }, () => 0)).toThrow(
      /does not fit into 2 x 2/,
    );
  });
});

describe("evalTransform", () => {
  it("brings the shorter side to the size of the crop and rounds the corner half to even", () => {
    expect(corner(evalTransform(coordinates(13, 8), 8))).toEqual([2, 0]); // 2.5
    expect(corner(evalTransform(coordinates(15, 8), 8))).toEqual([4, 0]); // 3.5
  });
});

describe("planes", () => {
  it("are the pictures one after another, each channel by itself, in [0, 1]", () => {
    const [a, b] = [coordinates(2, 1), { width: 2, height: 1, data: Uint8Array.of(255, 0, 51, 1, 2, 3) }];
    const expected = [0, 1 / 255, 0, 0, 7 / 255, 7 / 255, 1, 1 / 255, 0, 2 / 255, 51 / 255, 3 / 255];
    expect(planes([a, b])).toEqual(Float32Array.from(expected));
    expect(planes([])).toHaveLength(0);
  });

  it("refuse pictures of several sizes", () => {
    expect(() => planes([coordinates(2, 1), coordinates(1, 2)])).toThrow(
      /Picture 1 is 1 x 2, the first 2 x 1/,
    );
  });
});

describe.skipIf(missing("transforms/manifest.json"))("normalise", () => {
  it("gives the recorded tensors for mean and std of a half", async () => {
    const { sources } = JSON.parse(readFileSync(fixture("transforms/manifest.json")!, "utf8")) as {
      sources: Record<
        string,
        { decoded?: string; eval_transform: Record<string, { normalised_half_sha256: string }> }
      >;
    };
    const half = [0.5, 0.5, 0.5];
    for (const [name, { decoded, eval_transform }] of Object.entries(sources)) {
      const image = await decodeImage(fixture(`transforms/${decoded ?? `src/${name}`}`)!);
      for (const [size, { normalised_half_sha256 }] of Object.entries(eval_transform)) {
        const square = evalTransform(image, Number(size));
        const tensor = normalise(planes([square]), Number(size) ** 2, half, half);
        const hash = createHash("sha256").update(new Uint8Array(tensor.buffer)).digest("hex");
        expect(hash, `${name} at ${size}`).toBe(normalised_half_sha256);
      }
    }
  });
});
