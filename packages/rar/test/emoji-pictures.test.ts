/** The steps of runs/emoji.sh that draw: what they give is a function of the icon, the copy and the seed alone. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openImages } from "../src/data/image-set.js";
import { encodePngSync } from "../src/images/png.js";
import { temporaryFolder } from "../src/testing/temporary.js";

const root = new URL("../../../", import.meta.url);
const folder = temporaryFolder();
const load = (path: string) => import(new URL(path, root).href);

interface Change {
  readonly scale: number;
  readonly degrees: number;
  readonly across: number;
  readonly down: number;
  readonly mirrored: boolean;
  readonly brightness: number;
}

/** The left half black; right of its frame, more black that must stay hidden. */
const svg = {
  left: 0,
  top: 0,
  width: 10,
  height: 10,
  body: '<path d="M0 0h5v10h-5zM10 0h5v10h-5z"/>',
};
const icon = (classId: number, name = "half") => ({ set: "noto", name, classId, svg });

describe("pictures of the emoji model", async () => {
  const { changeOf, picture } = await load("runs/steps/changed.mjs");
  const { tar } = await load("runs/steps/tar.mjs");

  it("change within the recipe, differently for each copy and icon, the same each time", () => {
    const changes: Change[] = Array.from({ length: 200 }, (_, i) => changeOf(icon(3), i + 1, 42));
    for (const { scale, degrees, across, down, brightness } of changes) {
      expect(scale).toBeGreaterThan(0.86);
      expect(scale).toBeLessThan(1.06);
      expect(Math.abs(degrees)).toBeLessThan(9);
      expect(Math.max(Math.abs(across), Math.abs(down))).toBeLessThan(4 / 72);
      expect(Math.abs(brightness - 1)).toBeLessThan(0.04);
    }
    expect(new Set(changes.map(({ scale }) => scale)).size).toBe(200);
    const mirrored = changes.filter((change) => change.mirrored).length;
    expect(mirrored).toBeGreaterThan(70);
    expect(mirrored).toBeLessThan(130);
    expect(changeOf(icon(3), 7, 42)).toEqual(changes[6]);
    expect(changeOf(icon(3, "other"), 7, 42)).not.toEqual(changes[6]);
    expect(changeOf(icon(3), 7, 43)).not.toEqual(changes[6]);
    expect(changeOf(icon(3), 0, 42)).toBeUndefined();
  });

  it("of flags, clocks and devices are never mirrored", () => {
    for (const classId of [20, 21, 23])
      for (let copy = 1; copy < 50; copy++) expect(changeOf(icon(classId), copy, 42).mirrored).toBe(false);
  });

  it("keep their paper white and what lies outside the icon's frame hidden", async () => {
    const smaller = { scale: 0.5, degrees: 0, across: 0, down: 0, mirrored: false, brightness: 0.9 };
    const sizes = { drawn: 72, size: 36 };
    const plain = await picture(icon(3), undefined, sizes);
    const small = await picture(icon(3), smaller, sizes);
    const mirrored = await picture(icon(3), { ...smaller, mirrored: true }, sizes);
    const at = (bytes: Uint8Array, x: number, y: number): number => bytes[(y * 36 + x) * 3]!;
    expect([at(plain, 5, 18), at(plain, 30, 18)]).toEqual([0, 255]);
    expect([at(small, 4, 18), at(small, 13, 18), at(small, 22, 18), at(small, 31, 18)]).toEqual([
      255, 0, 255, 255,
    ]);
    expect([at(mirrored, 13, 18), at(mirrored, 22, 18)]).toEqual([255, 0]);
  });

  it("are packed into shards that the reader of shards opens", async () => {
    const image = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 250, 251, 252) };
    const path = join(folder, "train-0000.tar");
    const files = [
      { name: "noto-half-0.png", data: encodePngSync(image) },
      { name: "noto-half-0.cls", data: Buffer.from("23") },
    ];
    writeFileSync(path, tar(files));
    await using set = await openImages(path);
    const { width, height, data } = await set.read(0);
    expect([set.count, set.label(0), width, height, ...data]).toEqual([1, 23, 2, 1, ...image.data]);
    expect(() => tar([{ name: "x".repeat(101), data: Buffer.alloc(0) }])).toThrow("too long a name");
  });
});
