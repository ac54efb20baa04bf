/** Decodes Netpbm pictures: PBM, PGM and PPM, as text (P1 to P3) and as bytes (P4 to P6). */
import type { RgbImage } from "./rgb.js";

/**
 * Samples are scaled to 8 bits by the largest value the header names. A PGM with more than 8 bits is clipped, since
 * Pillow opens it as integers.
 *
 * @param checkSize - called with the claimed size before anything of that size is allocated
 * @throws {Error} saying what is wrong with the bytes
 */
export function decodeNetpbm(
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
): RgbImage {
  let at = 2;
  const kind = bytes[1]! - 0x30;
  const isBitmap = kind === 1 || kind === 4;
  const channels = kind === 3 || kind === 6 ? 3 : 1;
  const width = readNumber("width");
  const height = readNumber("height");
  checkSize(width, height);
  const largest = isBitmap ? 1 : readNumber("largest value");
  if (largest < 1 || largest > 65535) throw new Error(`a largest value of ${largest} is outside 1..65535`);

  const sampleBytes = largest > 255 ? 2 : 1;
  const rowBytes = kind === 4 ? Math.ceil(width / 8) : width * channels * sampleBytes;
  if (kind >= 4) {
    at++; // exactly one white space stands between the header and the samples
    if (at + rowBytes * height > bytes.length) throw new Error("the pixels are cut off");
  } else if (width * height * channels > bytes.length - at) {
    throw new Error("the pixels are cut off"); // each takes at least a digit
  }
  const scale = scaleOf();
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < width * channels; i++) {
      const sample = scale[Math.min(readSample(y, i), largest)]!;
      const to = y * width * 3;
      if (channels === 3) data[to + i] = sample;
      else data.fill(sample, to + i * 3, to + i * 3 + 3);
    }
  }
  return { width, height, data };

  function readSample(y: number, i: number): number {
    if (kind === 1) return readBit();
    if (kind < 4) return readNumber("sample");
    const row = at + y * rowBytes;
    if (kind === 4) return (bytes[row + (i >> 3)]! >> (7 - (i & 7))) & 1;
    return sampleBytes === 1 ? bytes[row + i]! : bytes[row + i * 2]! * 256 + bytes[row + i * 2 + 1]!;
  }

  /** What each stored value becomes in 8 bits. In a bitmap 1 is black. */
  function scaleOf(): Uint8Array {
    const most = channels === 1 && largest > 255 ? 65535 : 255;
    return Uint8Array.from({ length: largest + 1 }, (_, value) =>
      isBitmap ? 255 * (1 - value) : Math.min(255, Math.round((value / largest) * most)),
    );
  }

  function readNumber(what: string): number {
    skipSpace();
    const start = at;
    let value = 0;
    while (at < bytes.length && isDigit(bytes[at]!) && at - start < 10)
      value = value * 10 + bytes[at++]! - 0x30;
    if (at === start) throw new Error(`its ${what} is missing or not a number`);
    return value;
  }

  /** The digits of a plain bitmap need no space between them. */
  function readBit(): number {
    skipSpace();
    const bit = (bytes[at++] ?? 0) - 0x30;
    if (bit !== 0 && bit !== 1) throw new Error("its sample is missing or not a number");
    return bit;
  }

  function skipSpace(): void {
    for (; at < bytes.length; at++) {
      const byte = bytes[at]!;
      if (byte === 0x23) {
        while (at < bytes.length && bytes[at] !== 10 && bytes[at] !== 13) at++;
      } else if (byte !== 0x20 && !(byte >= 9 && byte <= 13)) {
        return;
      }
    }
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
