/** A tokenizer as data sees it: pictures of one size to rows of codes and back, on either engine. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { downsampling, type TokenizerConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { createEngine, type EngineOptions } from "../engines/create.js";
import type { Engine, Tokenizer } from "../engines/engine.js";
import type { RgbImage } from "../images/rgb.js";
import { fromPlanes, type Rounding } from "../images/to-bytes.js";
import { fileSystemError } from "../weights/bad-file.js";
import { locateModel, openModel } from "../weights/model-folder.js";
import { planes } from "./transform.js";

export interface ImageCodec {
  /** What the weights are, so that tokens of another tokenizer are told apart. */
  readonly identity: string;
  /** Side of the pictures, in pixels. */
  readonly size: number;
  /** Codes of a picture. */
  readonly length: number;
  readonly codebookSize: number;
  /** Any number of pictures of size x size -> [count, length] in raster order. */
  encode(images: readonly RgbImage[]): Promise<Int32Array>;
  /** [count, length] -> pictures, values truncated unless asked otherwise. */
  decode(codes: Int32Array, rounding?: Rounding): Promise<RgbImage[]>;
}

export interface CodecOptions extends EngineOptions {
  /** Side of the pictures. Default: that of the tokenizer's own. */
  readonly size?: number | undefined;
  /** Pictures computed together. Default: what takes about a gigabyte with the published tokenizer. */
  readonly atOnce?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A download or the preparation of the weights: what, bytes so far, bytes in all. */
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

/** A codec that owns its engine. */
export interface OpenedCodec extends ImageCodec, AsyncDisposable {
  readonly engine: Engine;
  /** What a user should know of the weights. */
  readonly warnings: readonly string[];
}

/**
 * Loads the tokenizer of a model, and nothing of its generator.
 *
 * @param model - embedded model, preset, model folder, tokenizer file or Hub name
 * @throws {RarityError} "not-found" where there is no such model or it has no tokenizer, "bad-file", "engine", "hub"
 * @throws {RangeError} for a size that the tokenizer does not divide into codes
 */
export async function openCodec(model: string | undefined, options: CodecOptions = {}): Promise<OpenedCodec> {
  const { signal, onProgress } = options;
  const location = await locateModel(model, { signal, onProgress, parts: ["tokenizer"] });
  const identity = await identityOf(location.tokenizerFile, location.name);
  const opened = await openModel({ ...location, generatorFile: undefined });
  try {
    if (opened.tokenizer === undefined)
      throw new RarityError(
        "not-found",
        `The model "${location.name}" has no tokenizer. Add tokenizer.safetensors to its folder.`,
      );
    const size = checkedSize(options.size ?? opened.tokenizer.config.resolution, opened.tokenizer.config);
    const engine = await createEngine(options, 0);
    try {
      const prepared = onProgress && ((done: number, total: number) => onProgress("tokenizer", done, total));
      const tokenizer = await engine.loadTokenizer(opened.tokenizer, { signal, onPrepare: prepared });
      const atOnce = options.atOnce ?? defaultAtOnce(size, engine.device);
      return {
        ...codecOf(tokenizer, { identity, size, atOnce }),
        engine,
        warnings: opened.warnings,
        async [Symbol.asyncDispose]() {
          await engine.dispose();
          await opened[Symbol.asyncDispose]();
        },
      };
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}

/** The codec of a tokenizer that is loaded already. */
export function codecOf(
  tokenizer: Tokenizer,
  { identity, size, atOnce }: { readonly identity: string; readonly size: number; readonly atOnce: number },
): ImageCodec {
  const side = size / downsampling(tokenizer.config);
  const length = side * side;
  return {
    identity,
    size,
    length,
    codebookSize: tokenizer.config.codebookSize,
    async encode(images) {
      const codes = new Int32Array(images.length * length);
      for (let at = 0; at < images.length; at += atOnce)
        codes.set(await tokenizer.encode(planes(images.slice(at, at + atOnce)), size, size), at * length);
      return codes;
    },
    async decode(codes, rounding) {
      const images: RgbImage[] = [];
      for (let at = 0; at < codes.length; at += atOnce * length) {
        const some = codes.slice(at, at + atOnce * length);
        const decoded = await tokenizer.decode(some, side, side);
        for (let i = 0; i < some.length / length; i++)
          images.push(fromPlanes(decoded, size, size, i * 3 * size * size, rounding));
      }
      return images;
    },
  };
}

/** Depends on nothing that changes between runs: some kernels round differently for other batches. */
function defaultAtOnce(size: number, device: string): number {
  const large = device.startsWith("cuda") ? 64 : 8; // pictures of 256 x 256
  return Math.min(256, Math.max(1, Math.floor((large * 256 ** 2) / size ** 2)));
}

function checkedSize(size: number, config: TokenizerConfig): number {
  const f = downsampling(config);
  if (Number.isInteger(size) && size >= f && size % f === 0) return size;
  throw new RangeError(
    `This tokenizer makes a code of ${f} x ${f} pixels, which ${size} does not divide into. Give a multiple of ${f}.`,
  );
}

async function identityOf(file: string | undefined, name: string): Promise<string> {
  if (file === undefined) return name; // the debug preset's weights follow from its name
  const hash = createHash("sha256");
  try {
    for await (const piece of createReadStream(file, { highWaterMark: 1 << 20 }))
      hash.update(piece as Buffer);
  } catch (error) {
    throw fileSystemError("read", file, error);
  }
  return `sha256:${hash.digest("hex").slice(0, 32)}`;
}
