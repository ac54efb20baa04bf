/** Lays pictures out as one labelled sheet: a grid with captions, or a row a class with its name at the left. */
import type { RgbImage } from "./rgb.js";
import { maxPixels } from "./sharp.js";
import { type Colour, drawText, fitText, type TextStyle, textWidth } from "./text.js";
import { enlarge } from "./to-bytes.js";

/** One cell of a grid, its label below. */
export interface SheetPicture {
  readonly image: RgbImage;
  readonly label?: string | undefined;
}

/** One row, its label at the left. */
export interface SheetRow {
  readonly label: string;
  readonly images: readonly RgbImage[];
}

export interface SheetOptions {
  /** Pictures side by side. Default: a grid about as wide as high; all pictures of the longest row. */
  readonly columns?: number | undefined;
  /** Whole factor by which the pictures are enlarged, each pixel a square. Default 1. */
  readonly scale?: number | undefined;
  /** Pixels between pictures. Default: a sixteenth of a picture, at least 6. */
  readonly gap?: number | undefined;
  /** A line above everything. */
  readonly title?: string | undefined;
}

/**
 * The sheet as a picture. Labels that are too long end in an ellipsis; letters without a drawing lose their accents
 * or become question marks. Needs no fonts.
 *
 * @throws {RangeError} when there is no picture, an option is not a whole number in its range, or the sheet would be
 * larger than 178,956,970 pixels
 */
export async function contactSheet(
  content: readonly SheetPicture[] | readonly SheetRow[],
  options: SheetOptions = {},
): Promise<RgbImage> {
  const rows = content.filter((item) => "images" in item);
  const plan =
    rows.length > 0
      ? planRows(rows, options)
      : planGrid(
          content.filter((item) => "image" in item),
          options,
        );
  const { width, height } = plan;
  if (width * height > maxPixels) {
    throw new RangeError(
      `The sheet would be ${width} x ${height} pixels: give fewer pictures or a smaller scale.`,
    );
  }
  const sheet: RgbImage = { width, height, data: paper(width, height) };
  for (const { image, x, y } of plan.pictures) {
    frame(sheet, x - 1, y - 1, image.width * plan.scale + 2, image.height * plan.scale + 2);
  }
  // After all frames: without a gap a frame lies on the neighbours.
  for (const { image, x, y } of plan.pictures) paste(sheet, enlarge(image, plan.scale), x, y);
  for (const { text, x, y, style } of plan.lines) drawText(sheet, text, x, y, style);
  return sheet;
}

const background: Colour = [250, 250, 249];
const hairline: Colour = [221, 221, 218];
const ink: Colour = [38, 40, 46];

interface Plan {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
  readonly pictures: readonly { readonly image: RgbImage; readonly x: number; readonly y: number }[];
  readonly lines: readonly {
    readonly text: string;
    readonly x: number;
    readonly y: number;
    readonly style: TextStyle;
  }[];
}

/** Sizes common to both forms, in pixels. */
interface Measures {
  readonly scale: number;
  readonly gap: number;
  readonly margin: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly label: TextStyle;
  readonly title: TextStyle;
  /** Where the pictures start below the title. */
  readonly top: number;
}

function measure(images: readonly RgbImage[], { scale = 1, gap, title }: SheetOptions): Measures {
  if (images.length === 0) throw new RangeError("A sheet needs at least one picture.");
  wholeNumber("scale", scale, 1);
  const widest = images.reduce((most, { width }) => Math.max(most, width), 1) * scale;
  const highest = images.reduce((most, { height }) => Math.max(most, height), 1) * scale;
  const space = gap ?? Math.max(6, Math.round(Math.min(widest, highest) / 16));
  wholeNumber("gap", space, 0);
  // Ten pixels are the smallest capitals that read well; large pictures get larger ones.
  const size = Math.max(10, Math.min(18, Math.round(highest / 14)));
  const label = { size, colour: ink };
  const titleStyle = { size: Math.round(size * 1.5), colour: ink, weight: 0.15 };
  const margin = Math.max(12, space * 2);
  const top = title === undefined ? margin : margin + Math.round(titleStyle.size * 2.2);
  return { scale, gap: space, margin, cellWidth: widest, cellHeight: highest, label, title: titleStyle, top };
}

function planGrid(items: readonly SheetPicture[], options: SheetOptions): Plan {
  const m = measure(
    items.map(({ image }) => image),
    options,
  );
  const columns = Math.min(items.length, options.columns ?? Math.ceil(Math.sqrt(items.length)));
  wholeNumber("columns", columns, 1);
  const captioned = items.some(({ label }) => label !== undefined && label !== "");
  const captionTop = Math.round(m.label.size * 0.7);
  // Room for the capitals, the descenders below them and some air before the next row.
  const captionHeight = captioned ? captionTop + Math.round(m.label.size * 1.7) : 0;
  const pictures: Plan["pictures"][number][] = [];
  const lines: Plan["lines"][number][] = [];
  for (const [i, { image, label = "" }] of items.entries()) {
    const x = m.margin + (i % columns) * (m.cellWidth + m.gap);
    const y = m.top + Math.floor(i / columns) * (m.cellHeight + m.gap + captionHeight);
    pictures.push({ image, ...centred(image, x, y, m) });
    const text = fitText(label, m.cellWidth, m.label);
    const left = x + Math.floor((m.cellWidth - textWidth(text, m.label)) / 2);
    lines.push({ text, x: left, y: y + m.cellHeight + captionTop, style: m.label });
  }
  const width = m.margin * 2 + columns * (m.cellWidth + m.gap) - m.gap;
  const rows = Math.ceil(items.length / columns);
  const height = m.top + rows * (m.cellHeight + m.gap + captionHeight) - m.gap + m.margin;
  return withTitle({ width, height, scale: m.scale, pictures, lines }, m, options.title);
}

function planRows(rows: readonly SheetRow[], options: SheetOptions): Plan {
  const m = measure(
    rows.flatMap(({ images }) => images),
    options,
  );
  const longest = rows.reduce((most, { images }) => Math.max(most, images.length), 1);
  const columns = Math.min(longest, options.columns ?? longest);
  wholeNumber("columns", columns, 1);
  const widestLabel = Math.max(m.cellWidth, m.label.size * 18);
  const labels = rows.map(({ label }) => fitText(label, widestLabel, m.label));
  const labelWidth = Math.ceil(Math.max(...labels.map((text) => textWidth(text, m.label))));
  const left = m.margin + (labelWidth === 0 ? 0 : labelWidth + Math.max(m.gap, m.label.size));
  const pictures: Plan["pictures"][number][] = [];
  const lines: Plan["lines"][number][] = [];
  let y = m.top;
  for (const [r, { images }] of rows.entries()) {
    // Between the middle of the capitals and that of the small letters, so that names look centred.
    const textTop = y + Math.round(m.cellHeight / 2 - m.label.size * 0.54);
    lines.push({ text: labels[r]!, x: m.margin, y: textTop, style: m.label });
    for (const [i, image] of images.entries()) {
      const line = Math.floor(i / columns); // a long row goes on below itself
      const x = left + (i % columns) * (m.cellWidth + m.gap);
      pictures.push({ image, ...centred(image, x, y + line * (m.cellHeight + m.gap), m) });
    }
    y += Math.max(1, Math.ceil(images.length / columns)) * (m.cellHeight + m.gap);
  }
  const width = left + columns * (m.cellWidth + m.gap) - m.gap + m.margin;
  return withTitle(
    { width, height: y - m.gap + m.margin, scale: m.scale, pictures, lines },
    m,
    options.title,
  );
}

function withTitle(plan: Plan, m: Measures, title: string | undefined): Plan {
  if (title === undefined) return plan;
  const text = fitText(title, plan.width - 2 * m.margin, m.title);
  return { ...plan, lines: [...plan.lines, { text, x: m.margin, y: m.margin, style: m.title }] };
}

/** The corner that puts a smaller picture in the middle of its cell. */
function centred(image: RgbImage, x: number, y: number, m: Measures): { x: number; y: number } {
  return {
    x: x + Math.floor((m.cellWidth - image.width * m.scale) / 2),
    y: y + Math.floor((m.cellHeight - image.height * m.scale) / 2),
  };
}

function paper(width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * 3);
  for (let x = 0; x < width; x++) data.set(background, x * 3);
  for (let y = 1; y < height; y++) data.copyWithin(y * width * 3, 0, width * 3);
  return data;
}

/** A line one pixel wide, so that white pictures do not melt into the paper. */
function frame(sheet: RgbImage, x: number, y: number, width: number, height: number): void {
  for (let row = y; row < y + height; row++) {
    const inside = row > y && row < y + height - 1;
    for (let column = x; column < x + width; column += inside ? width - 1 : 1) {
      sheet.data.set(hairline, (row * sheet.width + column) * 3);
    }
  }
}

function paste(sheet: RgbImage, image: RgbImage, x: number, y: number): void {
  const rowBytes = image.width * 3;
  for (let row = 0; row < image.height; row++) {
    sheet.data.set(
      image.data.subarray(row * rowBytes, (row + 1) * rowBytes),
      ((y + row) * sheet.width + x) * 3,
    );
  }
}

function wholeNumber(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`${name} is ${value}; give a whole number from ${least}.`);
  }
}
