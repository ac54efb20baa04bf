/** Draws an SVG picture of this program's own making; texts depend on the machine's fonts, so leave them out. */
import type { RgbImage } from "./rgb.js";
import { sharp } from "./sharp.js";

/** @param svg - with a width and a height in pixels; transparent parts become white */
export async function rasterizeSvg(svg: string): Promise<RgbImage> {
  const { data, info } = await sharp(Buffer.from(svg))
    .flatten({ background: "#fff" })
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
