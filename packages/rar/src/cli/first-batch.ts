/** The first pictures of a pre-tokenization above what their tokens give back, as a sheet with the PSNR. */
import { psnr } from "../evaluation/image-quality.js";
import { encodePng } from "../images/png.js";
import type { RgbImage } from "../images/rgb.js";
import { contactSheet } from "../images/sheet.js";
import { writeAtomically } from "../weights/atomic-file.js";
import { sheetScale } from "./run-sheet.js";

const columns = 8;
/** In place of infinity for a picture that comes back as it was. */
const mostPsnr = 100;

/** @returns the file, and the mean of the pictures' PSNR in dB */
export async function firstBatchSheet(
  file: string,
  originals: readonly RgbImage[],
  decoded: readonly RgbImage[],
): Promise<{ readonly file: string; readonly psnr: number }> {
  const each = originals.map((original, i) => Math.min(mostPsnr, psnr(original, decoded[i]!)));
  const mean = each.reduce((sum, value) => sum + value, 0) / each.length;
  const rows = [];
  for (let at = 0; at < originals.length; at += columns) {
    rows.push({ label: "picture", images: originals.slice(at, at + columns) });
    rows.push({ label: "from tokens", images: decoded.slice(at, at + columns) });
  }
  const title = `PSNR ${mean.toFixed(2)} dB`;
  const sheet = await contactSheet(rows, { title, scale: sheetScale(originals[0]!) });
  const png = await encodePng(sheet);
  await writeAtomically(file, (sink) => sink.append(png));
  return { file, psnr: mean };
}
