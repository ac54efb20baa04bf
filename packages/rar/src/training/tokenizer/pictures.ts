/** The pictures of a tokenizer's training as one tensor of bytes, on the device where it fits: batches are gathered from it. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { chance } from "./chance.js";

export interface PicturesOptions {
  /** Where batches are wanted. */
  readonly device: string;
  /** Where the bytes lie. */
  readonly home: string;
  readonly seed: number;
  readonly flip: boolean;
  /** Side of the squares that batches hold; smaller than the pictures: cut at random places. */
  readonly crop: number;
}

/** Which picture a batch's place shows, and the place's number since the start of training. */
export interface Sample {
  readonly index: number;
  readonly position: number;
}

export class Pictures {
  readonly count: number;
  readonly side: number;
  readonly #bytes: Tensor; // [N, S, S, 3] uint8
  readonly #options: PicturesOptions;

  /** @param bytes - N square pictures of S x S pixels, RGB, one after the other */
  constructor(bytes: Uint8Array, side: number, options: PicturesOptions) {
    const count = bytes.length / (side * side * 3);
    if (!Number.isInteger(count))
      throw new RangeError(`${bytes.length} bytes are no pictures of ${side} x ${side}.`);
    if (options.crop > side)
      throw new RangeError(`A crop of ${options.crop} is larger than the pictures' ${side}.`);
    this.count = count;
    this.side = side;
    this.#options = options;
    this.#bytes = torch.keep(torch.tensor(bytes, { shape: [count, side, side, 3], device: options.home }));
  }

  /**
   * A batch for training, mirrored and cut by chance; the chances depend on the seed and each sample's position alone.
   * @returns [B, 3, crop, crop] float32 in [0, 1]
   */
  batch(samples: readonly Sample[]): Tensor {
    const { seed, flip, crop, device } = this.#options;
    return torch.scope(() => {
      let x = this.#bytesOf(samples.map(({ index }) => index)); // [B, S, S, 3]
      const room = this.side - crop;
      if (room > 0) {
        const offsets = (purpose: "top" | "left"): number[] =>
          samples.map(({ position }) => chance(seed, position, purpose) % (room + 1));
        x = cutAt(x, 1, offsets("top"), crop);
        x = cutAt(x, 2, offsets("left"), crop);
      }
      if (flip) {
        const mirrored = samples.map(({ position }) => chance(seed, position, "flip") % 2 === 1);
        const mask = torch.tensor(mirrored, { shape: [samples.length, 1, 1, 1], device: x.device });
        x = torch.where(mask, torch.flip(x, [2]), x);
      }
      return planes(x, device);
    });
  }

  /** Pictures as they are, cut in the middle. [B, 3, crop, crop] float32 in [0, 1] */
  plain(indices: readonly number[]): Tensor {
    const { crop, device } = this.#options;
    return torch.scope(() => {
      const corner = Math.floor((this.side - crop) / 2);
      const x = torch.narrow(torch.narrow(this.#bytesOf(indices), 1, corner, crop), 2, corner, crop);
      return planes(x, device);
    });
  }

  dispose(): void {
    this.#bytes.dispose();
  }

  #bytesOf(indices: readonly number[]): Tensor {
    const ids = torch.tensor(BigInt64Array.from(indices, BigInt), { device: this.#options.home });
    return torch.index_select(this.#bytes, 0, ids);
  }
}

/** Each picture's own window along an axis. x: [B, S, S', 3] -> [B, size, S', 3] for axis 1 */
function cutAt(x: Tensor, axis: 1 | 2, offsets: readonly number[], size: number): Tensor {
  const B = x.shape[0]!;
  const starts = torch.tensor(BigInt64Array.from(offsets, BigInt), { shape: [B, 1], device: x.device });
  const places = torch.add(starts, torch.arange(0, size, 1, { device: x.device })); // [B, size]
  const shape = axis === 1 ? [B, size, x.shape[2]!, 3] : [B, x.shape[1]!, size, 3];
  const spread = torch.expand(torch.reshape(places, axis === 1 ? [B, size, 1, 1] : [B, 1, size, 1]), shape);
  return torch.gather(x, axis, spread);
}

/** [B, H, W, 3] bytes -> [B, 3, H, W] float32 in [0, 1]: each value divided by 255 and rounded once */
function planes(x: Tensor, device: string): Tensor {
  const there = torch.permute(torch.to(x, { device }), [0, 3, 1, 2]);
  return torch.contiguous(torch.div(torch.to(there, { dtype: "float32" }), 255));
}
