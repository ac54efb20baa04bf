/** What pre-tokenization makes of which pictures: the transform, the rows of a batch, the share of a process (DATA.md 2, 3, 7). */
import { centreCrop, mirror, tenCrop } from "../images/crop.js";
import type { RgbImage } from "../images/rgb.js";
import { evalTransform } from "./transform.js";

export const crops = ["adm", "reader"] as const;
/** "adm": halved with BOX, then BICUBIC, as the reference pre-tokenizes. "reader": one BICUBIC step, as its reader of shards. */
export type Crop = (typeof crops)[number];

export const augmentations = ["mirror", "ten-crop", "none"] as const;
export type Augmentation = (typeof augmentations)[number];

export interface PretokenizePlan {
  readonly size: number;
  readonly crop: Crop;
  readonly augment: Augmentation;
  /** Pictures of a batch: with mirrors it decides the order of rows. */
  readonly batch: number;
  readonly rank: number;
  readonly ranks: number;
}

/** What decides the squares of a picture. */
export type SquaresPlan = Pick<PretokenizePlan, "size" | "crop" | "augment">;

/** A picture's squares: ten crops, or one and its mirror image, or one. */
export function squaresOf(image: RgbImage, { size, crop, augment }: SquaresPlan): RgbImage[] {
  if (augment === "ten-crop") return tenCrop(image, size);
  const square = crop === "adm" ? centreCrop(image, size) : evalTransform(image, size);
  return augment === "mirror" ? [square, mirror(square)] : [square];
}

/** The rows of a batch in their order: with mirrors all originals, then all mirrors; ten crops picture by picture. */
export function rowsOfBatch(
  pictures: readonly (readonly RgbImage[])[],
  augment: Augmentation,
): { readonly image: RgbImage; readonly picture: number }[] {
  const all = pictures.flatMap((squares, picture) =>
    squares.map((image, turned) => ({ image, picture, turned })),
  );
  if (augment !== "mirror") return all;
  return [...all.filter(({ turned }) => turned === 0), ...all.filter(({ turned }) => turned === 1)];
}

/** How many pictures a rank takes: the list is lengthened from its start until it divides among them. */
export const shareSize = (count: number, ranks: number): number => Math.ceil(count / ranks);

/** The picture at a place of a rank's share: r, r + W, r + 2W, ... of the lengthened list. */
export const pictureAt = (
  place: number,
  count: number,
  { rank, ranks }: Pick<PretokenizePlan, "rank" | "ranks">,
): number => (rank + place * ranks) % count;

/** Pictures worked on together. Ten crops keep their order whatever it is, and take ten times the room. */
export const groupSize = ({ batch, augment }: PretokenizePlan): number =>
  augment === "ten-crop" ? Math.ceil(batch / 10) : batch;
