/**
 * A tokenizer's weights on a device: pictures to codes and back. Always in float32, for codes are nearest neighbours;
 * pictures of a generator that is rounded itself may be decoded in TF32, as the reference's script does.
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
  tf32 = false,
): LoadedTokenizer {
  const ops = torchOps({ device, dtype: "float32" });
  const get = named(parameters);
  const codebook = get("quantize.embedding.weight");
  return {
    encode: (planes, count, height, width) =>
      torch.scope(() => {
        const image = torch.tensor(planes, { shape: [count, config.imageChannels, height, width], device });
        return Int32Array.from(
          torch.numbers(quantize(ops, codebook, encode(ops, encoderWeights(config, get), image))),
        );
      }),
    decode(codes, count, h, w) {
      if (tf32) torch.allowTF32(true);
      try {
        return torch.scope(() => {
          const ids = torch.tensor(BigInt64Array.from(codes, BigInt), { shape: [count, h, w], device });
          const pixels = torch.clamp(decode(ops, decoderWeights(config, get), codebook, ids), 0, 1);
          return torch.contiguous(torch.to(pixels, { device: "cpu" })).data() as Float32Array;
        });
      } finally {
        if (tf32) torch.allowTF32(false);
      }
    },
    dispose() {
      for (const tensor of parameters.values()) tensor.dispose();
      ops.dispose();
    },
  };
}
