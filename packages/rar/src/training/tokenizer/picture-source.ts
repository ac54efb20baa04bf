/** Where a tokenizer's pictures come from: all of them in memory where they fit, else read anew for each batch. */
import { setMaxListeners } from "node:events";
import { freemem } from "node:os";
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { RarityError } from "../../config/errors.js";
import type { ImageSet } from "../../data/image-set.js";
import type { PicturePool } from "../../data/picture-pool.js";
import { squaresOf } from "../../data/pretokenize-plan.js";
import type { RgbImage } from "../../images/rgb.js";

export interface PictureSource {
  readonly count: number;
  /** Where the bytes lie, for people: "in memory on cuda:0, 154 MB". */
  readonly where: string;
  /** [B, S, S, 3] uint8 on the device: a kept tensor, the caller's to dispose. */
  take(indices: readonly number[]): Promise<Tensor>;
  dispose(): void;
}

export interface PictureSourceOptions {
  /** Shorter side after resizing; the middle square of it is kept. */
  readonly side: number;
  readonly device: string;
  /** "skip" leaves out pictures that cannot be decoded and tells `say` of each. */
  readonly onError: "fail" | "skip";
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Threads that decode and cut pictures. Default: this one. */
  readonly pool?: PicturePool | undefined;
  /** Most bytes to hold in this machine's memory. Default: half of what is free. */
  readonly memory?: number | undefined;
}

/** Share of a GPU's free memory that pictures may take. */
const deviceShare = 0.25;
/** Pictures being read at the same time; the set itself decides how many are decoded at once. */
const inFlight = 64;

/**
 * Pictures of a set by number.
 * @param indices - which of the set's; the source counts them from 0
 */
export async function openPictures(
  set: ImageSet,
  indices: readonly number[],
  options: PictureSourceOptions,
): Promise<PictureSource> {
  const bytes = indices.length * options.side ** 2 * 3;
  if (options.signal) setMaxListeners(0, options.signal); // each picture that waits for its turn listens
  if (bytes > (options.memory ?? freemem() / 2)) return streamed(set, indices, options);
  return resident(set, indices, options);
}

async function resident(
  set: ImageSet,
  indices: readonly number[],
  options: PictureSourceOptions,
): Promise<PictureSource> {
  const { side, device } = options;
  const size = side * side * 3;
  const all = new Uint8Array(indices.length * size);
  const good = new Uint8Array(indices.length);
  let done = 0;
  await eachOf(indices.length, async (i) => {
    const image = await square(set, indices[i]!, options);
    if (image) {
      all.set(image.data, i * size);
      good[i] = 1;
    }
    options.onProgress?.(++done, indices.length);
  });
  const count = closeGaps(all, good, size);
  if (count === 0) throw noneDecoded(set);
  const gpu = device !== "cpu";
  const fits = gpu && count * size <= deviceShare * torch.cuda.memory(device).free;
  const home = fits ? device : "cpu";
  const bytes = torch.keep(
    torch.tensor(all.subarray(0, count * size), { shape: [count, side, side, 3], device: home }),
  );
  return {
    count,
    where: `in memory ${home === "cpu" ? "" : `on ${home} `}(${Math.ceil((count * size) / 1e6)} MB)`,
    async take(wanted) {
      const picked = torch.scope(() => {
        const ids = torch.tensor(BigInt64Array.from(wanted, BigInt), { device: home });
        return torch.to(torch.index_select(bytes, 0, ids), { device });
      });
      return torch.keep(picked);
    },
    dispose: () => bytes.dispose(),
  };
}

function streamed(set: ImageSet, indices: readonly number[], options: PictureSourceOptions): PictureSource {
  const { side, device, say } = options;
  const size = side * side * 3;
  const told = new Set<string>();
  const once = (line: string): void => {
    if (!told.has(line)) say(line);
    told.add(line);
  };
  const telling = { ...options, say: once };
  return {
    count: indices.length,
    where: `read anew for each batch, for ${Math.ceil((indices.length * size) / 1e6)} MB are too much to hold`,
    async take(wanted) {
      const batch = new Uint8Array(wanted.length * size);
      await eachOf(wanted.length, async (i) => {
        let image: RgbImage | undefined;
        // In place of one that cannot be decoded, the next.
        for (let tried = 0; image === undefined && tried < indices.length; tried++)
          image = await square(set, indices[(wanted[i]! + tried) % indices.length]!, telling);
        if (image === undefined) throw noneDecoded(set);
        batch.set(image.data, i * size);
      });
      return torch.keep(torch.tensor(batch, { shape: [wanted.length, side, side, 3], device }));
    },
    dispose() {},
  };
}

const noneDecoded = ({ name }: ImageSet): RarityError =>
  new RarityError(
    "bad-file",
    `None of the pictures of "${name}" can be decoded. Look at one of those that were skipped.`,
  );

/** Resized and cut, or undefined for one to be skipped. */
async function square(
  set: ImageSet,
  index: number,
  { side, onError, say, signal, pool }: PictureSourceOptions,
): Promise<RgbImage | undefined> {
  signal?.throwIfAborted();
  try {
    const plan = { size: side, crop: "reader", augment: "none" } as const;
    const squares = pool ? await pool.squares(set, index, plan) : squaresOf(await set.read(index), plan);
    return squares[0];
  } catch (error) {
    if (onError === "fail" || !(error instanceof RarityError)) throw error;
    say(`Skipped: ${error.message}`);
    return undefined;
  }
}

/** Calls `work` for 0 .. count - 1, a few at a time, and waits for all. */
async function eachOf(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, worker));
}

/** Moves the good ones together; returns how many there are. */
function closeGaps(all: Uint8Array, good: Uint8Array, size: number): number {
  let count = 0;
  for (const [i, is] of good.entries()) {
    if (!is) continue;
    if (count !== i) all.copyWithin(count * size, i * size, (i + 1) * size);
    count++;
  }
  return count;
}
