/** Tells whether a set of pictures is the one it was: a hash of the names and classes, in their order. */
import { createHash } from "node:crypto";
import type { ImageSet } from "./image-set.js";

/** The pictures themselves are not read: one that was replaced under its name goes unseen. */
export function identityOfImages(images: ImageSet): string {
  const hash = createHash("sha256");
  let text = "";
  for (let i = 0; i < images.count; i++) {
    text += `${images.label(i)} ${images.keyOf(i)}\n`;
    if (text.length < 1 << 16 && i < images.count - 1) continue;
    hash.update(text);
    text = "";
  }
  return hash.digest("hex").slice(0, 32);
}
