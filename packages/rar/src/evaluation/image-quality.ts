/** How close a picture is to another of its size: PSNR and SSIM on bytes (EVALUATION 11). */
import type { RgbImage } from "../images/rgb.js";

/** Mean squared difference over pixels and channels, in grey levels squared. @throws {RangeError} for sizes that differ */
export function meanSquaredError(a: RgbImage, b: RgbImage): number {
  checkSizes(a, b);
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i]! - b.data[i]!) ** 2;
  return sum / a.data.length;
}

/** Peak signal-to-noise ratio in dB; Infinity for equal pictures. */
export const psnr = (a: RgbImage, b: RgbImage): number => 10 * Math.log10(255 ** 2 / meanSquaredError(a, b));

export type SsimWindow = "gaussian11" | "uniform7";

/**
 * Structural similarity, the mean over R, G, B and over the places whose window lies inside. "gaussian11": 11 x 11,
 * sigma 1.5, population variances. "uniform7": 7 x 7 means, variances times 49/48, as scikit-image has it by default.
 *
 * @throws {RangeError} for sizes that differ, or pictures smaller than the window
 * @see Wang et al. 2004, Image quality assessment: from error visibility to structural similarity
 */
export function ssim(a: RgbImage, b: RgbImage, window: SsimWindow = "gaussian11"): number {
  const channels = [0, 1, 2].map((channel) => ssimOfChannel(a, b, channel, window));
  return channels.reduce((sum, value) => sum + value, 0) / 3;
}

/** The same of one channel, 0 to 2. */
export function ssimOfChannel(a: RgbImage, b: RgbImage, channel: number, window: SsimWindow): number {
  checkSizes(a, b);
  const weights = window === "gaussian11" ? gaussian(5, 1.5) : new Float64Array(7).fill(1 / 7);
  const { width, height } = a;
  if (Math.min(width, height) < weights.length)
    throw new RangeError(`SSIM needs pictures of at least ${weights.length} pixels a side`);
  const places = width * height;
  const map = (): Float64Array => new Float64Array(places);
  const [x, y, x2, y2, product] = [map(), map(), map(), map(), map()];
  for (let i = 0; i < places; i++) {
    const [u, v] = [a.data[3 * i + channel]!, b.data[3 * i + channel]!];
    x[i] = u;
    y[i] = v;
    x2[i] = u * u;
    y2[i] = v * v;
    product[i] = u * v;
  }
  const local = (values: Float64Array): Float64Array => windowMeans(values, width, height, weights);
  const [mx, my, xx, yy, xy] = [local(x), local(y), local(x2), local(y2), local(product)];
  const n = window === "uniform7" ? 49 / 48 : 1;
  const [c1, c2] = [(0.01 * 255) ** 2, (0.03 * 255) ** 2];
  let sum = 0;
  for (let i = 0; i < mx.length; i++) {
    const means = mx[i]! * my[i]!;
    const squares = mx[i]! ** 2 + my[i]! ** 2;
    const covariance = n * (xy[i]! - means);
    const variances = n * (xx[i]! + yy[i]! - squares);
    sum += ((2 * means + c1) * (2 * covariance + c2)) / ((squares + c1) * (variances + c2));
  }
  return sum / mx.length;
}

function gaussian(radius: number, sigma: number): Float64Array {
  const raw = Float64Array.from({ length: 2 * radius + 1 }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = raw.reduce((s, w) => s + w, 0);
  return raw.map((w) => w / sum);
}

/** Weighted means over the windows that lie inside, across then down. */
function windowMeans(x: Float64Array, width: number, height: number, weights: Float64Array): Float64Array {
  const [w, h, n] = [width - weights.length + 1, height - weights.length + 1, weights.length];
  const across = new Float64Array(w * height);
  for (let r = 0, i = 0; r < height; r++)
    for (let c = 0; c < w; c++, i++) {
      let sum = 0;
      for (let j = 0, at = r * width + c; j < n; j++, at++) sum += weights[j]! * x[at]!;
      across[i] = sum;
    }
  const means = new Float64Array(w * h);
  for (let i = 0; i < means.length; i++) {
    let sum = 0;
    for (let j = 0, at = i; j < n; j++, at += w) sum += weights[j]! * across[at]!;
    means[i] = sum;
  }
  return means;
}

function checkSizes(a: RgbImage, b: RgbImage): void {
  if (a.width !== b.width || a.height !== b.height)
    throw new RangeError(
      `pictures of ${a.width} x ${a.height} and ${b.width} x ${b.height} pixels cannot be compared`,
    );
}
