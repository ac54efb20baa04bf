/** The MaskGIT-VQ tokenizer: image -> latent -> nearest codes, and codes -> image (REFERENCE 7). */
import type { TokenizerConfig } from "../config/architecture.js";
import type { NormWeights } from "./block.js";
import type { Ops, Padding, Parameters, Tap } from "./ops.js";

const GROUPS = 32;
const EPSILON = 1e-6;

interface ConvWeights<T> {
  readonly weight: T; // [out, in, kh, kw]
  readonly bias?: T;
}

interface ResidualWeights<T> {
  readonly norm1: NormWeights<T>;
  readonly conv1: ConvWeights<T>;
  readonly norm2: NormWeights<T>;
  readonly conv2: ConvWeights<T>;
  readonly shortcut?: ConvWeights<T>; // 1 x 1, out -> out: see residual()
}

export interface EncoderWeights<T> {
  readonly convIn: ConvWeights<T>;
  readonly down: readonly (readonly ResidualWeights<T>[])[];
  readonly mid: readonly ResidualWeights<T>[];
  readonly normOut: NormWeights<T>;
  readonly convOut: ConvWeights<T>;
}

export interface DecoderWeights<T> {
  readonly convIn: ConvWeights<T>;
  readonly mid: readonly ResidualWeights<T>[];
  /** Level 0 is full resolution and has no `upsample`. */
  readonly up: readonly {
    readonly blocks: readonly ResidualWeights<T>[];
    readonly upsample?: ConvWeights<T>;
  }[];
  readonly normOut: NormWeights<T>;
  readonly convOut: ConvWeights<T>;
}

export function encoderWeights<T>(config: TokenizerConfig, get: Parameters<T>): EncoderWeights<T> {
  return {
    convIn: { weight: get("encoder.conv_in.weight") },
    down: config.multipliers.map((_, i) =>
      range(config.blocks).map((j) =>
        residualWeights(get, `encoder.down.${i}.block.${j}`, j === 0 && changesWidth(config, i, i - 1)),
      ),
    ),
    mid: range(config.blocks).map((j) => residualWeights(get, `encoder.mid.${j}`, false)),
    normOut: norm(get, "encoder.norm_out"),
    convOut: conv(get, "encoder.conv_out"),
  };
}

export function decoderWeights<T>(config: TokenizerConfig, get: Parameters<T>): DecoderWeights<T> {
  const top = config.multipliers.length - 1;
  return {
    convIn: conv(get, "decoder.conv_in"),
    mid: range(config.blocks).map((j) => residualWeights(get, `decoder.mid.${j}`, false)),
    up: config.multipliers.map((_, i) => ({
      blocks: range(config.blocks).map((j) =>
        residualWeights(
          get,
          `decoder.up.${i}.block.${j}`,
          j === 0 && i < top && changesWidth(config, i, i + 1),
        ),
      ),
      ...(i > 0 && { upsample: conv(get, `decoder.up.${i}.upsample_conv`) }),
    })),
    normOut: norm(get, "decoder.norm_out"),
    convOut: conv(get, "decoder.conv_out"),
  };
}

/** The first level takes the width that conv_in gives: that of multiplier 1. */
const changesWidth = (config: TokenizerConfig, level: number, from: number): boolean =>
  config.multipliers[level] !== (from < 0 ? 1 : config.multipliers[from]);

const norm = <T>(get: Parameters<T>, name: string): NormWeights<T> => ({
  weight: get(`${name}.weight`),
  bias: get(`${name}.bias`),
});
const conv = <T>(get: Parameters<T>, name: string): ConvWeights<T> => ({
  weight: get(`${name}.weight`),
  bias: get(`${name}.bias`),
});
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

function residualWeights<T>(get: Parameters<T>, name: string, widthChanges: boolean): ResidualWeights<T> {
  return {
    norm1: norm(get, `${name}.norm1`),
    conv1: { weight: get(`${name}.conv1.weight`) },
    norm2: norm(get, `${name}.norm2`),
    conv2: { weight: get(`${name}.conv2.weight`) },
    ...(widthChanges && { shortcut: { weight: get(`${name}.nin_shortcut.weight`) } }),
  };
}

/**
 * Padding that keeps ceil(size / stride) outputs: the smaller half before, the rest after (REFERENCE 7.1). For a
 * 3 x 3 kernel of stride 1 it is 1 on every side whatever the size.
 */
export function samePadding(
  kernel: readonly [number, number],
  size?: readonly [number, number],
  stride = 1,
  dilation = 1,
): Padding {
  const total = [0, 1].map((axis) => {
    const reach = (kernel[axis]! - 1) * dilation;
    if (stride === 1) return reach;
    if (!size) throw new RangeError("padding for a stride above 1 depends on the image's size");
    return Math.max((Math.ceil(size[axis]! / stride) - 1) * stride + reach + 1 - size[axis]!, 0);
  }) as [number, number];
  const [top, left] = [Math.floor(total[0] / 2), Math.floor(total[1] / 2)];
  return { top, left, bottom: total[0] - top, right: total[1] - left };
}

function convolve<T>(ops: Ops<T>, w: ConvWeights<T>, x: T): T {
  const [, , kh, kw] = ops.shape(w.weight) as [number, number, number, number];
  return ops.conv2d(x, w.weight, w.bias, { padding: samePadding([kh, kw]) });
}

const activate = <T>(ops: Ops<T>, w: NormWeights<T>, x: T): T =>
  ops.silu(ops.groupNorm(x, GROUPS, w.weight, w.bias, EPSILON));

/**
 * x: [B, in, h, w] -> [B, out, h, w]. Where the widths differ the published network applies the shortcut to the
 * result of conv2, not to x: those blocks have no skip path.
 */
function residual<T>(ops: Ops<T>, w: ResidualWeights<T>, x: T): T {
  return ops.scope(() => {
    let h = convolve(ops, w.conv1, activate(ops, w.norm1, x));
    h = convolve(ops, w.conv2, activate(ops, w.norm2, h));
    return ops.add(h, w.shortcut ? convolve(ops, w.shortcut, h) : x);
  });
}

/** Image -> latent z. x: [B, 3, h, w] in [0, 1] -> [B, z, h / f, w / f] */
export function encode<T>(ops: Ops<T>, w: EncoderWeights<T>, x: T, tap?: Tap<T>): T {
  const stage = (name: string, value: T): T => {
    tap?.(name, value);
    return value;
  };
  x = stage("conv_in", convolve(ops, w.convIn, x));
  w.down.forEach((blocks, i) => {
    const level = ops.scope(() => {
      const y = blocks.reduce((h, block) => residual(ops, block, h), x);
      return i < w.down.length - 1 ? ops.avgPool2(y) : y;
    });
    x = stage(`down.${i}`, level);
  });
  w.mid.forEach((block, i) => {
    x = stage(`mid.${i}`, residual(ops, block, x));
  });
  x = stage("norm_out", ops.groupNorm(x, GROUPS, w.normOut.weight, w.normOut.bias, EPSILON));
  return stage("conv_out", convolve(ops, w.convOut, ops.silu(x)));
}

/** Squared distance of every latent to every code. z: [B, C, h, w], codebook: [K, C] -> [B * h * w, K] */
export function codeDistances<T>(ops: Ops<T>, codebook: T, z: T): T {
  const C = ops.shape(z)[1] as number;
  return rowDistances(ops, codebook, ops.reshape(ops.transpose(z, [0, 2, 3, 1]), [-1, C])); // raster order
}

/** The same for latents that are rows. rows: [n, C], codebook: [K, C] -> [n, K] */
export function rowDistances<T>(ops: Ops<T>, codebook: T, rows: T): T {
  const K = ops.shape(codebook)[0] as number;
  const zz = ops.sumLast(ops.mul(rows, rows)); // [n, 1]
  const ee = ops.reshape(ops.sumLast(ops.mul(codebook, codebook)), [1, K]);
  const ze = ops.matmul(rows, ops.transpose(codebook, [1, 0])); // [n, K]
  return ops.sub(ops.add(zz, ee), ops.mul(ops.constant([2], [1]), ze));
}

/** Latent -> the nearest code's index at each place, first on ties. [B, C, h, w] -> [B * h * w] */
export function quantize<T>(ops: Ops<T>, codebook: T, z: T): T {
  return ops.argminLast(codeDistances(ops, codebook, z));
}

/** Codes -> image before clamping. codes: [B, h, w] ids -> [B, 3, h * f, w * f] */
export const decode = <T>(ops: Ops<T>, w: DecoderWeights<T>, codebook: T, codes: T, tap?: Tap<T>): T =>
  decodeLatent(ops, w, ops.transpose(ops.embedding(codebook, codes), [0, 3, 1, 2]), tap);

/** Latent -> image before clamping. x: [B, z, h, w] -> [B, 3, h * f, w * f] */
export function decodeLatent<T>(ops: Ops<T>, w: DecoderWeights<T>, x: T, tap?: Tap<T>): T {
  const stage = (name: string, value: T): T => {
    tap?.(name, value);
    return value;
  };
  x = stage("conv_in", convolve(ops, w.convIn, x));
  w.mid.forEach((block, i) => {
    x = stage(`mid.${i}`, residual(ops, block, x));
  });
  for (let i = w.up.length - 1; i >= 0; i--) {
    const { blocks, upsample } = w.up[i]!;
    const level = ops.scope(() => {
      const y = blocks.reduce((h, block) => residual(ops, block, h), x);
      return upsample ? ops.upsampledConv(y, upsample.weight, upsample.bias) : y;
    });
    x = stage(`up.${i}`, level);
  }
  x = stage("norm_out", ops.groupNorm(x, GROUPS, w.normOut.weight, w.normOut.bias, EPSILON));
  return stage("conv_out", convolve(ops, w.convOut, ops.silu(x)));
}
