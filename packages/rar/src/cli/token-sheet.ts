/** Rows of tokens as a sheet of pictures, by the decoder of the model whose tokenizer made them. */
import { encodePng } from "../images/png.js";
import type { RgbImage } from "../images/rgb.js";
import { contactSheet } from "../images/sheet.js";
import { type LoadOptions, Pipeline } from "../pipeline.js";
import { writeAtomically } from "../weights/atomic-file.js";
import { className } from "./classes.js";
import { loadModel } from "./load-model.js";
import { startProgress } from "./progress.js";
import { sheetScale } from "./run-sheet.js";
import { type Screen, showPictures } from "./show.js";

export interface TokenSheetRow {
  readonly row: number;
  readonly label: number;
  readonly tokens: Int32Array;
}

export interface TokenSheetOptions {
  readonly title: string;
  readonly model: string;
  readonly load: LoadOptions;
  /** PNG file. */
  readonly output: string;
  readonly screen?: Screen | undefined;
}

const decodedAtOnce = 16;

/** @throws {RarityError} where the model has no tokenizer, or its codes are others */
export async function tokenSheet(rows: readonly TokenSheetRow[], options: TokenSheetOptions): Promise<void> {
  const { title, model, load, output, screen } = options;
  await using pipeline = await loadModel(Pipeline.load, model, load);
  const images: RgbImage[] = [];
  const progress = startProgress({ label: "decoding", total: rows.length, quietFor: 0.5 });
  try {
    for (let at = 0; at < rows.length; at += decodedAtOnce) {
      load.signal?.throwIfAborted();
      const some = rows.slice(at, at + decodedAtOnce);
      images.push(...(await pipeline.decode(some.map(({ tokens }) => tokens))));
      progress.update(images.length);
    }
  } finally {
    progress.finish();
  }
  const pictures = images.map((image, i) => {
    const { row, label } = rows[i]!;
    return { image, label: `${row}: ${className(label, pipeline.classNames[label])}` };
  });
  const sheet = await contactSheet(pictures, { title, scale: sheetScale(images[0]!) });
  const png = await encodePng(sheet);
  await writeAtomically(output, (sink) => sink.append(png));
  const shown = pictures.map(({ image, label }) => ({ label, images: [image] }));
  if (screen) showPictures(screen, sheet, shown);
}
