/** Shows pictures on the terminal: the sheet itself where it can show pixels, coloured blocks elsewhere. */

import { resample } from "../images/resample.js";
import type { RgbImage } from "../images/rgb.js";
import type { SheetRow } from "../images/sheet.js";
import { detectGraphics, renderForTerminal } from "../images/terminal.js";

export interface Screen {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

const widest = 120; // columns: larger sheets are for the file

/**
 * @param sheet - what a terminal with pixels shows
 * @param rows - what one without them shows: blocks in rows, each label as text above
 */
export function showPictures(
  screen: Screen,
  sheet: RgbImage,
  rows: readonly SheetRow[],
  env: NodeJS.ProcessEnv = process.env,
): void {
  const graphics = detectGraphics(env, screen);
  if (graphics === "none") return;
  const columns = Math.max(20, Math.min(screen.columns ?? 80, widest));
  if (graphics === "blocks") screen.write(blockRows(rows, columns));
  else screen.write(renderForTerminal(sheet, { graphics, columns: sheetColumns(sheet, columns) }));
}

/** A terminal's cell is about 8 pixels wide: small sheets are not blown up. */
const sheetColumns = (sheet: RgbImage, columns: number): number =>
  Math.max(1, Math.min(columns, Math.ceil(sheet.width / 8)));

const blockSide = 16; // pixels of a picture made of half blocks: as many columns, half as many lines
const mostPictures = 48;
const mostLines = 60;

/** Rows of pictures as half blocks, as many rows side by side as fit. */
export function blockRows(rows: readonly SheetRow[], columns: number): string {
  const few = rows.slice(0, mostPictures);
  const longest = Math.max(1, ...few.map(({ images }) => images.length));
  const { perRow, width, abreast } = layout(few.length, longest, columns);
  let text = "";
  for (let at = 0; at < few.length; at += abreast) {
    const cells = few
      .slice(at, at + abreast)
      .map(({ label, images }) => strip(label, images.slice(0, perRow), width));
    const height = Math.max(...cells.map((lines) => lines.length));
    for (let line = 0; line < height; line++)
      text += `${cells
        .map((lines) => lines[line] ?? " ".repeat(width))
        .join("   ")
        .trimEnd()}\n`;
  }
  return rows.length > few.length ? `${text}... and ${rows.length - few.length} rows more\n` : text;
}

/** As many pictures a row as leave the whole in sight, or nearly; the sheet in the file has them all. */
function layout(rows: number, longest: number, columns: number) {
  const fit = Math.max(1, Math.min(longest, Math.floor((columns + 1) / (blockSide + 1))));
  for (let perRow = fit; ; perRow--) {
    const width = perRow * (blockSide + 1) - 1;
    const abreast = Math.max(1, Math.floor((columns + 3) / (width + 3)));
    if (perRow === 1 || Math.ceil(rows / abreast) * (blockSide / 2 + 1) <= mostLines)
      return { perRow, width, abreast };
  }
}

/** One label and its pictures, every line `width` columns wide. */
function strip(label: string, images: readonly RgbImage[], width: number): string[] {
  const pictures = images.map((image) => {
    const small = resample(image, blockSide, blockSide, "box");
    return renderForTerminal(small, { graphics: "blocks", columns: blockSide }).trimEnd().split("\n");
  });
  const filled = images.length * (blockSide + 1) - 1;
  const lines = Array.from(
    { length: blockSide / 2 },
    (_, line) => pictures.map((one) => one[line] ?? "").join(" ") + " ".repeat(Math.max(0, width - filled)),
  );
  return label === "" ? lines : [label.slice(0, width).padEnd(width), ...lines];
}
