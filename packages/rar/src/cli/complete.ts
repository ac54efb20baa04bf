/** `rarity complete`: keeps the first part of a photo and lets the model draw the rest, several times if asked. */
import { randomInt } from "node:crypto";
import { basename } from "node:path";
import type { Command } from "commander";
import { findClass } from "../config/class-names.js";
import { centreCrop } from "../images/crop.js";
import { decodeImage } from "../images/decode.js";
import { encodePng } from "../images/png.js";
import type { RgbImage } from "../images/rgb.js";
import { contactSheet } from "../images/sheet.js";
import { enlarge } from "../images/to-bytes.js";
import type { GeneratedImage, LoadOptions, PipelineApi } from "../pipeline.js";
import { className } from "./classes.js";
import { checkComplete, type DrawnFile, type DrawReport, type DrawTools } from "./draw.js";
import { runSettings } from "./draw-settings.js";
import { share, wholeNumber } from "./flag-values.js";
import { interruption } from "./interrupt.js";
import { loadModel } from "./load-model.js";
import {
  addModelFlags,
  addSamplingFlags,
  loadOptions,
  type ModelFlags,
  type SamplingFlags,
  samplingOptions,
} from "./model-flags.js";
import { fourDigits, outputFolder } from "./output-folder.js";
import { drawingOverrides } from "./overrides.js";
import { pngText } from "./picture-settings.js";
import { startProgress } from "./progress.js";
import { sheetScale } from "./run-sheet.js";
import { showPictures } from "./show.js";
import { print, say } from "./streams.js";
import { summary } from "./summary.js";
import { slug } from "./words.js";

interface Flags extends ModelFlags, SamplingFlags {
  readonly class: string;
  readonly keep: number;
  readonly count: number;
  readonly output?: string;
  readonly overwrite?: boolean;
  readonly scale?: number;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("complete")
    .description("Keep the first part of a photo, row by row from the top, and draw the rest.")
    .argument("<photo>", "a JPEG, PNG, WebP, ... ; its middle is cut out at the model's size")
    .argument("[key=value...]", "the published overrides, such as model.generator.guidance_scale=4")
    .requiredOption("-c, --class <name>", "what the photo shows: a name or number of the model's classes")
    .option("-k, --keep <share>", "how much is kept, such as 50% or 0.5", share, 0.5)
    .option("-n, --count <n>", "different completions", wholeNumber(1, 10_000), 4);
  addSamplingFlags(addModelFlags(command))
    .option("-o, --output <folder>", "where the files go (default: out)")
    .option("--overwrite", "start at number 0 again rather than number on")
    .option("--scale <n>", "enlarge the images, each pixel a square", wholeNumber(1, 64))
    .option("--json", "print one JSON object in place of the files' names")
    .addHelpText(
      "after",
      "\nExample:\n  rarity complete photo.jpg --keep 50% --class fox --model rar-b --count 6",
    )
    .action(async (photo: string, words: string[], flags: Flags) => {
      const signal = interruption();
      const overrides = await drawingOverrides(words);
      for (const note of overrides.notes) say(`Note: ${note}`);
      const { Pipeline } = await import("../pipeline.js");
      const { locateModel } = await import("../weights/model-folder.js");
      const report = await complete(
        {
          photo,
          model: flags.model ?? overrides.model,
          load: loadOptions(flags),
          class: flags.class,
          keep: flags.keep,
          count: flags.count,
          sampling: {
            ...flags,
            temperature: flags.temperature ?? overrides.temperature,
            guidance: flags.guidance ?? overrides.guidance,
            guidancePow: flags.guidancePow ?? overrides.guidancePow,
          } as SamplingFlags,
          folder: flags.output ?? overrides.outputFolder ?? "out",
          overwrite: flags.overwrite,
          scale: flags.scale,
        },
        { load: Pipeline.load, locate: locateModel, signal, screen: flags.json ? undefined : process.stdout },
      );
      if (flags.json) print(JSON.stringify(report));
      else if (!process.stdout.isTTY) for (const { file } of report.images) print(file);
      say(summary(report));
      signal.throwIfAborted();
    });
}

export interface CompleteRequest {
  readonly photo: string;
  readonly model?: string | undefined;
  readonly load: LoadOptions;
  readonly class: string;
  /** Share of the tokens kept, 0 to 1. */
  readonly keep: number;
  readonly count: number;
  readonly sampling: SamplingFlags;
  readonly folder: string;
  readonly overwrite?: boolean | undefined;
  readonly scale?: number | undefined;
}

/** @throws {RarityError | RangeError} for what cannot be asked for, and for a photo that cannot be read */
export async function complete(request: CompleteRequest, tools: DrawTools): Promise<DrawReport> {
  const { signal } = tools;
  const asked = samplingOptions(request.sampling);
  const sampling = { ...asked, seed: asked.seed ?? randomInt(2 ** 31) };
  const scale = request.scale ?? 1;
  const output = await outputFolder(request.folder, request);
  const whole = await decodeImage(request.photo);
  const location = await tools.locate(request.model, { parts: [], signal });
  checkComplete(location);
  for (const note of location.notes) say(`Note: ${note}`);
  const label = findClass(request.class, location.classNames);

  await using pipeline = await loadModel(tools.load, request.model, { ...request.load, signal });
  const photo = centreCrop(whole, pipeline.tokenizer.resolution);
  const run = runSettings(pipeline, request.model, sampling, scale);
  const completed = { photo: basename(request.photo), keep: request.keep };

  const files: DrawnFile[] = [];
  const drawn: GeneratedImage[] = [];
  const save = async (image: GeneratedImage): Promise<void> => {
    const { classIndex, index } = image;
    const name = `${fourDigits(output.first + files.length)}-${slug(className(classIndex, image.className))}-completed.png`;
    const text = pngText({ ...run, classIndex, className: image.className, index, completed });
    const file = await output.write(name, await encodePng(enlarge(image, scale), text));
    files.push({ file, classIndex, className: image.className, index });
    drawn.push(image);
  };

  const progress = startProgress({
    label: "drawing",
    total: request.count,
    amount: (done, all) => `${done} of ${all}`,
  });
  progress.update(0);
  let seconds = 0;
  const start = performance.now();
  try {
    // A few at a time: an image is decided by seed and index, so the parts are those of the whole.
    const atOnce = sampling.batchSize ?? defaultBatch;
    for (let first = 0; first < request.count; first += atOnce) {
      const count = Math.min(atOnce, request.count - first);
      const options = { ...sampling, keep: request.keep, class: label, count, firstIndex: first, signal };
      const images = await pipeline.complete(photo, options);
      seconds = (performance.now() - start) / 1000;
      for (const image of images) await save(image);
      progress.update(files.length);
    }
  } catch (error) {
    if (!signal.aborted || files.length === 0) throw error;
  } finally {
    progress.finish();
  }

  const kept = await keptPart(pipeline, photo, request.keep);
  const pictures = [
    { image: photo, label: "photo" },
    { image: kept, label: `kept: ${Math.round(request.keep * 100)}%` },
    ...drawn.map((image) => ({ image, label: `#${image.index}` })),
  ];
  const sheet = await contactSheet(pictures, {
    title: `${className(label, location.classNames.names[label]?.[0])}: ${pipeline.name}, seed ${sampling.seed}`,
    scale: scale > 1 ? scale : sheetScale(photo),
    ...(pictures.length <= 6 && { columns: pictures.length }),
  });
  const sheetName = output.first === 0 ? "sheet.png" : `sheet-${fourDigits(output.first)}.png`;
  const sheetFile = await output.write(sheetName, await encodePng(sheet));
  if (tools.screen) {
    const rows = pictures.map(({ image, label: text }) => ({ label: text, images: [image] }));
    showPictures(tools.screen, sheet, rows);
  }
  return {
    model: pipeline.name,
    engine: run.engine,
    precision: run.precision,
    seed: sampling.seed,
    folder: request.folder,
    images: files,
    asked: request.count,
    sheet: sheetFile,
    seconds,
    secondsPerImage: seconds / files.length,
  };
}

/** Completions computed together, where nothing else is asked for. */
const defaultBatch = 4;

/** What the model is given: the photo through the tokenizer, the tokens that it has to draw left grey. */
async function keptPart(pipeline: PipelineApi, photo: RgbImage, keep: number): Promise<RgbImage> {
  const codes = await pipeline.encode([photo]);
  const [seen] = await pipeline.decode(codes);
  const { width, data: original } = seen!;
  const tokens = codes[0]!.length;
  const side = Math.sqrt(tokens);
  const cell = width / side;
  const first = Math.round(keep * tokens);
  const data = original.slice();
  for (let at = 0; at < data.length; at += 3) {
    const pixel = at / 3;
    const token = Math.floor(Math.floor(pixel / width) / cell) * side + Math.floor((pixel % width) / cell);
    if (token >= first) data.fill(232, at, at + 3);
  }
  return { ...seen!, data };
}
