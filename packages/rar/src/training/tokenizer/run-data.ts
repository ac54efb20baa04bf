/** The pictures of a run: those to learn from and those held out, opened and brought to memory. */
import { RarityError } from "../../config/errors.js";
import { identityOfImages } from "../../data/image-identity.js";
import { type ImageSet, openImages } from "../../data/image-set.js";
import { sampleAt } from "../../data/order.js";
import { defaultPictureThreads, PicturePool } from "../../data/picture-pool.js";
import { openPictures, type PictureSource } from "./picture-source.js";
import type { TokenizerRunSettings } from "./run-settings.js";

export interface RunDataOptions {
  readonly device: string;
  readonly onError: "fail" | "skip";
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((what: string, done: number, total: number) => void) | undefined;
}

export interface RunData {
  readonly name: string;
  /** Tells whether the pictures to learn are those that they were. */
  readonly identity: string;
  readonly pictures: PictureSource;
  readonly heldOut: PictureSource;
  close(): Promise<void>;
}

/** @throws {RarityError} for sets that are not there, too small, or hold what cannot be decoded */
export async function openRunData(settings: TokenizerRunSettings, options: RunDataOptions): Promise<RunData> {
  const opened: { close(): Promise<void> | void }[] = [];
  const close = async (): Promise<void> => {
    for (const one of opened.splice(0).reverse()) await one.close();
  };
  const { device, onError, say, signal } = options;
  const pool = new PicturePool(defaultPictureThreads());
  opened.push({ close: () => pool[Symbol.asyncDispose]() });
  const open = async (source: string | readonly string[]): Promise<ImageSet> => {
    const set = await openImages(source, { signal, onError, warn: say });
    opened.push(set);
    return set;
  };
  const bring = async ({ set, indices }: Part, side: number, what: string): Promise<PictureSource> => {
    const onProgress = (done: number, total: number): void => options.onProgress?.(what, done, total);
    const source = await openPictures(set, indices, { side, device, onError, say, signal, pool, onProgress });
    opened.push({ close: () => source.dispose() });
    return source;
  };
  try {
    const set = await open(settings.images);
    const other = settings.evalImages === undefined ? undefined : await open(settings.evalImages);
    const parts = other ? apart(set, other, settings.heldOut) : split(set, settings.heldOut);
    return {
      name: set.name,
      identity: `${identityOfImages(set)} ${parts.train.indices.length}`,
      pictures: await bring(parts.train, settings.side, "reading pictures"),
      heldOut: await bring(parts.heldOut, settings.crop, "reading held-out pictures"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Part {
  readonly set: ImageSet;
  readonly indices: readonly number[];
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const apart = (set: ImageSet, other: ImageSet, most: number): { train: Part; heldOut: Part } => ({
  train: { set, indices: upTo(set.count) },
  heldOut: { set: other, indices: upTo(Math.min(most, other.count)) },
});

/** Of one set a fixed part is held out, whatever the seed: runs with other seeds are measured on the same pictures. */
function split(set: ImageSet, most: number): { train: Part; heldOut: Part } {
  const count = Math.min(most, Math.ceil(set.count * heldOutShare));
  if (count < 1 || count >= set.count)
    throw new RarityError(
      "bad-config",
      `"${set.name}" has ${set.count} pictures, too few to hold some out. Give more, or name others in dataset.params.eval_shards_path_or_url.`,
    );
  const out = upTo(count).map((i) => sampleAt(splitSeed, set.count, i));
  const held = new Set(out);
  const rest = upTo(set.count).filter((i) => !held.has(i));
  return { train: { set, indices: rest }, heldOut: { set, indices: out } };
}

const splitSeed = 0;
const heldOutShare = 1 / 20;
