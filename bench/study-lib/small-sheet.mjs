/** Sheets of pictures as PNG files that are small enough to lie in a repository. */
import { encodePngSync } from "../../packages/rar/dist/images/png.js";
import { contactSheet } from "../../packages/rar/dist/images/sheet.js";

const LIMIT = 300_000;

/**
 * The largest of several sheets that fits into 300,000 bytes.
 *
 * @param most - of the largest, as `content` counts: pictures a row, or rows
 * @param content - given that number, what {@link contactSheet} takes
 * @returns {bytes, each}: the file, and its number; 1 is taken even if it does not fit
 */
export async function smallSheet(most, content, options = { gap: 2 }) {
  for (let each = most; ; each--) {
    const bytes = encodePngSync(await contactSheet(content(each), options));
    if (bytes.length <= LIMIT || each === 1) return { bytes, each };
  }
}
