/** The settings of a picture, kept in its PNG file so that it can be drawn again. */
import { z } from "zod";
import { RarityError } from "../config/errors.js";
import { precisions } from "../engines/engine.js";
import { readPngText } from "../images/png.js";
import { version } from "./version.js";

const keyword = "rarity.settings";

const schema = z.object({
  /** The model as it was named on the command line, or by its own name. */
  model: z.string(),
  classIndex: z.number().int().min(0),
  className: z.string().optional(),
  seed: z.number().int().min(0),
  index: z.number().int().min(0),
  temperature: z.number().min(0),
  guidance: z.number().min(0),
  pow: z.number().min(0),
  topK: z.number().int().min(1).optional(),
  topP: z.number().positive().max(1).optional(),
  precision: z.enum(precisions),
  engine: z.string(),
  version: z.string(),
  /** Each pixel of the model is so many pixels wide in the file. */
  scale: z.number().int().min(1).optional(),
  /** Of a picture made by `complete`: the photo it started from, and the share that was kept. */
  completed: z.object({ photo: z.string(), keep: z.number() }).optional(),
});

export type PictureSettings = z.output<typeof schema>;

/** Text chunks for `encodePng`. */
export function pngText(settings: PictureSettings): Record<string, string> {
  const { model, classIndex, className, seed, index, temperature, guidance, pow, completed } = settings;
  const subject = className || `class ${classIndex}`;
  return {
    Software: `rarity ${version()}`,
    Description: `${subject}${completed ? ", the rest of a photo" : ""}, drawn by RAR model ${model} (seed ${seed}, image ${index}, temperature ${temperature}, guidance ${guidance}, power ${pow})`,
    [keyword]: JSON.stringify(settings),
  };
}

/**
 * The settings in a PNG file that rarity wrote.
 * @throws {RarityError} "bad-file" where there are none
 */
export function settingsOf(bytes: Uint8Array, file: string): PictureSettings {
  const text = readPngText(bytes, file)[keyword];
  if (text === undefined)
    throw new RarityError(
      "bad-file",
      `"${file}" holds no settings of rarity. Give a PNG file that rarity generate wrote, as it was written.`,
    );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new RarityError(
    "bad-file",
    `The settings in "${file}" are not valid (${issue?.path.join(".") || "the whole"}: ${issue?.message}). Give a PNG file as rarity wrote it.`,
  );
}
