/** Grids of small pictures: cut apart, put together, two side by side. */
import sharp from "sharp";

/**
 * Pictures of a grid with lines of one or more pixels around every tile, taken back to their own size.
 *
 * @param across - tiles in a row; the line's width follows from the picture's
 * @returns bytes RGB [side, side, 3] of each tile, row by row
 */
export async function readTiles(path, { across, side, scale }) {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const pitch = info.width / across;
  const margin = Math.floor((pitch - side * scale) / 2);
  const down = Math.round(info.height / pitch);
  const tiles = [];
  for (let n = 0; n < across * down; n++) {
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
