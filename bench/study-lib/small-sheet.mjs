/** Sheets of pictures as PNG files that are small enough to lie in a repository. */
import { encodePngSync } from "../../packages/rar/dist/images/png.js";
import { contactSheet } from "../../packages/rar/dist/images/sheet.js";

const LIMIT = 300_000;

/**
 * A sheet with as many pictures a row as fit into 300,000 bytes, at least one.
 *
 * @param most - pictures a row at most
 * @param content - given their number, what {@link contactSheet} takes
 * @returns {bytes, each}: the file, and how many pictures a row it has
 */
export async function smallSheet(most, content, options = { gap: 2 }) {
  for (let each = most; ; each--) {
    const bytes = encodePngSync(await contactSheet(content(each), options));
    if (bytes.length <= LIMIT || each === 1) return { bytes, each };
  }
}
