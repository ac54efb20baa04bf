/** Which model a benchmark draws with, and under which settings: flags, the reference's words, a preset, the model's own. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { SamplingConfig } from "../config/architecture.js";
import { type Preset, type PresetName, presetNamed, presetNames, presets } from "../config/presets.js";
import type { SamplingOptions } from "../pipeline.js";
import type { ModelLocation } from "../weights/model-folder.js";
import type { DrawingOverrides } from "./overrides.js";
import { say } from "./streams.js";

export interface Named {
  readonly model?: string | undefined;
  readonly preset?: string | undefined;
}

/** @throws {RarityError} "not-found" for a preset that is none */
export function modelOf({ model, preset }: Named, words: DrawingOverrides): string | undefined {
  if (preset !== undefined) presetNamed(preset);
  const named = model ?? words.model;
  if (named === undefined) return preset;
  const published = publishedAs(basename(named));
  if (published === undefined || existsSync(named)) return named;
  say(
    `Note: There is no "${named}" here: the published ${published} is taken from the Hub, as the reference does.`,
  );
  return published;
}

const publishedAs = (file: string): PresetName | undefined =>
  presetNames.find((name) => (presets[name] as Preset).files?.generator.file === file);

/** What every image of the run is drawn with; nothing is left open. */
export interface SampleSampling extends SamplingConfig {
  readonly seed: number;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
}

/** The reference's own seed (REFERENCE 5), though its random numbers are others. */
const defaultSeed = 42;

export function samplingOf(
  asked: SamplingOptions,
  words: DrawingOverrides,
  { preset }: Named,
  location: Pick<ModelLocation, "sampling">,
): SampleSampling {
  const own = preset === undefined ? location.sampling : presetNamed(preset).sampling;
  return {
    seed: asked.seed ?? defaultSeed,
    temperature: asked.temperature ?? words.temperature ?? own.temperature,
    guidanceScale: asked.guidanceScale ?? words.guidance ?? own.guidanceScale,
    guidanceScalePow: asked.guidanceScalePow ?? words.guidancePow ?? own.guidanceScalePow,
    topK: asked.topK,
    topP: asked.topP,
  };
}
