/** The contact sheet of a run: a row a class where there are several images of each, else a labelled grid. */
import type { RgbImage } from "../images/rgb.js";
import { contactSheet, type SheetRow } from "../images/sheet.js";
import type { GeneratedImage } from "../pipeline.js";
import { className } from "./classes.js";

export interface SheetOptions {
  readonly title: string;
  /** Enlargement that was asked for; by default small images are enlarged until one sees them well. */
  readonly scale?: number | undefined;
}

const wellSeen = 96; // pixels

/** Whole factor that brings a small image to a size one sees well. */
export const sheetScale = (image: RgbImage): number => Math.max(1, Math.round(wellSeen / image.width));

/** A sheet that a viewer still opens, whatever enlargement the files have. */
const mostPixels = 60_000_000;
const mostScale = (images: readonly RgbImage[]): number => {
  const pixels = images.reduce((sum, { width, height }) => sum + width * height, 0);
  return Math.max(1, Math.floor(Math.sqrt(mostPixels / pixels)));
};

/** @returns the sheet, and the same pictures in rows for terminals that show no pixels */
export async function makeSheet(
  images: readonly GeneratedImage[],
  { title, scale = 1 }: SheetOptions,
): Promise<{ readonly sheet: RgbImage; readonly rows: readonly SheetRow[] }> {
  const byClass = new Map<number, GeneratedImage[]>();
  for (const image of images)
    byClass.set(image.classIndex, [...(byClass.get(image.classIndex) ?? []), image]);
  const options = { title, scale: Math.min(scale > 1 ? scale : sheetScale(images[0]!), mostScale(images)) };
  const label = (image: GeneratedImage): string => className(image.classIndex, image.className);
  if (byClass.size > 1 && images.length > byClass.size) {
    const rows = [...byClass.values()].map((own) => ({ label: label(own[0]!), images: own }));
    return { sheet: await contactSheet(rows, options), rows };
  }
  const alone = byClass.size === 1;
  const labelled = images.map((image) => ({ image, label: alone ? `#${image.index}` : label(image) }));
  const sheet = await contactSheet(
    labelled,
    alone ? { ...options, title: `${label(images[0]!)}: ${title}` } : options,
  );
  const rows = labelled.map(({ image, label: text }) => ({ label: text, images: [image] }));
  return { sheet, rows };
}
