/** A picture in the terminal that is drawn anew in its place while it comes into being. */
import type { RgbImage } from "./rgb.js";
import { renderForTerminal, type TerminalOptions, terminalRows } from "./terminal.js";

/** What a picture is written to: `process.stderr`, or a test's list. */
export interface TextSink {
  write(text: string): unknown;
}

/**
 * Owns the lines of the terminal that its picture covers. Nothing else may be written between two updates; after the
 * last one the cursor stands on the line below. With graphics `none` it writes nothing.
 */
export class LivePicture implements Disposable {
  readonly #sink: TextSink;
  readonly #options: TerminalOptions;
  #rows = 0;
  #hidden = false;

  /** @param options - as for `renderForTerminal`; `id` defaults to one of this picture's own */
  constructor(sink: TextSink, options: TerminalOptions) {
    this.#sink = sink;
    this.#options = { id: nextId++, ...options };
  }

  /** Lines the picture now covers. */
  get rows(): number {
    return this.#rows;
  }

  /** Draws the picture, over the one before. */
  update(image: RgbImage): void {
    if (this.#options.graphics === "none") return;
    const rows = terminalRows(image, this.#options);
    // One write, so that no half-drawn state shows. A picture of fewer lines must not leave the rest of a taller one.
    const hide = this.#hidden ? "" : "\x1b[?25l";
    const clear = rows < this.#rows ? "\x1b[J" : "";
    this.#sink.write(hide + cursorUp(this.#rows) + clear + renderForTerminal(image, this.#options));
    this.#rows = rows;
    this.#hidden = true;
  }

  /** Takes the picture off the screen and puts the cursor where it began. */
  clear(): void {
    if (this.#rows > 0) this.#sink.write(`${cursorUp(this.#rows)}\x1b[J`);
    this.#rows = 0;
  }

  /** Leaves the picture where it is and shows the cursor again; may be called more than once. */
  [Symbol.dispose](): void {
    if (this.#hidden) this.#sink.write("\x1b[?25h");
    this.#hidden = false;
    this.#rows = 0;
  }
}

/** Moves to the start of the line so many lines up. */
export function cursorUp(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A\r` : "";
}

// Numbers other programs are unlikely to have used in the same window.
let nextId = 0x5a5200;
