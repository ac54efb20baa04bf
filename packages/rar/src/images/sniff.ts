/** Tells what a file is by its first bytes, never by its name. */

export type ImageFormat = "jpeg" | "png" | "webp" | "gif" | "tiff" | "avif" | "bmp" | "netpbm";

/** The picture format of these bytes, or undefined where they are no picture this program reads. */
export function sniffFormat(bytes: Uint8Array): ImageFormat | undefined {
  const head = latin1(bytes, 0, 12);
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("RIFF") && head.endsWith("WEBP")) return "webp";
  if (/^GIF8[79]a/.test(head)) return "gif";
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  if (/^....ftyp(avif|avis|mif1|msf1)/s.test(head)) return "avif";
  if (head.startsWith("BM")) return "bmp";
  if (/^P[1-6][\s#]/.test(head)) return "netpbm";
  return undefined;
}

/** What bytes that are no picture look like, for the error message: "a web page", "a zip archive". */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty (0 bytes)";
  const head = latin1(bytes, 0, 512);
  const text = head.replace(/^\xef\xbb\xbf/, "").trimStart();
  if (text.startsWith("version https://git-lfs"))
    return "a Git LFS pointer, not the picture itself: run git lfs pull";
  if (/^<(!doctype html|html|head|body)/i.test(text)) return "a web page";
  if (/^(<\?xml|<svg|<!doctype svg)/i.test(text)) return "an XML or SVG file";
  if (head.startsWith("PK\x03\x04")) return "a zip archive";
  if (head.startsWith("\x1f\x8b")) return "a gzip archive";
  if (head.startsWith("%PDF")) return "a PDF document";
  if (bytes.subarray(0, 512).every((byte) => byte === 0)) return "nothing but zero bytes";
  if (/^[\t\n\r\x20-\x7e]+$/.test(head)) return "a text file";
  return "not in a picture format that is known here";
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", start, end);
}
