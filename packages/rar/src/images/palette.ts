/** Reduces a picture to few colours: median cut over its histogram. */
import type { RgbImage } from "./rgb.js";

export type PaletteColour = readonly [red: number, green: number, blue: number];

/** A colour of the histogram; 5 bits a channel keep it small and lose nothing a 256-colour palette could show. */
interface Bin {
  readonly mean: PaletteColour;
  readonly count: number;
}

/**
 * At most `most` colours. Boxes of colours are halved, the one with the largest spread times pixels first, along
 * their longest side (Heckbert 1982).
 */
export function medianCut(image: RgbImage, most: number): PaletteColour[] {
  const boxes = [histogram(image)];
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
  return boxes.map(meanOf);
}

/** For each pixel the index of the nearest colour, by distance in RGB. */
export function nearestColours({ data }: RgbImage, palette: readonly PaletteColour[]): Uint8Array {
  const known = new Map<number, number>();
  const indices = new Uint8Array(data.length / 3);
  for (let i = 0; i < indices.length; i++) {
    const [r, g, b] = [data[i * 3]!, data[i * 3 + 1]!, data[i * 3 + 2]!];
    const key = (r << 16) | (g << 8) | b;
    let index = known.get(key);
    if (index === undefined) {
      let least = Number.POSITIVE_INFINITY;
      index = 0;
      for (const [p, [pr, pg, pb]] of palette.entries()) {
        const distance = (r - pr) ** 2 + (g - pg) ** 2 + (b - pb) ** 2;
        if (distance < least) [index, least] = [p, distance];
      }
      known.set(key, index);
    }
    indices[i] = index;
  }
  return indices;
}

function histogram({ data }: RgbImage): Bin[] {
  const sums = new Map<number, [number, number, number, number]>();
  for (let i = 0; i < data.length; i += 3) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    const key = ((r >> 3) << 10) | ((g >> 3) << 5) | (b >> 3);
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, [r, g, b, 1]);
    } else {
      sum[0] += r;
      sum[1] += g;
      sum[2] += b;
      sum[3]++;
    }
  }
  return Array.from(sums.values(), ([r, g, b, count]) => ({
    mean: [r / count, g / count, b / count],
    count,
  }));
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
