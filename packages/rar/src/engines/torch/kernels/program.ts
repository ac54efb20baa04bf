/** The kernels of a decode step, compiled for one model, number type and number of rows. */
import type { cuda, DType } from "libtorch";
import { type GeneratorConfig, headWidth } from "../../../config/architecture.js";
import { modulationParts } from "../../../networks/generator.js";
import { CHUNK } from "../modulation.js";
import { attentionSource } from "./attention.js";
import { commonSource } from "./common.js";
import { drawSource } from "./draw.js";
import { linearSource } from "./linear.js";
import { normSource } from "./norm.js";

/** Up to so many rows, linear layers are kernels of their own; beyond, cuBLAS's products are faster. */
export const FEW_ROWS = 4;

/** Warps that a GPU of about 130 multiprocessors is busy with when each has some twenty loads under way; measured by bench/gpu-step.mjs. */
const WARPS = 900;

const modulated = ["tensor", "tensor", "tensor"] as const; // table, condition, state
const parameters = {
  embed: [
    ...["tensor", "tensor", "tensor"], // tables: content, where, next
    ...["tensor", "int", "tensor", "tensor"], // content, how many, where, next
    ...["int", "tensor", "tensor"], // position, state, x
  ],
  normalize: ["tensor", "tensor", ...modulated, "int", "int", "int", "tensor"],
  attention: Array<cuda.ParameterType>(9).fill("tensor"),
  draw: [
    ...["tensor", "int", "tensor", "tensor"], // logits, guided, factors, temperature
    ...["tensor", "tensor", "tensor", "tensor"], // words, state, tokens, broken
  ],
} as const satisfies Record<string, readonly string[]>;

const normedParameters = ["tensor", ...modulated, "int", "int", "tensor", "tensor", "tensor"] as const;
const gatedParameters = ["tensor", "tensor", ...modulated, "int", "tensor", "tensor"] as const;
const fewParameters = {
  qkvLinear: normedParameters,
  projLinear: gatedParameters,
  fc1Linear: normedParameters,
  fc2Linear: gatedParameters,
  headLinear: normedParameters,
} as const satisfies Record<string, readonly string[]>;

export type KernelName = keyof typeof parameters;
export type FewKernelName = keyof typeof fewParameters;

/** What compiles: `cuda.compileKernels`, or a test's stand-in for a GPU. */
export type Compile = (
  source: string,
  kernels: Readonly<Record<string, readonly cuda.ParameterType[]>>,
  options: cuda.CompileOptions,
) => Readonly<Record<string, Pick<cuda.Kernel, "launch">>>;

/**
 * dependent: may start before the kernel ahead of it is done. After `embed` only where it waits at once: others read the
 * position first.
 */
type Launch = (grid: number, dependent: boolean, ...args: cuda.KernelArgument[]) => void;

export interface StepKernels {
  readonly run: Readonly<Record<KernelName, Launch>>;
  /** Linear layers; there with at most {@link FEW_ROWS} rows. */
  readonly few:
    | Readonly<Record<FewKernelName, (dependent: boolean, ...args: cuda.KernelArgument[]) => void>>
    | undefined;
}

/** How the work is cut; for measurements. */
export interface Tuning {
  readonly linearThreads?: number;
  /** Blocks of linear layers that must fit into a multiprocessor, to limit their registers; 0: as the compiler likes. */
  readonly linearBlocks?: number;
  /** Whether linear layers without a norm bring their input to shared memory first. */
  readonly staged?: boolean;
  /** Outputs that a warp computes at once, and warps that share one, by layer. */
  readonly each?: Partial<Record<FewKernelName, number>>;
  readonly split?: Partial<Record<FewKernelName, number>>;
  /** Loads of the cache under way at once, a thread. */
  readonly attentionAhead?: number;
  /** Whether attention asks the memory for its values before it waits, as it does for keys. */
  readonly valuesAhead?: boolean;
  /** Whether kernels start before their predecessors end. */
  readonly dependent?: boolean;
  /** Whether a kernel's successor may start before its predecessor is done, so that several stand by with their weights. */
  readonly early?: boolean;
}

const macros: Readonly<Record<FewKernelName, string>> = {
  qkvLinear: "QKV",
  projLinear: "PROJ",
  fc1Linear: "FC1",
  fc2Linear: "FC2",
  headLinear: "HEAD_OUT",
};
const fewNames = Object.keys(fewParameters) as FewKernelName[];

/**
 * @throws {RangeError} for sizes that these kernels do not have
 * @throws {Error} what `compile` throws
 */
export function stepKernels(
  config: GeneratorConfig,
  dtype: DType,
  device: string,
  rows: number,
  positions: number,
  compile: Compile,
  tuning: Tuning = {},
): StepKernels {
  const chunk = dtype === "bfloat16" ? 8 : 4; // numbers of 16 bytes
  const { width, mlpWidth, heads, codebookSize } = config;
  const d = headWidth(config);
  for (const size of [width, mlpWidth, d])
    if (size % chunk !== 0) throw new RangeError(`a width of ${size} is no multiple of ${chunk}`);
  const few = rows <= FEW_ROWS;
  // Two rows leave registers for three blocks of 128 threads a multiprocessor, so that several kernels stand by with their
  // weights: on an H100 0.70 ms a step of RAR-XL instead of 0.86. Four rows do not, and are best left to two large ones.
  const narrow = rows <= 2;
  const { linearThreads = narrow ? 128 : 256, attentionAhead = few ? 8 : 4 } = tuning;
  const { dependent = true, early = true } = tuning;
  const { linearBlocks = narrow ? 3 : 0, staged = narrow, valuesAhead = narrow } = tuning;
  const attentionParts = d / chunk;
  const places = placesOf(attentionParts);
  const outputs: Readonly<Record<FewKernelName, number>> = {
    qkvLinear: 3 * width,
    projLinear: width,
    fc1Linear: mlpWidth,
    fc2Linear: width,
    headLinear: codebookSize,
  };
  const cut = fewNames.map((name) => {
    const inputs = name === "fc2Linear" ? mlpWidth : width;
    const each = tuning.each?.[name] ?? 4;
    // Six loads of a lane for an output at most, and warps enough for every multiprocessor.
    const least = Math.max(inputs / chunk / 32 / 6, WARPS / (outputs[name] / each));
    const split = tuning.split?.[name] ?? powerAbove(least, Math.min(8, linearThreads / 32));
    return { name, each, split };
  });
  const defines = {
    BF16: dtype === "bfloat16" ? 1 : 0,
    WIDTH: width,
    MLP: mlpWidth,
    HEADS: heads,
    HEAD: d,
    CODES: codebookSize,
    PARTS: modulationParts(config),
    CHUNK,
    POSITIONS: positions,
    ATTENTION_PLACES: places,
    ATTENTION_AHEAD: attentionAhead,
    ROWS: rows,
    EARLY: Number(early),
    STAGED: Number(staged),
    VALUES_AHEAD: Number(valuesAhead),
    LINEAR_THREADS: linearThreads,
    LINEAR_BOUNDS: linearBlocks ? `${linearThreads},${linearBlocks}` : linearThreads,
    ...Object.fromEntries(
      cut.flatMap(({ name, each, split }) => [
        [`${macros[name]}_EACH`, each],
        [`${macros[name]}_SPLIT`, split],
      ]),
    ),
  };
  const source = [commonSource, normSource, attentionSource, few ? linearSource : "", drawSource].join("\n");
  const names = few ? { ...parameters, ...fewParameters } : parameters;
  const made = compile(source, names as Record<string, readonly cuda.ParameterType[]>, { device, defines });

  const blocks: Readonly<Record<KernelName, number>> = {
    embed: 256,
    normalize: 256,
    attention: attentionParts * places,
    draw: 256,
  };
  const launch =
    (name: KernelName): Launch =>
    (grid, follows, ...args) =>
      made[name]!.launch({ grid, block: blocks[name], dependent: follows && dependent }, ...args);
  const linears = cut.map(({ name, each, split }) => {
    const grid = Math.ceil(outputs[name] / ((linearThreads / 32 / split) * each));
    const run = (follows: boolean, ...args: cuda.KernelArgument[]): void =>
      made[name]!.launch({ grid, block: linearThreads, dependent: follows && dependent }, ...args);
    return [name, run] as const;
  });
  return {
    run: {
      embed: launch("embed"),
      normalize: launch("normalize"),
      attention: launch("attention"),
      draw: launch("draw"),
    },
    few: few ? (Object.fromEntries(linears) as StepKernels["few"]) : undefined,
  };
}

/** Positions that a block of the attention looks at together: whole warps of threads, and at least six. */
function placesOf(parts: number): number {
  let places = 8;
  while (parts * places < 192 || (parts * places) % 32 !== 0) places *= 2;
  return places;
}

function powerAbove(least: number, most: number): number {
  let power = 1;
  while (power < least && power < most) power *= 2;
  return power;
}
