/** The published models (REFERENCE 1, EVALUATION 9), and a tiny one for trying things out. */
import {
  type GeneratorConfig,
  publishedTokenizer,
  type SamplingConfig,
  type TokenizerConfig,
} from "./architecture.js";
import { RarityError } from "./errors.js";
import { quote } from "./plain.js";
import { didYouMean } from "./suggest.js";

/** A file of a Hub repository. */
export interface PublishedFile {
  readonly repository: string;
  readonly file: string;
}

/** Scores of 50,000 images against the ADM statistics of ImageNet 256 (arXiv 2411.00776, table 4). */
export interface PublishedScores {
  readonly fid: number;
  readonly inceptionScore: number;
  readonly precision: number;
  readonly recall: number;
}

export interface Preset {
  readonly generator: GeneratorConfig;
  readonly tokenizer: TokenizerConfig;
  readonly sampling: SamplingConfig;
  /** Absent for `debug`, whose weights are random. */
  readonly files?: { readonly generator: PublishedFile; readonly tokenizer: PublishedFile };
  readonly scores?: PublishedScores;
}

const imagenet = { codebookSize: 1024, tokens: 256, classes: 1000 } as const;
const published = (file: string) => ({
  generator: { repository: "yucornetto/RAR", file },
  tokenizer: { repository: "fun-research/TiTok", file: "maskgit-vqgan-imagenet-f16-256.bin" },
});

export const presets = {
  "rar-b": {
    generator: { ...imagenet, width: 768, depth: 24, heads: 16, mlpWidth: 3072 },
    tokenizer: publishedTokenizer,
    sampling: { temperature: 1.0, guidanceScale: 16.0, guidanceScalePow: 2.75 },
    files: published("rar_b.bin"),
    scores: { fid: 1.95, inceptionScore: 290.5, precision: 0.82, recall: 0.58 },
  },
  "rar-l": {
    generator: { ...imagenet, width: 1024, depth: 24, heads: 16, mlpWidth: 4096 },
    tokenizer: publishedTokenizer,
    sampling: { temperature: 1.02, guidanceScale: 15.5, guidanceScalePow: 2.5 },
    files: published("rar_l.bin"),
    scores: { fid: 1.7, inceptionScore: 299.5, precision: 0.81, recall: 0.6 },
  },
  "rar-xl": {
    generator: { ...imagenet, width: 1280, depth: 32, heads: 16, mlpWidth: 5120 },
    tokenizer: publishedTokenizer,
    sampling: { temperature: 1.02, guidanceScale: 6.9, guidanceScalePow: 1.5 },
    files: published("rar_xl.bin"),
    scores: { fid: 1.5, inceptionScore: 306.9, precision: 0.8, recall: 0.62 },
  },
  "rar-xxl": {
    generator: { ...imagenet, width: 1408, depth: 40, heads: 16, mlpWidth: 6144 },
    tokenizer: publishedTokenizer,
    sampling: { temperature: 1.02, guidanceScale: 8.0, guidanceScalePow: 1.2 },
    files: published("rar_xxl.bin"),
    scores: { fid: 1.48, inceptionScore: 326.0, precision: 0.8, recall: 0.63 },
  },
  /** Random weights, 16 x 16 pixels, seconds on a laptop. */
  debug: {
    generator: { width: 32, depth: 2, heads: 2, mlpWidth: 64, codebookSize: 64, tokens: 16, classes: 10 },
    tokenizer: {
      channels: 32,
      multipliers: [1, 1, 2],
      blocks: 1,
      zChannels: 32,
      codebookSize: 64,
      imageChannels: 3,
      resolution: 16,
    },
    sampling: { temperature: 1.0, guidanceScale: 4.0, guidanceScalePow: 0.0 },
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;
export const presetNames = Object.keys(presets) as readonly PresetName[];

export const isPreset = (name: string): name is PresetName => Object.hasOwn(presets, name);

/**
 * A preset by its name, in any case and with `_` for `-`.
 * @throws {RarityError} "not-found" with the nearest name and all of them
 */
export function presetNamed(name: string): Preset {
  const key = name.toLowerCase().replaceAll("_", "-");
  if (isPreset(key)) return presets[key];
  throw new RarityError(
    "not-found",
    `There is no preset ${quote(name)}.${didYouMean(name, presetNames)} Presets: ${presetNames.join(", ")}.`,
  );
}

/** The preset with exactly these sizes, if any: names a weight file by its shapes. */
export function presetLike(sizes: GeneratorConfig): PresetName | undefined {
  const keys = Object.keys(sizes) as (keyof GeneratorConfig)[];
  return presetNames.find((name) => keys.every((key) => presets[name].generator[key] === sizes[key]));
}
