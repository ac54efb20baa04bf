/** How far a reconstruction is from its picture, and what a discriminator makes of both. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

export interface ReconstructionWeights {
  readonly l1: number;
  readonly l2: number;
  /** Of the differences between neighbouring pixels: keeps edges sharp. */
  readonly gradient: number;
}

export interface ReconstructionLoss {
  /** l1 * L1 + l2 * L2 + gradient * (L1 of the horizontal differences + L1 of the vertical ones) */
  readonly total: Tensor;
  /** Mean absolute and mean squared error, without gradients. */
  readonly l1: Tensor;
  readonly l2: Tensor;
}

/** pixels, images: [B, 3, H, W] float32 */
export function reconstructionLoss(
  pixels: Tensor,
  images: Tensor,
  weights: ReconstructionWeights,
): ReconstructionLoss {
  const error = torch.sub(pixels, images);
  const l1 = torch.mean(torch.abs(error));
  const l2 = torch.mean(torch.mul(error, error));
  let total = torch.add(torch.mul(l1, weights.l1), torch.mul(l2, weights.l2));
  if (weights.gradient !== 0) {
    // The difference of the differences is the difference of the errors.
    for (const axis of [2, 3]) {
      const size = error.shape[axis]!;
      if (size < 2) continue;
      const step = torch.sub(torch.narrow(error, axis, 1, size - 1), torch.narrow(error, axis, 0, size - 1));
      total = torch.add(total, torch.mul(torch.mean(torch.abs(step)), weights.gradient));
    }
  }
  return { total, l1: torch.detach(l1), l2: torch.detach(l2) };
}

/** Hinge loss of a discriminator (Lim & Ye 2017): real patches above 1, made ones below -1. */
export const discriminatorLoss = (real: Tensor, made: Tensor): Tensor =>
  torch.mul(
    torch.add(
      torch.mean(torch.relu(torch.add(torch.neg(real), 1))),
      torch.mean(torch.relu(torch.add(made, 1))),
    ),
    0.5,
  );

/** What the decoder is to lower: its patches should look real. */
export const adversarialLoss = (made: Tensor): Tensor => torch.neg(torch.mean(made));
