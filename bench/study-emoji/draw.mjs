/** An icon as a picture: drawn on white, reduced with Lanczos as Pillow does. */
import sharp from "sharp";

export const DRAWN = 72;

/** @returns bytes RGB, [side, side, 3] */
export async function draw(icon, side = DRAWN) {
  return pixels(sharp(Buffer.from(svgOf(icon, side))).flatten({ background: "#fff" }), side, 3);
}

/** The icon as a document of side x side pixels; `transform` (of SVG, in the icon's own units) moves what it shows. */
export function svgOf({ body, left, top, width, height }, side, transform) {
  const box = `viewBox="${left} ${top} ${width} ${height}"`;
  // What lies outside the icon's own frame stays hidden, also where the icon has become smaller.
  const content =
    transform === undefined
      ? body
      : `<g transform="${transform}"><svg x="${left}" y="${top}" width="${width}" height="${height}" ${box}>${body}</svg></g>`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ` +
    `width="${side}" height="${side}" ${box}>${content}</svg>`
  );
}

/** Raw bytes of a picture that must have this side and number of channels. */
export async function pixels(image, side, channels) {
  const { data, info } = await image.toColourspace("srgb").raw().toBuffer({ resolveWithObject: true });
  if (info.width !== side || info.height !== side || info.channels !== channels)
    throw new Error(`an icon came out as ${info.width} x ${info.height} x ${info.channels}`);
  return data;
}

/** Square RGB bytes from side `n` to side `m`: Pillow's 8-bit resampling (across, rounded, then down). */
export function reduce(picture, n, m) {
  const windows = lanczosWindows(n, m);
  const narrow = new Uint8Array(n * m * 3);
  for (let y = 0; y < n; y++) weigh(picture, y * n * 3, 3, windows, narrow, y * m * 3, 3);
  const small = new Uint8Array(m * m * 3);
  for (let x = 0; x < m; x++) weigh(narrow, x * 3, m * 3, windows, small, x * 3, m * 3);
  return small;
}

const BITS = 22;

/** Source samples and weights (in 1/2^22) of each of `m` outputs from `n` inputs, Lanczos with three lobes. */
function lanczosWindows(n, m) {
  const scale = n / m;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: m }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - 3 * stretch + 0.5), 0);
    const end = Math.min(Math.trunc(centre + 3 * stretch + 0.5), n);
    const real = Array.from({ length: end - first }, (_, j) => lanczos((j + first - centre + 0.5) / stretch));
    const sum = real.reduce((a, b) => a + b, 0);
    const weights = real.map((w) => Math.trunc((w / sum) * 2 ** BITS + (w < 0 ? -0.5 : 0.5)));
    return { first, weights };
  });
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const lanczos = (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0);

/** One line of pixels, `step` numbers apart, through the windows. */
function weigh(source, from, step, windows, target, to, stride) {
  for (const [i, { first, weights }] of windows.entries()) {
    for (let channel = 0; channel < 3; channel++) {
      let sum = 1 << (BITS - 1);
      for (let j = 0; j < weights.length; j++)
        sum += weights[j] * source[from + (first + j) * step + channel];
      target[to + i * stride + channel] = Math.max(0, Math.min(255, sum >> BITS));
    }
  }
}

/** Bytes RGB [side, side, 3] as planes in [0, 1], written into `out` from `at` on. */
export function toPlanes(picture, out, at) {
  const cells = picture.length / 3;
  for (let i = 0; i < cells; i++)
    for (let channel = 0; channel < 3; channel++)
      out[at + channel * cells + i] = picture[i * 3 + channel] / 255;
}
