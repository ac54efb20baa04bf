/** sharp, set up once for use inside a library: no cache that grows, one thread an image. */
import sharp from "sharp";

// A server decodes each file once: keeping operations or open files between calls only holds memory.
sharp.cache(false);
// Several images are decoded at once by libuv's pool already, so threads within one image would multiply.
sharp.concurrency(1);

export { sharp };

/** Pixels a file may claim: Pillow's error limit, twice its 89,478,485 (DATA.md 1). */
export const maxPixels = 178_956_970;
