/** Writes frames as one animated WebP or GIF file. */
import type { RgbImage } from "./rgb.js";
import { sharp } from "./sharp.js";
import { enlarge } from "./to-bytes.js";

export interface AnimationOptions {
  readonly format: "webp" | "gif";
  /** How long each frame is shown, in milliseconds. GIF rounds to hundredths of a second. */
  readonly delayMs: number;
  /** How long the last frame is shown before the animation starts again. Default: `delayMs`. */
  readonly lastDelayMs?: number | undefined;
  /** Whole factor by which the frames are enlarged, each pixel a square. Default 1. */
  readonly scale?: number | undefined;
}

const longestDelay = 65_535;

/**
 * The frames, played for ever. WebP loses a little (quality 90); GIF is reduced to 256 colours.
 *
 * @throws {RangeError} when there are no frames, they differ in size, or a delay is not from 10 to 65,535 ms
 */
export async function encodeAnimation(
  frames: readonly RgbImage[],
  options: AnimationOptions,
): Promise<Uint8Array> {
  const { format, delayMs, lastDelayMs = delayMs, scale = 1 } = options;
  const first = frames[0];
  if (first === undefined) throw new RangeError("An animation needs at least one frame.");
  for (const [i, { width, height }] of frames.entries()) {
    if (width !== first.width || height !== first.height) {
      throw new RangeError(
        `Frame ${i} is ${width} x ${height}, the first is ${first.width} x ${first.height}: give frames of one size.`,
      );
    }
  }
  for (const delay of [delayMs, lastDelayMs]) {
    if (!(delay >= 10 && delay <= longestDelay)) {
      throw new RangeError(`A frame cannot be shown for ${delay} ms: give 10 to ${longestDelay}.`);
    }
  }
  const enlarged = frames.map((frame) => enlarge(frame, scale));
  const { width, height } = enlarged[0]!;
  // sharp takes an animation as its frames under one another.
  const stack = sharp(Buffer.concat(enlarged.map(({ data }) => data)), {
    raw: { width, height: height * frames.length, channels: 3, pageHeight: height },
    limitInputPixels: false,
  });
  const delay = frames.map((_, i) => Math.round(i === frames.length - 1 ? lastDelayMs : delayMs));
  switch (format) {
    case "webp":
      return await stack.webp({ delay, loop: 0, quality: 90, smartSubsample: true }).toBuffer();
    case "gif":
      return await stack.gif({ delay, loop: 0, dither: 0.5 }).toBuffer();
    default:
      format satisfies never;
      throw new RangeError(`"${String(format)}" is no animation format: use webp or gif.`);
  }
}
