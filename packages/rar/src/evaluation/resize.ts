/** Bilinear resize as TensorFlow 1 had it: no half-pixel centres, no antialiasing (EVALUATION 3). */
import * as torch from "libtorch";

/** For each output sample along one axis: the two input samples, and how far it lies from the first. */
export interface ResizePlan {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly distance: Float32Array;
}

/** Every step rounded to float32, as the graph computes. */
export function resizePlan(from: number, to: number): ResizePlan {
  const scale = Math.fround(from / to);
  const place = Float32Array.from({ length: to }, (_, i) => Math.fround(i * scale));
  const low = Int32Array.from(place, Math.floor);
  return {
    low,
    high: low.map((i) => Math.min(i + 1, from - 1)),
    distance: place.map((p, i) => p - low[i]!),
  };
}

/** images: [B, h, w, 3] uint8 -> [B, 3, side, side] float32, 0 to 255, on the device of the images. */
export function resizeImages(images: torch.Tensor, side: number): torch.Tensor {
  return torch.scope(() => {
    const planes = torch.permute(torch.to(images, { dtype: "float32" }), [0, 3, 1, 2]);
    return along(along(torch.contiguous(planes), 3, side), 2, side);
  });
}

/** Across before down: a pixel is blended within its two rows, then between them. */
function along(x: torch.Tensor, axis: 2 | 3, side: number): torch.Tensor {
  const from = x.shape[axis]!;
  if (from === side) return x;
  const { low, high, distance } = resizePlan(from, side);
  const at = (indices: Int32Array): torch.Tensor =>
    torch.index_select(x, axis, torch.tensor(BigInt64Array.from(indices, BigInt), { device: x.device }));
  const first = at(low);
  const d = torch.tensor(distance, { shape: axis === 3 ? [side] : [side, 1], device: x.device });
  return torch.add(first, torch.mul(torch.sub(at(high), first), d));
}
