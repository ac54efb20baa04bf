/** Two sheets next to each other: a long list of rows in two columns. */
import type { RgbImage } from "../images/rgb.js";

/** Pictures side by side, tops aligned; below a shorter one its own corner's colour goes on. */
export function sideBySide(pictures: readonly RgbImage[]): RgbImage {
  const width = pictures.reduce((sum, picture) => sum + picture.width, 0);
  const height = pictures.reduce((most, picture) => Math.max(most, picture.height), 0);
  const data = new Uint8Array(width * height * 3);
  let left = 0;
  for (const picture of pictures) {
    const paper = picture.data.subarray(0, 3);
    for (let y = 0; y < height; y++) {
      const at = (y * width + left) * 3;
      const bytes = picture.width * 3;
      if (y < picture.height) data.set(picture.data.subarray(y * bytes, (y + 1) * bytes), at);
      else for (let x = 0; x < bytes; x += 3) data.set(paper, at + x);
    }
    left += picture.width;
  }
  return { width, height, data };
}
