/**
 * A tokenizer's weights on a device: pictures to codes and back. In float32, for codes are nearest neighbours; but pictures
 * of a generator that is rounded itself may be decoded in float16, which moves few pixels by a grey level.
 */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { downsampling, type TokenizerConfig } from "../../config/architecture.js";
import { decode, decoderWeights, encode, encoderWeights, quantize } from "../../networks/tokenizer.js";
import { named } from "./generator.js";
import { HostCopies } from "./host-copies.js";
import { torchOps } from "./ops.js";

export interface LoadedTokenizer {
  /** planes: [count, channels, height, width] in [0, 1] -> codes, [count * h * w] */
  encode(planes: Float32Array, count: number, height: number, width: number): Int32Array;
  /** codes: [count, h, w] -> planes in [0, 1]. atOnce: pictures that are computed together */
  decode(codes: Int32Array, count: number, h: number, w: number, atOnce?: number): Float32Array;
  dispose(): void;
}

export function loadedTokenizer(
  config: TokenizerConfig,
  parameters: ReadonlyMap<string, Tensor>,
  device: string,
  half = false,
): LoadedTokenizer {
  const ops = torchOps({ device, dtype: "float32" });
  const get = named(parameters);
  const codebook = get("quantize.embedding.weight");
  const halves = half ? halfDecoder(parameters) : undefined;
  const decodeWith = (weights: ReadonlyMap<string, Tensor>, ids: Tensor): Tensor => {
    const get = named(weights);
    return decode(ops, decoderWeights(config, get), get("quantize.embedding.weight"), ids);
  };
  /** Clamped pixels, one after the other, and behind them 1 where all are numbers. */
  const pixelsOf = (weights: ReadonlyMap<string, Tensor>, ids: Tensor): Tensor =>
    torch.scope(() => {
      const pixels = torch.reshape(torch.to(decodeWith(weights, ids), { dtype: "float32" }), [-1]);
      const sound = torch.to(torch.reshape(torch.all(torch.isfinite(pixels)), [1]), { dtype: "float32" });
      return torch.cat([torch.clamp(pixels, 0, 1), sound], 0);
    });
  const copies = new HostCopies(device);
  const scale = downsampling(config) ** 2 * config.imageChannels;
  /** Begins with some pictures; what is returned waits for them. A number too large for float16: again in float32. */
  const begin = (ids: Tensor, out: Float32Array): (() => void) => {
    const pixels = torch.keep(pixelsOf(halves ?? parameters, ids));
    const arrive = copies.begin(pixels);
    return () => {
      const numbers = arrive();
      if (!halves || numbers.at(-1) === 1) out.set(numbers.subarray(0, -1));
      else
        torch.scope(() => {
          const again = torch.to(pixelsOf(parameters, ids), { device: "cpu" });
          out.set((again.data() as Float32Array).subarray(0, -1));
        });
      pixels.dispose();
    };
  };
  return {
    encode: (planes, count, height, width) =>
      torch.scope(() => {
        const image = torch.tensor(planes, { shape: [count, config.imageChannels, height, width], device });
        return Int32Array.from(
          torch.numbers(quantize(ops, codebook, encode(ops, encoderWeights(config, get), image))),
        );
      }),
    decode: (codes, count, h, w, atOnce = count) =>
      torch.scope(() => {
        const each = h * w * scale;
        const out = new Float32Array(count * each);
        const ids = torch.tensor(BigInt64Array.from(codes, BigInt), { shape: [count, h, w], device });
        let finish: (() => void) | undefined;
        for (let start = 0; start < count; start += atOnce) {
          const some = torch.narrow(ids, 0, start, Math.min(atOnce, count - start));
          const next = begin(some, out.subarray(start * each, (start + atOnce) * each));
          finish?.(); // while the next are computed
          finish = next;
        }
        finish?.();
        return out;
      }),
    dispose() {
      for (const tensor of [...parameters.values(), ...(halves?.values() ?? [])]) tensor.dispose();
      copies.dispose();
      ops.dispose();
    },
  };
}

/** What the decoder reads in float16, kernels of convolutions in the order in which they are fastest. */
function halfDecoder(parameters: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const halves = new Map<string, Tensor>();
  for (const [name, weight] of parameters) {
    if (name.startsWith("encoder.")) continue;
    const memory_format = weight.shape.length === 4 ? "channels_last" : "contiguous";
    const half = torch.scope(() =>
      torch.contiguous(torch.to(weight, { dtype: "float16" }), { memory_format }),
    );
    halves.set(name, torch.keep(half));
  }
  return halves;
}
