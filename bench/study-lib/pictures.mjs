/** The held-out pictures of the trained models, as planes in [0, 1]. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { openImages } from "../../packages/rar/dist/data/image-set.js";
import { toPlanes } from "../../packages/rar/dist/images/to-bytes.js";
import { DRAWN, draw, reduce } from "../study-emoji/draw.mjs";
import { readIcons } from "../study-emoji/icons.mjs";
import { root } from "./model.mjs";

/** @returns planes [count, 3, 32, 32], or nothing where the pictures are not at hand */
export async function heldOutPictures(name) {
  const pictures = await (name === "emoji" ? icons() : testPictures());
  if (!pictures) return undefined;
  const planes = new Float32Array(pictures.length * EACH);
  for (const [i, picture] of pictures.entries()) toPlanes(picture, planes, i * EACH);
  return planes;
}
const SIDE = 32;
export const EACH = 3 * SIDE * SIDE;

/** The 192 held-out icons, once study:emoji has installed their packages. */
async function icons() {
  const modules = join(root, "runs/emoji-packages/node_modules");
  if (!existsSync(modules)) return undefined;
  const heldOut = readIcons(modules).filter((icon) => icon.heldOut);
  return Promise.all(
    heldOut.map(async ({ svg }) => ({
      width: SIDE,
      height: SIDE,
      data: reduce(await draw(svg), DRAWN, SIDE),
    })),
  );
}

/** The first 2,000 pictures of CIFAR-10's test shards, those of the recorded tokens. */
async function testPictures() {
  const folder = join(root, "../shared/data/cifar10");
  if (!existsSync(folder)) return undefined;
  const names = (await readdir(folder)).filter((file) => /^test-\d+\.tar\.gz$/.test(file)).sort();
  const images = await openImages(names.map((name) => join(folder, name)));
  const pictures = await Promise.all(Array.from({ length: 2000 }, (_, i) => images.read(i)));
  await images.close();
  return pictures;
}
