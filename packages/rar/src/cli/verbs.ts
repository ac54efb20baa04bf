/** The verbs of the command. To add one: a line here, and a file whose `register` adds it to the program. */
import type { Command } from "commander";

export interface Verb {
  readonly name: string;
  /** For the list of `rarity --help`; the verb's own help says it in full. */
  readonly summary: string;
  /** Loaded only when the verb is used, so that the others start fast. */
  readonly load: () => Promise<{ readonly register: (program: Command) => void }>;
}

export const verbs: readonly Verb[] = [
  { name: "demo", summary: "see what the embedded model draws", load: () => import("./demo.js") },
  { name: "generate", summary: "draw images of given classes", load: () => import("./generate.js") },
  {
    name: "complete",
    summary: "keep the first part of a photo, draw the rest",
    load: () => import("./complete.js"),
  },
  {
    name: "inspect",
    summary: "describe a tensor file, a model folder or a preset",
    load: () => import("./inspect.js"),
  },
  {
    name: "convert",
    summary: "published files to a model folder, other types, other formats",
    load: () => import("./convert.js"),
  },
  { name: "train", summary: "train a generator on tokens", load: () => import("./train.js") },
  {
    name: "train-tokenizer",
    summary: "train a tokenizer on pictures",
    load: () => import("./train-tokenizer.js"),
  },
  { name: "init", summary: "make a model folder with fresh weights", load: () => import("./init.js") },
  {
    name: "verify",
    summary: "hold an engine against recorded numbers",
    load: () => import("./verify.js"),
  },
  {
    name: "pretokenize",
    summary: "pictures to a token file for training",
    load: () => import("./pretokenize.js"),
  },
  {
    name: "tokens",
    summary: "describe, check, convert or see a token file",
    load: () => import("./tokens.js"),
  },
  {
    name: "launch",
    summary: "start several processes that train together",
    load: () => import("./launch.js"),
  },
  {
    name: "sample",
    summary: "draw the images of a benchmark, 50 a class, into one npz file",
    load: () => import("./sample.js"),
  },
  {
    name: "evaluate",
    summary: "score pictures: Inception Score, FID, sFID, precision, recall",
    load: () => import("./evaluate.js"),
  },
  {
    name: "evaluate-tokenizer",
    summary: "measure what a tokenizer loses: PSNR, SSIM, use of codes, rFID",
    load: () => import("./evaluate-tokenizer.js"),
  },
  { name: "bench", summary: "time images beside the machine's floor", load: () => import("./bench.js") },
  {
    name: "doctor",
    summary: "what this machine has, and what is missing",
    load: () => import("./doctor.js"),
  },
];
