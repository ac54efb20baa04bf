/** Shows pictures in a terminal: as pixels where it can, else as half blocks in 24-bit colour. */
import { RarityError } from "../config/errors.js";
import { encodePngSync } from "./png.js";
import { resample } from "./resample.js";
import type { RgbImage } from "./rgb.js";
import { encodeSixel } from "./sixel.js";

const graphicsKinds = ["kitty", "iterm2", "sixel", "blocks", "none"] as const;
export type Graphics = (typeof graphicsKinds)[number];

/**
 * The best way to show pictures on this stream, from what the terminal says of itself; nothing is asked of it.
 * `RARITY_GRAPHICS` decides where it is set; a stream that is no terminal, `TERM=dumb` and `NO_COLOR` mean none.
 *
 * @throws {RarityError} `bad-usage` when `RARITY_GRAPHICS` names no way there is
 */
export function detectGraphics(
  env: Readonly<Record<string, string | undefined>>,
  stream: { readonly isTTY?: boolean | undefined },
): Graphics {
  const chosen = env.RARITY_GRAPHICS?.toLowerCase();
  if (chosen && !graphicsKinds.some((kind) => kind === chosen)) {
    throw new RarityError(
      "bad-usage",
      `RARITY_GRAPHICS is "${chosen}". Set it to one of ${graphicsKinds.join(", ")}, or unset it.`,
    );
  }
  if (stream.isTTY !== true) return "none";
  if (chosen) return chosen as Graphics;
  const term = env.TERM ?? "";
  if (env.NO_COLOR || term === "dumb") return "none";
  const colour =
    /^(truecolor|24bit)$/i.test(env.COLORTERM ?? "") || /-direct$/.test(term) ? "blocks" : "none";
  // A multiplexer keeps the pixels of others from the terminal, and inherits the variables of wherever it started.
  if (env.TMUX || /^(tmux|screen)/.test(term)) return colour;
  const program = (env.TERM_PROGRAM ?? "").toLowerCase();
  if (env.KITTY_WINDOW_ID || term === "xterm-kitty") return "kitty";
  if (env.GHOSTTY_RESOURCES_DIR || program === "ghostty" || term === "xterm-ghostty") return "kitty";
  if (program === "iterm.app" || env.LC_TERMINAL === "iTerm2") return "iterm2";
  if (program === "wezterm" || env.WEZTERM_PANE || env.WEZTERM_EXECUTABLE) return "iterm2";
  if (/^(foot|mlterm|contour|yaft)/.test(term) || program === "mintty") return "sixel";
  if (env.WT_SESSION) return "blocks"; // Windows Terminal sets no COLORTERM
  return colour;
}

export interface TerminalOptions {
  readonly graphics: Graphics;
  /** Width of the picture in character cells. Blocks stay smaller where the picture has fewer pixels. */
  readonly columns: number;
  /** Size of a character cell in pixels, where known; sixels are drawn to it. Default 8 x 16, which is small. */
  readonly cell?: { readonly width: number; readonly height: number } | undefined;
  /** Kitty's number of the picture, 1 to 2^32 - 1: a later one under the same number replaces it. */
  readonly id?: number | undefined;
}

/**
 * What to write to show a picture and leave the cursor at the start of the line below it. Empty for `none`.
 *
 * @throws {RangeError} when `columns` is not a whole number from 1
 */
export function renderForTerminal(image: RgbImage, options: TerminalOptions): string {
  const { graphics, columns } = options;
  if (!Number.isInteger(columns) || columns < 1) {
    throw new RangeError(`A picture cannot be ${columns} columns wide: give a whole number from 1.`);
  }
  if (graphics === "none") return "";
  const rows = terminalRows(image, options);
  if (graphics === "blocks") return halfBlocks(image, columns);
  const cell = options.cell ?? defaultCell;
  // Room is made first, so that drawing never scrolls, and the cursor is put back: terminals differ in where they leave it.
  const before = `${"\n".repeat(rows)}\x1b[${rows}A\x1b7`;
  const after = `\x1b8\x1b[${rows}B\r`;
  switch (graphics) {
    case "kitty":
      return before + kittySequence(image, columns, rows, options.id) + after;
    case "iterm2":
      return before + itermSequence(image, columns, rows) + after;
    case "sixel":
      return before + encodeSixel(fit(image, columns * cell.width, rows * cell.height)) + after;
    default:
      graphics satisfies never;
      return "";
  }
}

const defaultCell = { width: 8, height: 16 };

/** Lines of text that `renderForTerminal` takes for this picture. */
export function terminalRows(
  image: RgbImage,
  { graphics, columns, cell = defaultCell }: TerminalOptions,
): number {
  if (graphics === "none") return 0;
  if (graphics === "blocks") return Math.ceil(blockSize(image, columns).height / 2);
  return Math.max(1, Math.round((columns * cell.width * image.height) / image.width / cell.height));
}

/** Each cell shows two pixels: the upper half in the foreground colour, the lower in the background's. */
function halfBlocks(image: RgbImage, columns: number): string {
  const { width, height } = blockSize(image, columns);
  const { data } = width === image.width ? image : resample(image, width, height, "box");
  const lines: string[] = [];
  for (let y = 0; y < height; y += 2) {
    let line = "";
    let current = "";
    for (let x = 0; x < width; x++) {
      const at = (y * width + x) * 3;
      const below = at + width * 3;
      const upper = `38;2;${data[at]};${data[at + 1]};${data[at + 2]}`;
      // An odd last row has nothing below it: the terminal's own background shows.
      const lower = y + 1 < height ? `48;2;${data[below]};${data[below + 1]};${data[below + 2]}` : "49";
      const colours = `\x1b[${upper};${lower}m`;
      line += colours === current ? "▀" : `${colours}▀`;
      current = colours;
    }
    lines.push(`${line}\x1b[0m\n`);
  }
  return lines.join("");
}

function blockSize(image: RgbImage, columns: number): { width: number; height: number } {
  const width = Math.min(image.width, columns);
  return { width, height: Math.max(1, Math.round((image.height * width) / image.width)) };
}

const kittyChunk = 4096; // characters of base64, the protocol's limit

/** @see https://sw.kovidgoyal.net/kitty/graphics-protocol/ */
function kittySequence(image: RgbImage, columns: number, rows: number, id: number | undefined): string {
  const payload = Buffer.from(encodePngSync(image)).toString("base64");
  // Transmit and display a PNG; C=1 leaves the cursor, q=2 wants no answers, which would be read as typing.
  const place = id === undefined ? "" : `,i=${id},p=1`;
  let text = "";
  for (let at = 0; at < payload.length; at += kittyChunk) {
    const control = at === 0 ? `a=T,f=100,c=${columns},r=${rows},C=1,q=2${place},` : "";
    const more = at + kittyChunk < payload.length ? 1 : 0;
    text += `\x1b_G${control}m=${more};${payload.slice(at, at + kittyChunk)}\x1b\\`;
  }
  return text;
}

/** @see https://iterm2.com/documentation-images.html */
function itermSequence(image: RgbImage, columns: number, rows: number): string {
  const png = Buffer.from(encodePngSync(image));
  const options = `inline=1;size=${png.length};width=${columns};height=${rows};preserveAspectRatio=1`;
  return `\x1b]1337;File=${options}:${png.toString("base64")}\x07`;
}

/** The largest size of the picture's shape within a box of pixels; small pictures are enlarged by whole factors. */
function fit(image: RgbImage, width: number, height: number): RgbImage {
  const factor = Math.min(width / image.width, height / image.height);
  const exact = factor >= 1 ? Math.floor(factor) : factor;
  const side = (length: number): number => Math.max(1, Math.round(length * exact));
  return resample(image, side(image.width), side(image.height), "box");
}
