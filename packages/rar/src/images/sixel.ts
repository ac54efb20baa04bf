/** Encodes pictures as sixels, the graphics of DEC terminals, with a palette made for the picture. */
import { quantise } from "./palette.js";
import type { RgbImage } from "./rgb.js";

const bandHeight = 6;
const mostColours = 256;

/** The picture as one sixel sequence: at most 256 colours, runs counted, pixels square. */
export function encodeSixel(image: RgbImage): string {
  const { palette, indices } = quantise(image, mostColours);
  const { width, height } = image;
  const registers = palette.map(
    (colour, i) => `#${i};2;${colour.map((v) => Math.round((v * 100) / 255)).join(";")}`,
  );
  const bands: string[] = [];
  for (let top = 0; top < height; top += bandHeight) bands.push(encodeBand(indices, width, height, top));
  // P2 = 1: pixels not drawn keep the background. The raster attributes give the ratio 1:1 and the size.
  return `\x1bP0;1q"1;1;${width};${height}${registers.join("")}${bands.join("-")}\x1b\\`;
}

/** Six rows: for each colour in them a line of masks, bit r for row r, overprinted with `$`. */
function encodeBand(indices: Uint8Array, width: number, height: number, top: number): string {
  const masks = new Map<number, Uint8Array>();
  for (let row = 0; row < Math.min(bandHeight, height - top); row++) {
    for (let x = 0; x < width; x++) {
      const colour = indices[(top + row) * width + x]!;
      const line = masks.get(colour) ?? new Uint8Array(width);
      line[x]! |= 1 << row;
      masks.set(colour, line);
    }
  }
  return Array.from(masks, ([colour, line]) => `#${colour}${runs(line)}`).join("$");
}

function runs(line: Uint8Array): string {
  let text = "";
  for (let x = 0; x < line.length; ) {
    let end = x + 1;
    while (end < line.length && line[end] === line[x]) end++;
    const sixel = String.fromCharCode(63 + line[x]!);
    const length = end - x;
    if (!(end === line.length && line[x] === 0))
      text += length > 3 ? `!${length}${sixel}` : sixel.repeat(length);
    x = end;
  }
  return text;
}
