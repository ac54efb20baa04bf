/** Grids of small pictures: cut apart, put together, and simple numbers about them. */
import sharp from "sharp";

/**
 * Pictures of a grid with lines between the tiles, taken back to their own size.
 *
 * @param layout - tiles in a row, side of a picture, pixels for each of its pixels
 * @returns bytes RGB [side, side, 3] of each tile, row by row
 */
export async function readTiles(path, { across, side, scale }) {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const pitch = Math.floor(info.width / across);
  const outer = info.width - across * pitch; // a line closes the last column, or each tile has half of two lines
  const margin = outer > 0 ? outer : (pitch - side * scale) / 2;
  const tiles = [];
  for (let n = 0; n < across * Math.floor(info.height / pitch); n++) {
    const tile = new Uint8Array(side * side * 3);
    const [x0, y0] = [(n % across) * pitch + margin, Math.floor(n / across) * pitch + margin];
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const at = ((y0 + y * scale) * info.width + x0 + x * scale) * 3;
        tile.set(data.subarray(at, at + 3), (y * side + x) * 3);
      }
    }
    tiles.push(tile);
  }
  return tiles;
}

/**
 * Writes grids side by side, with a wide gap between them and lines between the tiles.
 *
 * @param layout - `coarse`: bytes are rounded to its multiples, which no eye sees and which halves the file
 */
export async function writeGrids(path, grids, { across, side, scale, gap = 24, coarse = 1 }) {
  const down = Math.ceil(grids[0].length / across);
  const pitch = side + 1;
  const step = across * pitch + Math.ceil(gap / scale);
  const [width, height] = [step * grids.length - Math.ceil(gap / scale) + 1, down * pitch + 1];
  const data = Buffer.alloc(width * height * 3, 0xff);
  for (const [g, tiles] of grids.entries()) {
    for (const [n, tile] of tiles.entries()) {
      const [x0, y0] = [g * step + (n % across) * pitch + 1, Math.floor(n / across) * pitch + 1];
      for (let y = 0; y < side; y++)
        data.set(tile.subarray(y * side * 3, (y + 1) * side * 3), ((y0 + y) * width + x0) * 3);
    }
  }
  for (let i = 0; i < data.length; i++) data[i] = Math.round(data[i] / coarse) * coarse;
  return sharp(data, { raw: { width, height, channels: 3 } })
    .resize(width * scale, height * scale, { kernel: "nearest" })
    .png({ compressionLevel: 9, adaptiveFiltering: true })
    .toFile(path);
}

/** Largest and mean absolute difference of bytes between two lists of tiles. */
export function byteDifference(a, b) {
  let [largest, sum, count] = [0, 0, 0];
  for (const [n, tile] of a.entries()) {
    for (let i = 0; i < tile.length; i++) {
      const difference = Math.abs(tile[i] - b[n][i]);
      largest = Math.max(largest, difference);
      sum += difference;
      count++;
    }
  }
  return { largest, mean: sum / count };
}

/** Means over pictures: brightness, contrast (deviation within a picture), steps between neighbours; all of 255. */
export function looks(tiles, side) {
  const sums = [0, 0, 0];
  for (const tile of tiles) {
    let [sum, square, steps, pairs] = [0, 0, 0, 0];
    for (let i = 0; i < tile.length; i++) {
      sum += tile[i];
      square += tile[i] ** 2;
      if (Math.floor(i / 3) % side > 0) {
        steps += Math.abs(tile[i] - tile[i - 3]);
        pairs++;
      }
    }
    const brightness = sum / tile.length;
    sums[0] += brightness;
    sums[1] += Math.sqrt(square / tile.length - brightness ** 2);
    sums[2] += steps / pairs;
  }
  return sums.map((sum) => sum / tiles.length);
}
