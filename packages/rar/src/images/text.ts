/** Draws lines of text into a picture, smooth at any size, with the strokes of `font.ts`. */
import { capHeight, drawable, glyphOf, letterSpacing } from "./font.js";
import type { RgbImage } from "./rgb.js";

export type Colour = readonly [red: number, green: number, blue: number];

export interface TextStyle {
  /** Height of capital letters in pixels. */
  readonly size: number;
  readonly colour: Colour;
  /** Thickness of the strokes as a share of the capitals' height. Default 0.135. */
  readonly weight?: number | undefined;
}

/** Width of a line in pixels. */
export function textWidth(text: string, style: TextStyle): number {
  return layOut(text, style).width;
}

/** The text, or as much of its beginning as fits into `width` pixels with an ellipsis behind it. */
export function fitText(text: string, width: number, style: TextStyle): string {
  if (textWidth(text, style) <= width) return text;
  const letters = [...text];
  while (letters.length > 0) {
    letters.pop();
    const shortened = `${letters.join("").trimEnd()}...`;
    if (textWidth(shortened, style) <= width) return shortened;
  }
  return "";
}

/**
 * Draws a line into the picture's bytes. What lies outside the picture is left out.
 *
 * @param x - left edge of the first letter
 * @param top - top edge of the capital letters
 */
export function drawText(image: RgbImage, text: string, x: number, top: number, style: TextStyle): void {
  const { letters, unit, thickness } = layOut(text, style);
  // Half a stroke in from the edges, then onto whole pixels: upright strokes come out sharp.
  const inset = thickness / 2;
  for (const { strokes, left } of letters) {
    const originX = Math.round(x + left) + inset;
    const segments = segmentsOf(strokes).map((s) => ({
      x0: originX + s.x0 * unit,
      y0: top + inset + s.y0 * unit,
      x1: originX + s.x1 * unit,
      y1: top + inset + s.y1 * unit,
    }));
    drawSegments(image, segments, thickness, style.colour);
  }
}

interface Layout {
  readonly letters: readonly { readonly strokes: string; readonly left: number }[];
  readonly width: number;
  /** Pixels per unit of the font. */
  readonly unit: number;
  /** Of a stroke, in pixels. */
  readonly thickness: number;
}

function layOut(text: string, { size, weight = 0.135 }: TextStyle): Layout {
  const thickness = size * weight;
  const unit = (size - thickness) / capHeight;
  let left = 0;
  const letters = [...drawable(text)].map((character) => {
    const { strokes, width } = glyphOf(character);
    const letter = { strokes, left };
    left += (width + letterSpacing) * unit;
    return letter;
  });
  return {
    letters,
    width: letters.length === 0 ? 0 : left - letterSpacing * unit + thickness,
    unit,
    thickness,
  };
}

interface Segment {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

const arcSteps = 8;

/** The strokes of a glyph as straight pieces, in units of the font. */
function segmentsOf(strokes: string): Segment[] {
  const segments: Segment[] = [];
  let [x0, y0] = [0, 0];
  const lineTo = (x1: number, y1: number): void => {
    segments.push({ x0, y0, x1, y1 });
    [x0, y0] = [x1, y1];
  };
  for (const [, step, xText, yText] of strokes.matchAll(/([mlhv])(-?[\d.]+),(-?[\d.]+)/g)) {
    const [x, y] = [Number(xText), Number(yText)];
    if (step === "m") {
      [x0, y0] = [x, y];
    } else if (step === "l") {
      lineTo(x, y);
    } else {
      const [fromX, fromY] = [x0, y0];
      for (let i = 1; i <= arcSteps; i++) {
        const angle = (i / arcSteps) * (Math.PI / 2);
        const [early, late] = [Math.sin(angle), 1 - Math.cos(angle)];
        const [alongX, alongY] = step === "h" ? [early, late] : [late, early];
        lineTo(fromX + (x - fromX) * alongX, fromY + (y - fromY) * alongY);
      }
    }
  }
  return segments;
}

/** Blends a colour in by how much of each pixel lies within half a stroke of the nearest segment. */
function drawSegments(
  image: RgbImage,
  segments: readonly Segment[],
  thickness: number,
  colour: Colour,
): void {
  if (segments.length === 0) return;
  const reach = thickness / 2 + 0.5;
  const xs = segments.flatMap((s) => [s.x0, s.x1]);
  const ys = segments.flatMap((s) => [s.y0, s.y1]);
  const left = Math.max(0, Math.floor(Math.min(...xs) - reach));
  const right = Math.min(image.width, Math.ceil(Math.max(...xs) + reach));
  const top = Math.max(0, Math.floor(Math.min(...ys) - reach));
  const bottom = Math.min(image.height, Math.ceil(Math.max(...ys) + reach));
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      let nearest = Number.POSITIVE_INFINITY;
      for (const segment of segments) nearest = Math.min(nearest, distance(segment, x + 0.5, y + 0.5));
      const cover = Math.max(0, Math.min(1, reach - nearest));
      if (cover === 0) continue;
      const at = (y * image.width + x) * 3;
      for (let c = 0; c < 3; c++) {
        image.data[at + c] = Math.round(image.data[at + c]! * (1 - cover) + colour[c]! * cover);
      }
    }
  }
}

function distance({ x0, y0, x1, y1 }: Segment, x: number, y: number): number {
  const [dx, dy] = [x1 - x0, y1 - y0];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / length));
  return Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
}
