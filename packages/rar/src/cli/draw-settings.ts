/** What is to be drawn, once flags, an image to repeat and the model's own settings are put together. */
import { readFile } from "node:fs/promises";
import type { SamplingConfig } from "../config/architecture.js";
import type { PipelineApi, SamplingOptions } from "../pipeline.js";
import { fileSystemError } from "../weights/bad-file.js";
import { type PictureSettings, settingsOf } from "./picture-settings.js";
import { version } from "./version.js";

/** The settings of an image that is to be repeated. */
export async function readLike(file: string): Promise<PictureSettings> {
  try {
    return settingsOf(await readFile(file), file);
  } catch (error) {
    throw fileSystemError("read", file, error);
  }
}

/** Flags before the image to repeat, that before the model's own settings, which are left to the pipeline. */
export function withLike(asked: SamplingOptions, like: PictureSettings | undefined): SamplingOptions {
  if (like === undefined) return asked;
  return {
    seed: asked.seed ?? like.seed,
    firstIndex: like.index,
    temperature: asked.temperature ?? like.temperature,
    guidanceScale: asked.guidanceScale ?? like.guidance,
    guidanceScalePow: asked.guidanceScalePow ?? like.pow,
    topK: asked.topK ?? like.topK,
    topP: asked.topP ?? like.topP,
    batchSize: asked.batchSize,
  };
}

/** What every image of a run is drawn with; nothing is left open. */
export type RunSettings = Omit<PictureSettings, "classIndex" | "className" | "index">;

export function runSettings(
  pipeline: PipelineApi,
  model: string | undefined,
  sampling: SamplingOptions & { readonly seed: number },
  scale: number,
): RunSettings {
  const own: SamplingConfig = pipeline.sampling;
  return {
    model: model ?? pipeline.name,
    seed: sampling.seed,
    temperature: sampling.temperature ?? own.temperature,
    guidance: sampling.guidanceScale ?? own.guidanceScale,
    pow: sampling.guidanceScalePow ?? own.guidanceScalePow,
    ...(sampling.topK !== undefined && { topK: sampling.topK }),
    ...(sampling.topP !== undefined && { topP: sampling.topP }),
    precision: pipeline.precision,
    engine: pipeline.engine,
    version: version(),
    ...(scale !== 1 && { scale }),
  };
}

/** In what a repetition differs from the image it repeats, as a warning; undefined where it will be the same. */
export function differences(like: PictureSettings, now: RunSettings, classIndex: number): string | undefined {
  const keys = [
    "model",
    "seed",
    "temperature",
    "guidance",
    "pow",
    "topK",
    "topP",
    "precision",
    "engine",
    "version",
  ] as const;
  const changed = keys
    .filter((key) => like[key] !== now[key])
    .map((key) => `${key} is ${now[key] ?? "not set"}, it was ${like[key] ?? "not set"}`);
  if (like.classIndex !== classIndex) changed.push(`class is ${classIndex}, it was ${like.classIndex}`);
  if (like.completed) changed.push("it was made by rarity complete, from a photo");
  return changed.length === 0 ? undefined : `The image may not be the same: ${changed.join("; ")}.`;
}
