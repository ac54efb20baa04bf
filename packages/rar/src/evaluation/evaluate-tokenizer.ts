/** What a tokenizer loses: pictures through it and back, measured one by one, as a set, and by the codes they became. */
import type { ImageCodec } from "../data/image-codec.js";
import { defaultPictureThreads } from "../data/picture-pool.js";
import { ThreadPool } from "../data/thread-pool.js";
import type { RgbImage } from "../images/rgb.js";
import { POOLED } from "../networks/inception.js";
import { type CodebookUse, codebookUse, countCodes, referenceEntropy } from "./codebook.js";
import type { Inception } from "./inception-features.js";
import type { Quality } from "./quality-worker.js";
import type { SquareSource } from "./square-source.js";

export interface TokenizerReport {
  readonly pictures: number;
  /** Mean over pictures that did not come back as they were, dB; undefined where all did. */
  readonly psnr: number | undefined;
  /** Pictures that came back as they were. */
  readonly equal: number;
  /** Mean; undefined for pictures smaller than 11 pixels a side. */
  readonly ssim: number | undefined;
  readonly codebook: CodebookUse & { readonly size: number; readonly referenceEntropy: number };
  /** Fréchet distance between Inception's features of pictures and reconstructions. */
  readonly rfid: number | undefined;
  /** By place in the source. */
  readonly each: readonly Quality[];
  /** The pictures with the lowest PSNR, worst first. */
  readonly worst: readonly WorstPicture[];
}

export interface WorstPicture {
  readonly place: number;
  readonly psnr: number;
  readonly picture: RgbImage;
  readonly reconstruction: RgbImage;
}

export interface EvaluateTokenizerOptions {
  /** For rFID. */
  readonly network?: Inception | undefined;
  /** Worst pictures kept. Default 16. */
  readonly worst?: number | undefined;
  /** Hears the mean PSNR of the first batch, so that a broken tokenizer is seen at once. */
  readonly onFirstBatch?: ((psnr: number, pictures: number) => void) | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

const batchSize = 16;

/** Reconstructions are clamped and rounded to bytes before anything is measured (EVALUATION 8). */
export async function evaluateTokenizer(
  source: SquareSource,
  codec: ImageCodec,
  options: EvaluateTokenizerOptions = {},
): Promise<TokenizerReport> {
  const { network, worst: kept = 16, onFirstBatch, onProgress, signal } = options;
  const words = { subject: "A thread that measures pictures", cure: "start again" };
  await using threads = new ThreadPool(defaultPictureThreads(), workerFile(), words);
  const distance = network && (await FeatureDistance.of(network));
  try {
    const counts = new Float64Array(codec.codebookSize);
    const each: Quality[] = [];
    let worst: WorstPicture[] = [];
    onProgress?.(0, source.count);
    for await (const pictures of source.batches(batchSize)) {
      signal?.throwIfAborted();
      const codes = await codec.encode(pictures);
      const decoded = await codec.decode(codes, "round");
      countCodes(codes, codec.codebookSize, counts);
      const measuring = Promise.all(
        pictures.map((picture, i) =>
          threads.use((thread) => thread.call<Quality>("quality", [picture, decoded[i]!])),
        ),
      );
      distance?.add(pictures, decoded);
      const first = each.length;
      for (const [i, quality] of (await measuring).entries()) {
        each.push(quality);
        worst.push({
          place: first + i,
          psnr: quality.psnr,
          picture: pictures[i]!,
          reconstruction: decoded[i]!,
        });
      }
      worst = worst.sort((a, b) => a.psnr - b.psnr || a.place - b.place).slice(0, kept);
      if (first === 0) onFirstBatch?.(meanPsnr(each) ?? Number.POSITIVE_INFINITY, each.length);
      onProgress?.(each.length, source.count);
    }
    const ssims = each.map(({ ssim }) => ssim).filter((value) => value !== undefined);
    return {
      pictures: each.length,
      psnr: meanPsnr(each),
      equal: each.filter(({ psnr }) => psnr === Number.POSITIVE_INFINITY).length,
      ssim: mean(ssims),
      codebook: {
        size: codec.codebookSize,
        ...codebookUse(counts),
        referenceEntropy: referenceEntropy(counts),
      },
      rfid: distance?.value(),
      each,
      worst,
    };
  } finally {
    distance?.[Symbol.dispose]();
  }
}

const mean = (values: readonly number[]): number | undefined =>
  values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;

const meanPsnr = (each: readonly Quality[]): number | undefined =>
  mean(each.map(({ psnr }) => psnr).filter(Number.isFinite));

type MetricsLibrary = typeof import("./statistics.js") & typeof import("./frechet.js");

/** Statistics of both sets, summed up as they come. libtorch is loaded only where rFID is asked for. */
class FeatureDistance implements Disposable {
  readonly #network: Inception;
  readonly #library: MetricsLibrary;
  readonly #sums: readonly [import("./statistics.js").StatisticsSum, import("./statistics.js").StatisticsSum];

  private constructor(network: Inception, library: MetricsLibrary) {
    this.#network = network;
    this.#library = library;
    this.#sums = [new library.StatisticsSum(POOLED), new library.StatisticsSum(POOLED)];
  }

  static async of(network: Inception): Promise<FeatureDistance> {
    return new FeatureDistance(network, {
      ...(await import("./statistics.js")),
      ...(await import("./frechet.js")),
    });
  }

  add(pictures: readonly RgbImage[], reconstructions: readonly RgbImage[]): void {
    for (const [i, images] of [pictures, reconstructions].entries()) {
      const { width, height } = images[0]!;
      const data = new Uint8Array(images.length * width * height * 3);
      for (const [k, image] of images.entries()) data.set(image.data, k * width * height * 3);
      this.#sums[i]!.add(this.#network.features({ count: images.length, width, height, data }).pooled);
    }
  }

  /** undefined with fewer than two pictures */
  value(): number | undefined {
    const [real, back] = this.#sums;
    return real.count < 2 ? undefined : this.#library.frechetDistance(back.gaussian(), real.gaussian());
  }

  [Symbol.dispose](): void {
    for (const sum of this.#sums) sum.dispose();
  }
}

const workerFile = (): URL =>
  import.meta.url.endsWith(".ts")
    ? new URL("../../dist/evaluation/quality-worker.js", import.meta.url)
    : new URL("./quality-worker.js", import.meta.url);
