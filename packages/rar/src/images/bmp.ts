/** Decodes Windows bitmaps: 1, 4, 8, 16, 24 and 32 bits a pixel, uncompressed. */
import type { RgbImage } from "./rgb.js";

const uncompressed = 0;
const bitfields = 3;

/**
 * @param checkSize - called with the claimed size before anything of that size is allocated
 * @throws {Error} saying what is wrong with the bytes
 */
export function decodeBmp(bytes: Uint8Array, checkSize: (width: number, height: number) => void): RgbImage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 26) throw new Error("the header is cut off");
  const pixelStart = view.getUint32(10, true);
  const headerSize = view.getUint32(14, true);
  const old = headerSize === 12; // the OS/2 header, with 16-bit sizes
  if (!old && (headerSize < 40 || headerSize > 124))
    throw new Error(`a header of ${headerSize} bytes is unknown`);
  if (bytes.length < 14 + headerSize) throw new Error("the header is cut off");
  const width = old ? view.getUint16(18, true) : view.getInt32(18, true);
  const signedHeight = old ? view.getUint16(20, true) : view.getInt32(22, true);
  const bits = view.getUint16(old ? 24 : 28, true);
  const compression = old ? uncompressed : view.getUint32(30, true);
  const height = Math.abs(signedHeight);
  checkSize(width, height);
  if (compression !== uncompressed && !(compression === bitfields && (bits === 16 || bits === 32))) {
    throw new Error(`compression ${compression} with ${bits} bits is not supported; save it as PNG`);
  }
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (pixelStart + rowBytes * height > bytes.length) throw new Error("the pixels are cut off");

  const readRow = rowReader();
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const row = signedHeight < 0 ? y : height - 1 - y; // a negative height means rows from the top
    readRow(pixelStart + row * rowBytes, y * width * 3);
  }
  return { width, height, data };

  function rowReader(): (from: number, to: number) => void {
    if (bits === 1 || bits === 4 || bits === 8) return paletteRow(bits);
    if (bits === 24) return (from, to) => directRow(from, to, 3);
    if (bits === 32 && compression === uncompressed) return (from, to) => directRow(from, to, 4);
    if (bits === 16 || bits === 32) return maskedRow(bits);
    throw new Error(`${bits} bits a pixel are not supported; save it as PNG`);
  }

  function paletteRow(bits: 1 | 4 | 8): (from: number, to: number) => void {
    const start = 14 + headerSize;
    const size = old ? 3 : 4; // blue, green, red and, in the newer headers, a spare byte
    const stated = old ? 0 : view.getUint32(46, true);
    const count = stated === 0 ? 1 << bits : Math.min(stated, 256);
    if (start + count * size > bytes.length) throw new Error("the palette is cut off");
    return (from, to) => {
      for (let x = 0; x < width; x++) {
        const byte = bytes[from + ((x * bits) >> 3)]!;
        const index = (byte >> (8 - bits - ((x * bits) & 7))) & ((1 << bits) - 1);
        if (index >= count) throw new Error(`pixel value ${index} is outside the palette of ${count}`);
        for (let c = 0; c < 3; c++) data[to + x * 3 + c] = bytes[start + index * size + 2 - c]!;
      }
    };
  }

  function directRow(from: number, to: number, step: 3 | 4): void {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) data[to + x * 3 + c] = bytes[from + x * step + 2 - c]!;
    }
  }

  function maskedRow(bits: 16 | 32): (from: number, to: number) => void {
    if (compression === bitfields && bytes.length < 66) throw new Error("the colour masks are cut off");
    const masks = [0, 1, 2].map((c) =>
      compression === bitfields ? view.getUint32(54 + c * 4, true) : 0x7c00 >>> (c * 5),
    );
    const fields = masks.map((mask) => {
      const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
      return { mask, shift, most: mask >>> shift };
    });
    return (from, to) => {
      for (let x = 0; x < width; x++) {
        const value = bits === 16 ? view.getUint16(from + x * 2, true) : view.getUint32(from + x * 4, true);
        for (const [c, { mask, shift, most }] of fields.entries()) {
          data[to + x * 3 + c] = most === 0 ? 0 : Math.floor((((value & mask) >>> shift) * 255) / most);
        }
      }
    };
  }
}
