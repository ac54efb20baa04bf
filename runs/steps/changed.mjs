/** A training picture: an icon as drawn, or a copy that is scaled, turned, shifted, mirrored and brightened a little. */
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { draw, pixels, reduce, svgOf } from "../../bench/study-emoji/draw.mjs";
import { philox4x32 } from "../../packages/rar/dist/drawing/philox.js";

/** Classes whose pictures are not mirrored: flags, clocks, devices. */
const ONE_SIDED = new Set([20, 21, 23]);

/**
 * How copy number `copy` of an icon differs from it: a pure function of seed, icon and copy. Nothing for copy 0.
 *
 * @returns {scale, degrees, across, down (shares of the side), mirrored, brightness}
 */
export function changeOf({ set, name, classId }, copy, seed) {
  if (copy === 0) return undefined;
  const words = new Uint32Array(8);
  const icon = crc32(Buffer.from(`${set}/${name}`));
  for (const half of [0, 1]) philox4x32(half, copy, icon, 0, seed, 0, words, 4 * half);
  const between = (word, low, high) => low + ((high - low) * (words[word] + 0.5)) / 2 ** 32;
  return {
    scale: between(0, 0.86, 1.06),
    degrees: between(1, -9, 9),
    across: between(2, -4 / 72, 4 / 72),
    down: between(3, -4 / 72, 4 / 72),
    mirrored: between(4, 0, 1) < 0.5 && !ONE_SIDED.has(classId),
    brightness: between(5, 0.96, 1.04),
  };
}

/**
 * The picture as bytes RGB [size, size, 3]: drawn at `drawn` x `drawn` pixels, then reduced.
 * The change is made to the drawing itself, so a copy is as sharp as the icon, and its paper stays white.
 */
export async function picture(icon, change, { drawn, size }) {
  if (change === undefined) return reduce(await draw(icon.svg, drawn), drawn, size);
  const svg = Buffer.from(svgOf(icon.svg, drawn, transform(icon.svg, change)));
  const layer = await pixels(sharp(svg).ensureAlpha(), drawn, 4);
  return reduce(onPaper(layer, change.brightness), drawn, size);
}

/** Around the middle of the icon, in its own units. */
function transform({ left, top, width, height }, { scale, degrees, across, down, mirrored }) {
  const [x, y] = [left + width / 2, top + height / 2];
  return (
    `translate(${x + across * width} ${y + down * height}) rotate(${degrees}) ` +
    `scale(${mirrored ? -scale : scale} ${scale}) translate(${-x} ${-y})`
  );
}

function onPaper(layer, brightness) {
  const picture = new Uint8Array((layer.length / 4) * 3);
  for (let from = 0, to = 0; from < layer.length; from += 4) {
    const alpha = layer[from + 3] / 255;
    for (let channel = 0; channel < 3; channel++) {
      const ink = Math.min(255, layer[from + channel] * brightness);
      picture[to++] = Math.round(255 + alpha * (ink - 255));
    }
  }
  return picture;
}
