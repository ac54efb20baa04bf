/** Where drawn images go, one of two: PNG files in a folder, or straight into an npz file. */
import type { RgbImage } from "../images/rgb.js";

export interface SampledImage extends RgbImage {
  /** Position in the list of labels. */
  readonly index: number;
  readonly classIndex: number;
}

export interface SampleStore extends AsyncDisposable {
  /** Looks which batches have all their images, whichever process drew them. */
  finished(): Promise<(batch: number) => boolean>;
  /** Keeps a batch; what is there already stays as it is. */
  save(batch: number, images: readonly SampledImage[]): Promise<void>;
  /** Brings all images into the npz file, in the order of files, and leaves nothing else behind. Called once all are there. */
  collect(options: CollectOptions): Promise<void>;
}

export interface CollectOptions {
  readonly npz: string;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
