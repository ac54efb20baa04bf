/** From bytes of square pictures to a batch of planes: mirrored and cut by chance, or as they are. All on the device. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { chance } from "./chance.js";

/** What happens by chance to a picture in training. */
export interface Augmentation {
  readonly seed: number;
  readonly flip: boolean;
  /** Side of the squares a batch holds; smaller than the pictures: cut at random places. */
  readonly crop: number;
}

/**
 * A batch for training; what happens to a picture depends on the seed and its position alone.
 *
 * @param bytes - [B, S, S, 3] uint8
 * @param positions - of each picture, counted since the start of training over all ranks
 * @returns [B, 3, crop, crop] float32 in [0, 1] on the device of the bytes
 */
export function augmented(
  bytes: Tensor,
  positions: readonly number[],
  { seed, flip, crop }: Augmentation,
): Tensor {
  return torch.scope(() => {
    let x = bytes;
    const room = x.shape[1]! - crop;
    if (room > 0) {
      const offsets = (purpose: "top" | "left"): number[] =>
        positions.map((position) => chance(seed, position, purpose) % (room + 1));
      x = cutAt(cutAt(x, 1, offsets("top"), crop), 2, offsets("left"), crop);
    }
    if (flip) {
      const mirrored = positions.map((position) => chance(seed, position, "flip") % 2 === 1);
      const mask = torch.tensor(mirrored, { shape: [positions.length, 1, 1, 1], device: x.device });
      x = torch.where(mask, torch.flip(x, [2]), x);
    }
    return planesOf(x);
  });
}

/** Pictures as they are, cut in the middle. [B, S, S, 3] uint8 -> [B, 3, crop, crop] float32 in [0, 1] */
export function plain(bytes: Tensor, crop: number): Tensor {
  return torch.scope(() => {
    const corner = Math.floor((bytes.shape[1]! - crop) / 2);
    return planesOf(torch.narrow(torch.narrow(bytes, 1, corner, crop), 2, corner, crop));
  });
}

/** Each picture's own window along an axis. x: [B, S, S', 3] -> [B, size, S', 3] for axis 1 */
function cutAt(x: Tensor, axis: 1 | 2, offsets: readonly number[], size: number): Tensor {
  const [B, height, width] = x.shape as [number, number, number];
  const starts = torch.tensor(BigInt64Array.from(offsets, BigInt), { shape: [B, 1], device: x.device });
  const places = torch.add(starts, torch.arange(0, size, 1, { device: x.device })); // [B, size]
  return axis === 1
    ? torch.gather(x, 1, torch.expand(torch.reshape(places, [B, size, 1, 1]), [B, size, width, 3]))
    : torch.gather(x, 2, torch.expand(torch.reshape(places, [B, 1, size, 1]), [B, height, size, 3]));
}

/** Each value divided by 255 and rounded once. [B, H, W, 3] uint8 -> [B, 3, H, W] float32 */
const planesOf = (x: Tensor): Tensor =>
  torch.contiguous(torch.div(torch.to(torch.permute(x, [0, 3, 1, 2]), { dtype: "float32" }), 255));
