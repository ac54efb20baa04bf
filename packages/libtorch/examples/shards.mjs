// Reads labelled images from shards: .tar.gz files with pairs of KEY.jpg and KEY.cls. Needs `npm install sharp`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { permute, tensor } from "libtorch";
import sharp from "sharp";

/** All images of a split ("train", "test"), bytes [N, 3, size, size], and their classes [N]. */
export async function load(folder, split, size, device) {
  const jpegs = [];
  const classes = [];
  for (const file of readdirSync(folder).filter((name) => name.startsWith(split) && name.endsWith(".tar.gz")))
    for (const { name, content } of entries(gunzipSync(readFileSync(join(folder, file))))) {
      if (name.endsWith(".jpg")) jpegs.push(sharp(content).raw().toBuffer());
      if (name.endsWith(".cls")) classes.push(Number(content));
    }
  if (jpegs.length === 0) throw new Error(`${folder} has no ${split}-*.tar.gz with images.`);
  const pixels = Buffer.concat(await Promise.all(jpegs));
  return {
    images: permute(tensor(pixels, { shape: [jpegs.length, size, size, 3], device }), [0, 3, 1, 2]),
    classes: tensor(classes, { dtype: "int64", device }),
  };
}

/** The files in a tar: each a header of 512 bytes, then the content, filled up to a multiple of 512. */
function* entries(tar) {
  for (let at = 0; tar[at]; ) {
    const field = (from, to) => tar.toString("latin1", at + from, at + to).replace(/\0.*/, "");
    const length = Number.parseInt(field(124, 136), 8);
    yield { name: field(0, 100), content: tar.subarray(at + 512, at + 512 + length) };
    at += 512 + Math.ceil(length / 512) * 512;
  }
}
