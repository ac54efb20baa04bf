import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fixture, missing } from "../testing/fixtures.js";
import {
  centreCrop,
  centreCropPlan,
  cut,
  cutCentre,
  mirror,
  resizeShorterEdge,
  shorterEdgeSize,
  tenCrop,
  tenCropSize,
} from "./crop.js";
import { decodeImage } from "./decode.js";
import type { RgbImage } from "./rgb.js";
import { toPlanes } from "./to-bytes.js";

type Pair = [number, number];
interface Source {
  readonly decoded?: string;
  readonly decoded_rgb_sha256: string;
  readonly center_crop: Record<
    string,
    { sizes: Pair[]; crop_xy: Pair; sha256: string; to_tensor_sha256: string }
  >;
  readonly ten_crop: Record<
    string,
    { crop_size: number; stack_sha256: string; tensor_sha256: string; crop_sha256: string[] }
  >;
  readonly eval_transform: Record<
    string,
    { resized: Pair; crop_xy: Pair; sha256: string; tensor_sha256: string }
  >;
}
interface Train {
  readonly source: string;
  readonly resize_shorter_edge: number;
  readonly crop_size: number;
  readonly top: number;
  readonly left: number;
  readonly flip: boolean;
  readonly resized: Pair;
  readonly sha256: string;
}
interface Sizes {
  readonly center_crop: { w: number; h: number; size: number; sizes: Pair[]; crop_xy: Pair }[];
  readonly resize_shorter_edge: { w: number; h: number; size: number; resized: Pair }[];
  readonly ten_crop_sizes: { img_size: number; crop_size: number }[];
}

const json = (path: string): unknown => JSON.parse(readFileSync(fixture(path)!, "utf8"));
const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hashOf = (image: RgbImage): string => sha256(image.data);
const tensorHash = (image: RgbImage): string => sha256(new Uint8Array(toPlanes(image).buffer));

describe.skipIf(missing("transforms/manifest.json", "transforms/sizes.json"))(
  "the reference's recorded crops",
  () => {
    const manifest = () =>
      json("transforms/manifest.json") as { sources: Record<string, Source>; train_transform: Train[] };
    /** From the recorded decoding, so that this tests the transform alone. */
    const open = (name: string, source: Source): Promise<RgbImage> =>
      decodeImage(fixture(`transforms/${source.decoded ?? `src/${name}`}`)!);

    it("plans the sizes and corners of the table, ties included", () => {
      const sizes = json("transforms/sizes.json") as Sizes;
      expect(sizes.center_crop.length).toBe(395);
      for (const { w, h, size, sizes: steps, crop_xy } of sizes.center_crop) {
        expect(centreCropPlan(w, h, size), `${w} x ${h} at ${size}`).toEqual({
          sizes: steps,
          corner: crop_xy,
        });
      }
      for (const { w, h, size, resized } of sizes.resize_shorter_edge) {
        expect(shorterEdgeSize(w, h, size), `${w} x ${h} at ${size}`).toEqual(resized);
      }
      for (const { img_size, crop_size } of sizes.ten_crop_sizes)
        expect(tenCropSize(img_size)).toBe(crop_size);
    });

    it("gives the bytes of every centre crop, ten-crop and reader transform", async () => {
      let checked = 0;
      for (const [name, source] of Object.entries(manifest().sources)) {
        const image = await open(name, source);
        expect(hashOf(image), name).toBe(source.decoded_rgb_sha256);
        for (const [size, expected] of Object.entries(source.center_crop)) {
          const crop = centreCrop(image, Number(size));
          expect(hashOf(crop), `${name} centre ${size}`).toBe(expected.sha256);
          expect(tensorHash(crop), `${name} tensor ${size}`).toBe(expected.to_tensor_sha256);
          checked++;
        }
        for (const [size, expected] of Object.entries(source.ten_crop)) {
          const crops = tenCrop(image, Number(size));
          expect(crops.map(hashOf), `${name} ten ${size}`).toEqual(expected.crop_sha256);
          expect(sha256(Buffer.concat(crops.map((crop) => crop.data)))).toBe(expected.stack_sha256);
          const tensor = Buffer.concat(crops.map((crop) => new Uint8Array(toPlanes(crop).buffer)));
          expect(sha256(tensor), `${name} ten ${size} tensor`).toBe(expected.tensor_sha256);
          checked++;
        }
        for (const [size, expected] of Object.entries(source.eval_transform)) {
          const resized = resizeShorterEdge(image, Number(size));
          expect([resized.width, resized.height]).toEqual(expected.resized);
          const square = cutCentre(resized, Number(size));
          expect(hashOf(square), `${name} eval ${size}`).toBe(expected.sha256);
          expect(tensorHash(square), `${name} eval ${size} tensor`).toBe(expected.tensor_sha256);
          checked++;
        }
      }
      expect(checked).toBeGreaterThan(100);
    });

    it("gives the bytes of the train transform for given draws", async () => {
      const { sources, train_transform } = manifest();
      for (const {
        source,
        resize_shorter_edge,
        crop_size,
        top,
        left,
        flip,
        sha256: expected,
      } of train_transform) {
        const resized = resizeShorterEdge(await open(source, sources[source]!), resize_shorter_edge);
        const crop = cut(resized, { x: left, y: top, width: crop_size, height: crop_size });
        expect(hashOf(flip ? mirror(crop) : crop), source).toBe(expected);
      }
    });
  },
);

describe("centreCrop", () => {
  it("takes a very long picture without enlarging all of it", () => {
    const image = { width: 30_000, height: 1, data: new Uint8Array(90_000).fill(77) };
    const crop = centreCrop(image, 256); // the whole would be 7,680,000 x 256
    expect([crop.width, crop.height]).toEqual([256, 256]);
    expect(crop.data.every((byte) => byte === 77)).toBe(true);
  });

  it("enlarges 1 x 1 and refuses a size that is none", () => {
    const dot = { width: 1, height: 1, data: Uint8Array.of(1, 2, 3) };
    expect([...centreCrop(dot, 2).data]).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3]);
    expect(() => centreCrop(dot, 0)).toThrow(RangeError);
    expect(() => centreCrop(dot, 1.5)).toThrow(RangeError);
  });
});
