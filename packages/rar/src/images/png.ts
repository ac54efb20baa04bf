/** Writes PNG files with settings in text chunks, and reads those chunks back. */
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { crc32, deflate, deflateSync, inflateSync } from "node:zlib";
import { RarityError } from "../config/errors.js";
import { checkPicture, filterRows } from "./png-filter.js";
import type { RgbImage } from "./rgb.js";

const deflateAsync = promisify(deflate);
const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/**
 * A picture as a PNG file: 8-bit RGB, worked on so that the event loop keeps turning.
 *
 * @param text - keyword to value. Latin-1 values become `tEXt`, others UTF-8 `iTXt`; keywords are 1 to 79 characters
 * of Latin-1
 * @throws {RangeError} for a picture whose bytes do not fit its size, or a text that PNG cannot hold
 */
export async function encodePng(
  image: RgbImage,
  text: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const texts = textChunks(text);
  const rows = newRows(image);
  // A few milliseconds of rows at a time, so that a large sheet does not hold up a server.
  const slice = Math.max(1, Math.ceil((1 << 18) / (image.width * 3)));
  for (let y = 0; y < image.height; y += slice) {
    if (y > 0) await setImmediate();
    filterRows(image, y, Math.min(y + slice, image.height), rows);
  }
  return assemble(image, texts, await deflateAsync(rows, { level: 6 }));
}

/** `encodePng` at once, for small pictures on their way to a terminal. */
export function encodePngSync(image: RgbImage, text: Readonly<Record<string, string>> = {}): Uint8Array {
  const texts = textChunks(text);
  const rows = newRows(image);
  filterRows(image, 0, image.height, rows);
  return assemble(image, texts, deflateSync(rows, { level: 6 }));
}

/**
 * The text chunks of a PNG file: `tEXt`, `zTXt` and `iTXt`. Where a keyword comes twice the last one counts.
 *
 * @param name - what errors call the file
 * @throws {RarityError} `bad-file` when the bytes are no whole PNG file, a checksum is wrong, or a text is not valid or
 * longer than a mebibyte
 */
export function readPngText(bytes: Uint8Array, name = "picture"): Record<string, string> {
  const texts = new Map<string, string>();
  for (const { type, data } of readChunks(bytes, name)) {
    try {
      if (type === "tEXt" || type === "zTXt" || type === "iTXt") texts.set(...parseText(type, data));
    } catch (error) {
      throw badPng(
        name,
        `its ${type} chunk is not valid (${error instanceof Error ? error.message : error})`,
        error,
      );
    }
  }
  return Object.fromEntries(texts);
}

function newRows(image: RgbImage): Uint8Array {
  checkPicture(image);
  return new Uint8Array((image.width * 3 + 1) * image.height);
}

function assemble({ width, height }: RgbImage, texts: readonly Uint8Array[], pixels: Uint8Array): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, deflate, the standard filters, not interlaced
  return concat([
    signature,
    chunk("IHDR", header),
    ...texts,
    chunk("IDAT", pixels),
    chunk("IEND", new Uint8Array()),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(data.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(Buffer.from(type, "latin1"), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

function textChunks(text: Readonly<Record<string, string>>): Uint8Array[] {
  return Object.entries(text).map(([keyword, value]) => {
    if (!isKeyword(keyword)) {
      throw new RangeError(
        `"${keyword}" cannot be a PNG keyword: use 1 to 79 Latin-1 characters without spaces at the ends or in a row.`,
      );
    }
    if (value.includes("\0"))
      throw new RangeError(`The PNG text "${keyword}" holds a NUL character; take it out.`);
    const plain = isLatin1(value);
    const body = Buffer.from(value, plain ? "latin1" : "utf8");
    if (!plain && body.toString("utf8") !== value) {
      throw new RangeError(`The PNG text "${keyword}" holds half a surrogate pair; take it out.`);
    }
    // iTXt: NUL, not compressed (two bytes), no language (NUL), no translated keyword (NUL).
    const parts = [Buffer.from(keyword, "latin1"), new Uint8Array(plain ? 1 : 5), body];
    return chunk(plain ? "tEXt" : "iTXt", concat(parts));
  });
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

function* readChunks(bytes: Uint8Array, name: string): Generator<Chunk> {
  if (!signature.every((byte, i) => bytes[i] === byte)) throw badPng(name, "it is not a PNG file");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = signature.length; ; ) {
    if (at + 12 > bytes.length) throw badPng(name, "it is cut off");
    const length = view.getUint32(at);
    const end = at + 12 + length;
    const type = Buffer.from(bytes.subarray(at + 4, at + 8)).toString("latin1");
    if (!/^[A-Za-z]{4}$/.test(type)) throw badPng(name, `byte ${at + 4} should start the name of a chunk`);
    if (end > bytes.length) throw badPng(name, `it is cut off inside its ${type} chunk`);
    if (crc32(bytes.subarray(at + 4, end - 4)) !== view.getUint32(end - 4)) {
      throw badPng(name, `the checksum of its ${type} chunk is wrong`);
    }
    if (type === "IEND") return;
    yield { type, data: bytes.subarray(at + 8, end - 4) };
    at = end;
  }
}

const longestText = 1 << 20; // inflated: a settings text is a few hundred bytes

function parseText(type: "tEXt" | "zTXt" | "iTXt", data: Uint8Array): [keyword: string, value: string] {
  let at = 0;
  const field = (): Uint8Array => {
    const end = data.indexOf(0, at);
    if (end < 0) throw new Error("a field does not end");
    const bytes = data.subarray(at, end);
    at = end + 1;
    return bytes;
  };
  const keyword = Buffer.from(field()).toString("latin1");
  if (!isKeyword(keyword)) throw new Error("the keyword is not 1 to 79 Latin-1 characters");
  let compressed = type === "zTXt";
  if (type === "iTXt") {
    if (data[at]! > 1) throw new Error("the compression flag is neither 0 nor 1");
    compressed = data[at++] === 1;
  }
  if (type !== "tEXt" && data[at++] !== 0 && compressed) throw new Error("the compression method is unknown");
  if (type === "iTXt") {
    field(); // language
    field(); // translated keyword
  }
  let value = data.subarray(Math.min(at, data.length));
  if (compressed) value = inflateSync(value, { maxOutputLength: longestText });
  if (value.length > longestText) throw new Error("the text is longer than a mebibyte");
  if (type !== "iTXt") return [keyword, Buffer.from(value).toString("latin1")];
  return [keyword, new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value)];
}

function isKeyword(keyword: string): boolean {
  return /^(?! )(?!.* {2})[\x20-\x7e\xa1-\xff]{1,79}$/.test(keyword) && !keyword.endsWith(" ");
}

function isLatin1(value: string): boolean {
  return /^[\n\x20-\x7e\xa0-\xff]*$/.test(value);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function badPng(name: string, what: string, cause?: unknown): RarityError {
  const cure = "Give a PNG file as it was written, not one that was cut or changed.";
  return new RarityError("bad-file", `Cannot read the settings in "${name}": ${what}. ${cure}`, { cause });
}
