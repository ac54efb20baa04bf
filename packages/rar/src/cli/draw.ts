/** Draws images and writes each as soon as it is finished: what `generate` does, without flags and output for people. */
import { randomInt } from "node:crypto";
import type { GeneratorConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { encodePng } from "../images/png.js";
import { enlarge } from "../images/to-bytes.js";
import type { GeneratedImage, LoadOptions } from "../pipeline.js";
import type { LocateOptions, ModelLocation } from "../weights/model-folder.js";
import { chosenClasses, className } from "./classes.js";
import { differences, readLike, runSettings, withLike } from "./draw-settings.js";
import { type Load, loadModel } from "./load-model.js";
import { type SamplingFlags, samplingOptions } from "./model-flags.js";
import { fourDigits, outputFolder } from "./output-folder.js";
import { checkSizes } from "./overrides.js";
import { pngText } from "./picture-settings.js";
import { startProgress } from "./progress.js";
import { makeSheet } from "./run-sheet.js";
import { type Screen, showPictures } from "./show.js";
import { say } from "./streams.js";
import { type AnimationFormat, startWatching } from "./watch.js";
import { slug } from "./words.js";

export type { AnimationFormat } from "./watch.js";

export interface DrawRequest {
  readonly model?: string | undefined;
  readonly load: LoadOptions;
  /** Values of `--class`. */
  readonly classes: readonly string[];
  /** Images of each class. */
  readonly count: number;
  readonly sampling: SamplingFlags;
  /** Sizes the model must have. */
  readonly sizes?: Partial<GeneratorConfig> | undefined;
  /** A PNG file whose settings are the default of everything. */
  readonly like?: string | undefined;
  readonly folder: string;
  readonly overwrite?: boolean | undefined;
  readonly sheet: boolean;
  readonly scale?: number | undefined;
  readonly watch?: boolean | undefined;
  readonly animate?: AnimationFormat | undefined;
}

/** What the verb needs from the world; a test gives its own. */
export interface DrawTools {
  readonly load: Load;
  readonly locate: (model: string | undefined, options: LocateOptions) => Promise<Located>;
  readonly signal: AbortSignal;
  /** Where the sheet is shown, if anywhere. */
  readonly screen?: Screen | undefined;
}

/** What is read of a model before it is loaded. */
export type Located = Pick<
  ModelLocation,
  "classNames" | "name" | "notes" | "kind" | "generatorFile" | "tokenizerFile"
>;

/** @throws {RarityError} "not-found" where a folder lacks a network, before the other one is loaded for nothing */
export function checkComplete({ kind, name, generatorFile, tokenizerFile }: Located): void {
  if (kind !== "folder" || (generatorFile !== undefined && tokenizerFile !== undefined)) return;
  const part = generatorFile === undefined ? "generator" : "tokenizer";
  throw new RarityError(
    "not-found",
    `The model "${name}" has no ${part}; drawing needs generator and tokenizer. Put ${part}.safetensors into its folder.`,
  );
}

export interface DrawnFile {
  readonly file: string;
  readonly animation?: string | undefined;
  readonly classIndex: number;
  readonly className?: string | undefined;
  readonly index: number;
}

export interface DrawReport {
  readonly model: string;
  readonly engine: string;
  readonly precision: string;
  readonly seed: number;
  readonly folder: string;
  /** The finished ones; fewer than asked for after Ctrl-C. */
  readonly images: readonly DrawnFile[];
  readonly asked: number;
  readonly sheet?: string | undefined;
  /** From the start of drawing to the last step, loading apart. */
  readonly seconds: number;
  readonly secondsPerImage: number;
}

/** More pictures than this make a sheet nobody looks at. */
const mostOnSheet = 400;

/** @throws {RarityError | RangeError} for what cannot be asked for, before a model is loaded where that is possible */
export async function draw(request: DrawRequest, tools: DrawTools): Promise<DrawReport> {
  const { signal } = tools;
  const like = request.like === undefined ? undefined : await readLike(request.like);
  const model = request.model ?? like?.model;
  const wanted = withLike(samplingOptions(request.sampling), like);
  const sampling = { ...wanted, seed: wanted.seed ?? randomInt(2 ** 31) };
  const scale = request.scale ?? like?.scale ?? 1;
  const output = await outputFolder(request.folder, request);

  const location = await tools.locate(model, { parts: [], signal });
  checkComplete(location);
  for (const note of location.notes) say(`Note: ${note}`);
  const named = request.classes.length === 0 && like ? [String(like.classIndex)] : request.classes;
  const distinct = chosenClasses(named, location.classNames, location.name);
  const classes = distinct.flatMap((label) => new Array<number>(request.count).fill(label));

  // A repetition is drawn at the precision of the original, unless a flag says otherwise.
  await using pipeline = await loadModel(tools.load, model, {
    ...request.load,
    precision: request.load.precision ?? like?.precision,
    signal,
  });
  if (request.sizes) checkSizes(request.sizes, pipeline.generator, pipeline.name);
  const run = runSettings(pipeline, model, sampling, scale);
  const warning = like && differences(like, run, distinct[0]!);
  if (warning) say(`Note: ${warning}`);

  const files: DrawnFile[] = [];
  const kept: GeneratedImage[] = [];
  const watching = startWatching(request, pipeline.generator.tokens);
  const progress = watching.live ? undefined : startProgress(progressOf(classes.length));
  const save = async (image: GeneratedImage, position: number): Promise<void> => {
    const { classIndex, index } = image;
    const label = className(classIndex, image.className);
    const stem = `${fourDigits(output.first + position)}-${slug(label) || `class-${classIndex}`}`;
    const settings = { ...run, classIndex, className: image.className, index };
    const file = await output.write(`${stem}.png`, await encodePng(enlarge(image, scale), pngText(settings)));
    const moving = await watching.animation(position, image);
    const animation = moving && (await output.write(`${stem}.${request.animate}`, moving));
    files.push({ file, animation, classIndex, className: image.className, index });
    if (kept.length < mostOnSheet) kept.push(image);
  };

  const start = performance.now();
  let seconds = 0;
  try {
    const previewEvery = watching.previewEvery;
    for await (const event of pipeline.stream({ ...sampling, classes, previewEvery, signal })) {
      seconds = (performance.now() - start) / 1000;
      progress?.update(imagesDone(event.step, event.total, classes.length));
      await watching.see(event);
      for (const [i, image] of (event.finished ?? []).entries()) await save(image, event.images[i]!);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    progress?.finish();
    watching.end();
  }

  let sheetFile: string | undefined;
  if (request.sheet && kept.length > 0) {
    const { sheet, rows } = await makeSheet(kept, {
      title: `${pipeline.name}, seed ${sampling.seed}`,
      scale,
    });
    const name = output.first === 0 ? "sheet.png" : `sheet-${fourDigits(output.first)}.png`;
    sheetFile = await output.write(
      name,
      await encodePng(sheet, { Software: pngText({ ...run, classIndex: 0, index: 0 }).Software! }),
    );
    if (tools.screen) showPictures(tools.screen, sheet, rows);
  }
  return {
    model: pipeline.name,
    engine: run.engine,
    precision: run.precision,
    seed: sampling.seed,
    folder: request.folder,
    images: files,
    asked: classes.length,
    sheet: sheetFile,
    seconds,
    secondsPerImage: files.length === 0 ? 0 : seconds / files.length,
  };
}

const imagesDone = (step: number, total: number, images: number): number => (images * step) / total;

const progressOf = (images: number) => ({
  label: "drawing",
  total: images,
  amount: (done: number) => `${Math.floor(done)} of ${images}`,
  rate: (perSecond: number) =>
    perSecond >= 1 ? `${perSecond.toFixed(1)} images/s` : `${(1 / perSecond).toFixed(1)} s an image`,
});
