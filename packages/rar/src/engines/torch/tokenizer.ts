/**
 * A tokenizer's weights on a device: pictures to codes and back. In float32, for codes are nearest neighbours; but pictures
 * of a generator that is rounded itself may be decoded in float16, which moves few pixels by a grey level.
 */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { TokenizerConfig } from "../../config/architecture.js";
import { decode, decoderWeights, encode, encoderWeights, quantize } from "../../networks/tokenizer.js";
import { named } from "./generator.js";
import { torchOps } from "./ops.js";

export interface LoadedTokenizer {
  /** planes: [count, channels, height, width] in [0, 1] -> codes, [count * h * w] */
  encode(planes: Float32Array, count: number, height: number, width: number): Int32Array;
  /** codes: [count, h, w] -> planes in [0, 1] */
  decode(codes: Int32Array, count: number, h: number, w: number): Float32Array;
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
  /** In float32 where a number was too large for float16. */
  const pixelsOf = (ids: Tensor): Tensor => {
    const pixels = decodeWith(halves ?? parameters, ids);
    const sound = !halves || torch.item(torch.all(torch.isfinite(pixels)));
    return sound ? pixels : decodeWith(parameters, ids);
  };
  return {
    encode: (planes, count, height, width) =>
      torch.scope(() => {
        const image = torch.tensor(planes, { shape: [count, config.imageChannels, height, width], device });
        return Int32Array.from(
          torch.numbers(quantize(ops, codebook, encode(ops, encoderWeights(config, get), image))),
        );
      }),
    decode: (codes, count, h, w) =>
      torch.scope(() => {
        const ids = torch.tensor(BigInt64Array.from(codes, BigInt), { shape: [count, h, w], device });
        const pixels = torch.clamp(pixelsOf(ids), 0, 1);
        const plain = torch.contiguous(torch.to(pixels, { dtype: "float32" })); // on the device, which does it faster
        return torch.to(plain, { device: "cpu" }).data() as Float32Array;
      }),
    dispose() {
      for (const tensor of [...parameters.values(), ...(halves?.values() ?? [])]) tensor.dispose();
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
