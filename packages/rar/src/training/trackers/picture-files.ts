/** Pictures of a run as PNG files in its folder, under the reference's names. */
import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodePng } from "../../images/png.js";
import type { RgbImage } from "../../images/rgb.js";
import { writeAtomically } from "../../weights/atomic-file.js";
import type { Tracker } from "./tracker.js";

/** `train_generated_images/00005000_s-generated.png` for "Train Generated" (REFERENCE 6.6), else `images/00005000_NAME.png`. */
export function pictureName(step: number, name: string): string {
  const number = `${step}`.padStart(8, "0");
  if (name === "Train Generated") return `train_generated_images/${number}_s-generated.png`;
  const word = name
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, "-")
    .replaceAll(/^-|-$/g, "");
  return `images/${number}_${word || "picture"}.png`;
}

/** The file: it says what it shows. */
export const picturePng = (step: number, name: string, image: RgbImage): Promise<Uint8Array> =>
  encodePng(image, { Software: "rarity", Title: `${name}, step ${step}` });

export function pictureFiles(outputDir: string, failed: (error: unknown) => void): Tracker {
  let writing: Promise<void> = Promise.resolve();
  return {
    scalars() {},
    image(step, name, image) {
      const path = join(outputDir, pictureName(step, name));
      writing = writing
        .then(async () => {
          const png = await picturePng(step, name, image);
          await mkdir(dirname(path), { recursive: true });
          await writeAtomically(path, (sink) => sink.append(png));
        })
        .catch(failed);
    },
    close: () => writing,
  };
}
