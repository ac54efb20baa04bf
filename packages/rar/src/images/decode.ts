/**
 * Reads a picture file into 8-bit RGB the way the reference's loader (Pillow's `convert("RGB")`) does: stored
 * colours as they are, without alpha, orientation, gamma or profile (DATA.md 1).
 */
import { readFile, stat } from "node:fs/promises";
import { RarityError } from "../config/errors.js";
import { decodeBmp } from "./bmp.js";
import { decodeNetpbm } from "./netpbm.js";
import type { RgbImage } from "./rgb.js";
import { maxPixels as pillowLimit, sharp } from "./sharp.js";
import { describeBytes, type ImageFormat, sniffFormat } from "./sniff.js";

export interface DecodeOptions {
  /** What errors call the picture; the path by default. */
  readonly name?: string | undefined;
  /** Most pixels a picture may have. Default 178,956,970, which is Pillow's limit. */
  readonly maxPixels?: number | undefined;
}

/** A decoder for a format that sharp does not read; throws a plain Error saying what is wrong with the bytes. */
export type PlainDecoder = (
  bytes: Uint8Array,
  checkSize: (width: number, height: number) => void,
) => RgbImage;

/**
 * Decodes a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or Netpbm picture; of an animation the first frame. The content
 * decides what it is, not the name.
 *
 * @param source - a path, or the file's bytes
 * @throws {RarityError} `bad-file` for what is not a whole, readable picture of bearable size; `not-found`, `io`
 */
export async function decodeImage(
  source: string | Uint8Array,
  options: DecodeOptions = {},
): Promise<RgbImage> {
  const fromPath = typeof source === "string";
  const name = options.name ?? (fromPath ? source : "picture");
  const bytes = fromPath ? await readPicture(source, name) : source;
  const format = sniffFormat(bytes);
  if (format === undefined) {
    throw badPicture(
      name,
      `it is ${describeBytes(bytes)}`,
      "Give a JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP or PPM file.",
    );
  }
  const limit = options.maxPixels ?? pillowLimit;
  const checkSize = (width: number, height: number): void => {
    if (!(width >= 1 && height >= 1)) throw new Error(`it claims a size of ${width} x ${height}`);
    if (width * height > limit) {
      throw badPicture(
        name,
        `${width} x ${height} pixels are more than the ${limit.toLocaleString("en")} allowed`,
        "Make it smaller, or remove it.",
      );
    }
  };
  try {
    if (format === "bmp") return decodeBmp(bytes, checkSize);
    if (format === "netpbm") return decodeNetpbm(bytes, checkSize);
    return await decodeWithSharp(bytes, format, checkSize);
  } catch (error) {
    if (error instanceof RarityError) throw error;
    const reason =
      error instanceof Error ? error.message.trim().replaceAll(/\s*\n\s*/g, "; ") : String(error);
    throw badPicture(
      name,
      `it cannot be decoded as ${format} (${reason})`,
      "It is cut off, damaged or of a kind not known here: replace it, or remove it.",
      error,
    );
  }
}

async function decodeWithSharp(
  bytes: Uint8Array,
  format: ImageFormat,
  checkSize: (width: number, height: number) => void,
): Promise<RgbImage> {
  // "error" refuses cut-off files and wrong checksums, yet lets stray bytes between JPEG markers pass as Pillow does.
  // The limit on pixels is checkSize's, whose error names the size.
  const open = () =>
    sharp(bytes, { failOn: "error", ignoreIcc: true, limitInputPixels: false, sequentialRead: true });
  const { width, height, space, depth, channels } = await open().metadata();
  checkSize(width, height);
  const wide = depth === "ushort";
  if (!wide && depth !== "uchar") {
    throw new Error(
      `its samples are of type ${depth}, and only 8 and 16 bits can be read; save it as an 8-bit PNG`,
    );
  }
  if (space === "cmyk")
    return cmykToRgb(await rawSamples(open().pipelineColourspace("cmyk").toColourspace("cmyk")));
  if (!wide) return rgbOf(await rawSamples(open().removeAlpha().toColourspace("srgb")));
  const grey = channels <= 2;
  const ownSpace = grey ? "grey16" : "rgb16";
  const raw = await rawSamples(
    open().removeAlpha().pipelineColourspace(ownSpace).toColourspace(ownSpace),
    "ushort",
  );
  // Pillow opens plain 16-bit grey as integers and clips them; grey with alpha and RGB lose the low byte instead.
  return rgbOf(narrow(raw, grey && !(format === "png" && channels === 2) ? "clip" : "high byte"));
}

interface Samples {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

async function rawSamples(
  image: ReturnType<typeof sharp>,
  depth: "uchar" | "ushort" = "uchar",
): Promise<Samples> {
  const { data, info } = await image.raw({ depth }).toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data };
}

/** 16-bit samples, in this machine's byte order as sharp gives them, to 8 bits. */
function narrow(raw: Samples, rule: "clip" | "high byte"): Samples {
  const view = new DataView(raw.data.buffer, raw.data.byteOffset, raw.data.byteLength);
  const data = new Uint8Array(raw.data.length / 2);
  for (let i = 0; i < data.length; i++) {
    const value = view.getUint16(i * 2, littleEndian);
    data[i] = rule === "clip" ? Math.min(value, 255) : value >> 8;
  }
  return { ...raw, data };
}

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

function rgbOf({ width, height, channels, data }: Samples): RgbImage {
  if (channels === 3) return { width, height, data };
  const rgb = new Uint8Array(width * height * 3);
  // One channel is grey; more than three can only be extra samples of a TIFF, which mean nothing here.
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) rgb[i * 3 + c] = data[i * channels + (channels < 3 ? 0 : c)]!;
  }
  return { width, height, data: rgb };
}

/** Ink to light by the integer formula of DATA.md 1, in the order C, M, Y, K with 255 as full ink. */
function cmykToRgb({ width, height, channels, data }: Samples): RgbImage {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const n = 255 - data[i * channels + 3]!;
    for (let c = 0; c < 3; c++) {
      const t = data[i * channels + c]! * n + 128;
      rgb[i * 3 + c] = Math.max(0, n - ((t + (t >> 8)) >> 8));
    }
  }
  return { width, height, data: rgb };
}

async function readPicture(path: string, name: string): Promise<Uint8Array> {
  try {
    // A named pipe or device would be waited for, or read, for ever.
    const info = await stat(path);
    if (!info.isFile()) {
      const kind = info.isDirectory() ? "a folder" : "not a regular file";
      throw badPicture(name, `it is ${kind}`, "Give the path of one picture.");
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof RarityError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new RarityError(
        "not-found",
        `Cannot read picture "${name}": there is no such file. Check the path.`,
        {
          cause: error,
        },
      );
    }
    const why =
      code === "EACCES" ? "permission denied. Give yourself the right to read it." : `${String(error)}.`;
    throw new RarityError("io", `Cannot read picture "${name}": ${why}`, { cause: error });
  }
}

function badPicture(name: string, what: string, cure: string, cause?: unknown): RarityError {
  return new RarityError("bad-file", `Cannot read picture "${name}": ${what}. ${cure}`, { cause });
}
