/** Images while they come into being: drawn anew in the terminal, collected as frames of an animation. */
import { type AnimationOptions, encodeAnimation } from "../images/animate.js";
import { LivePicture } from "../images/live-picture.js";
import type { RgbImage } from "../images/rgb.js";
import { contactSheet } from "../images/sheet.js";
import { detectGraphics } from "../images/terminal.js";
import type { StreamEvent } from "../pipeline.js";
import { sheetScale } from "./run-sheet.js";
import { say } from "./streams.js";

export type AnimationFormat = AnimationOptions["format"];

export interface WatchOptions {
  readonly watch?: boolean | undefined;
  readonly animate?: AnimationFormat | undefined;
  readonly scale?: number | undefined;
}

export interface Watching {
  /** Whether the terminal's lines belong to the picture, so that nothing else may write there. */
  readonly live: boolean;
  /** How often the pipeline should decode, in tokens; 0 for never. */
  readonly previewEvery: number;
  see(event: StreamEvent): Promise<void>;
  /** The frames seen of one image and the image itself, as a file; undefined where none was asked for. */
  animation(position: number, finished: RgbImage): Promise<Uint8Array | undefined>;
  /** Takes the picture off the screen. */
  end(): void;
}

const playTime = 2_000; // ms
const restTime = 1_500;

/** Decoding a large picture takes as long as many steps: a row of tokens at a time there, finer where it is cheap. */
const previewPace = (tokens: number): number =>
  tokens >= 256 ? Math.round(Math.sqrt(tokens)) : Math.max(1, Math.round(tokens / 32));

export function startWatching(
  options: WatchOptions,
  tokens: number,
  screen: {
    readonly isTTY?: boolean;
    readonly columns?: number;
    write(text: string): unknown;
  } = process.stderr,
): Watching {
  const graphics = options.watch ? detectGraphics(process.env, screen) : "none";
  if (options.watch && graphics === "none")
    say(
      "Note: --watch needs a terminal that shows colours (COLORTERM=truecolor) or pixels; the images are drawn unseen.",
    );
  const live =
    graphics === "none"
      ? undefined
      : new LivePicture(screen, { graphics, columns: liveColumns(screen.columns) });
  const frames = new Map<number, RgbImage[]>();
  const previewEvery = live || options.animate ? previewPace(tokens) : 0;

  return {
    live: live !== undefined,
    previewEvery,
    async see({ images, previews, finished }) {
      const pictures = previews ?? finished;
      if (pictures === undefined) return;
      if (options.animate && previews)
        for (const [i, preview] of previews.entries())
          frames.set(images[i]!, [...(frames.get(images[i]!) ?? []), preview]);
      live?.update(await grid(pictures.slice(0, mostAtOnce)));
    },
    async animation(position, finished) {
      if (!options.animate) return undefined;
      const all = [...(frames.get(position) ?? []), finished];
      frames.delete(position);
      return encodeAnimation(all, {
        format: options.animate,
        delayMs: Math.max(20, Math.round(playTime / all.length)),
        lastDelayMs: restTime,
        scale: options.scale ?? sheetScale(finished),
      });
    },
    end() {
      live?.clear();
      live?.[Symbol.dispose]();
    },
  };
}

/** Pictures shown while they are drawn; more would be too small. */
const mostAtOnce = 64;

const liveColumns = (columns = 80): number => Math.max(20, Math.min(columns - 1, 100));

const grid = (pictures: readonly RgbImage[]): Promise<RgbImage> =>
  pictures.length === 1 ? Promise.resolve(pictures[0]!) : contactSheet(pictures.map((image) => ({ image })));
