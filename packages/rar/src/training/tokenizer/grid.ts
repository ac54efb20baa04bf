/** Held-out pictures above their reconstructions, as one picture. */

import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { RgbImage } from "../../images/rgb.js";
import { contactSheet } from "../../images/sheet.js";
import { fromPlanes } from "../../images/to-bytes.js";
import type { TokenizerTrainer } from "./tokenizer-trainer.js";

const columns = 8;
/** Pixels that a small picture is enlarged to. */
const wanted = 96;

/** Rows of originals, each with the row of their reconstructions below. images: [n, 3, S, S] in [0, 1] */
export function reconstructionGrid(trainer: TokenizerTrainer, images: Tensor): Promise<RgbImage> {
  const [originals, made] = torch.scope(() =>
    [images, trainer.reconstruct(images).pixels].map(picturesOf),
  ) as [RgbImage[], RgbImage[]];
  const cells: RgbImage[] = [];
  for (let at = 0; at < originals.length; at += columns)
    cells.push(...originals.slice(at, at + columns), ...made.slice(at, at + columns));
  const scale = Math.max(1, Math.round(wanted / (originals[0]?.width ?? wanted)));
  return contactSheet(
    cells.map((image) => ({ image })),
    { columns: Math.min(columns, originals.length), scale, gap: 2 },
  );
}

function picturesOf(planes: Tensor): RgbImage[] {
  const [count, , height, width] = planes.shape as [number, number, number, number];
  const data = torch.contiguous(torch.to(planes, { device: "cpu" })).data() as Float32Array;
  return Array.from({ length: count }, (_, i) => fromPlanes(data, width, height, i * 3 * width * height));
}
