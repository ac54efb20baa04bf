/** Reduces a picture to few colours by median cut. */
import type { RgbImage } from "./rgb.js";

export type PaletteColour = readonly [red: number, green: number, blue: number];

export interface Quantised {
  readonly palette: readonly PaletteColour[];
  /** For each pixel its place in the palette. */
  readonly indices: Uint8Array;
}

/**
 * The picture in at most `most` colours, 1 to 256. Boxes of colours are halved along their longest side, the one with
 * the largest spread times root of pixels first (after Heckbert 1982); then each colour takes the nearest mean.
 */
export function quantise(image: RgbImage, most: number): Quantised {
  const bins = histogram(image);
  const boxes = [[...bins.values()]];
  while (boxes.length < most) {
    let chosen = -1;
    let largest = 0;
    for (const [i, box] of boxes.entries()) {
      const weight = box.length < 2 ? 0 : spread(box).length * Math.sqrt(pixelsOf(box));
      if (weight > largest) [chosen, largest] = [i, weight];
    }
    if (chosen < 0) break;
    boxes.push(...halve(boxes.splice(chosen, 1)[0]!));
  }
  const palette = boxes.map(meanOf);
  const indexOfBin = new Uint8Array(1 << 15);
  for (const [key, { mean }] of bins) indexOfBin[key] = nearest(mean, palette);
  const indices = new Uint8Array(image.data.length / 3);
  for (let i = 0; i < indices.length; i++) indices[i] = indexOfBin[binOf(image.data, i * 3)]!;
  return { palette, indices };
}

/** Colours that agree in 5 bits a channel: this keeps the work small and costs less than 256 colours do. */
interface Bin {
  readonly mean: PaletteColour;
  readonly count: number;
}

function binOf(data: Uint8Array, at: number): number {
  return ((data[at]! >> 3) << 10) | ((data[at + 1]! >> 3) << 5) | (data[at + 2]! >> 3);
}

function histogram({ data }: RgbImage): Map<number, Bin> {
  const sums = new Float64Array(4 << 15); // red, green, blue and count of each bin
  for (let i = 0; i < data.length; i += 3) {
    const at = binOf(data, i) * 4;
    for (let c = 0; c < 3; c++) sums[at + c]! += data[i + c]!;
    sums[at + 3]!++;
  }
  const bins = new Map<number, Bin>();
  for (let key = 0; key < 1 << 15; key++) {
    const count = sums[key * 4 + 3]!;
    if (count === 0) continue;
    const mean = (c: number): number => sums[key * 4 + c]! / count;
    bins.set(key, { mean: [mean(0), mean(1), mean(2)], count });
  }
  return bins;
}

function nearest([r, g, b]: PaletteColour, palette: readonly PaletteColour[]): number {
  let index = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let p = 0; p < palette.length; p++) {
    const [pr, pg, pb] = palette[p]!;
    const distance = (r - pr) ** 2 + (g - pg) ** 2 + (b - pb) ** 2;
    if (distance < least) [index, least] = [p, distance];
  }
  return index;
}

function spread(box: readonly Bin[]): { channel: 0 | 1 | 2; length: number } {
  let widest: { channel: 0 | 1 | 2; length: number } = { channel: 0, length: -1 };
  for (const channel of [0, 1, 2] as const) {
    let [low, high] = [255, 0];
    for (const { mean } of box) [low, high] = [Math.min(low, mean[channel]), Math.max(high, mean[channel])];
    if (high - low > widest.length) widest = { channel, length: high - low };
  }
  return widest;
}

/** Two boxes with about half of the pixels each, neither empty. */
function halve(box: readonly Bin[]): [Bin[], Bin[]] {
  const { channel } = spread(box);
  const sorted = box.toSorted((a, b) => a.mean[channel] - b.mean[channel]);
  const half = pixelsOf(box) / 2;
  let seen = 0;
  let cut = 0;
  while (cut < sorted.length - 1 && (cut === 0 || seen + sorted[cut]!.count / 2 < half))
    seen += sorted[cut++]!.count;
  return [sorted.slice(0, cut), sorted.slice(cut)];
}

function pixelsOf(box: readonly Bin[]): number {
  return box.reduce((sum, { count }) => sum + count, 0);
}

function meanOf(box: readonly Bin[]): PaletteColour {
  const pixels = pixelsOf(box);
  const mean = (channel: 0 | 1 | 2): number =>
    Math.round(box.reduce((sum, bin) => sum + bin.mean[channel] * bin.count, 0) / pixels);
  return [mean(0), mean(1), mean(2)];
}
