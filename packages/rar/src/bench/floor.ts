/** What the machine can do at best, and what an image needs at least: the floor speeds are measured against (DESIGN 8). */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import {
  downsampling,
  type GeneratorConfig,
  headWidth,
  type TokenizerConfig,
} from "../config/architecture.js";
import type { Engine, Precision } from "../engines/engine.js";
import { OnnxEngine } from "../engines/onnx/engine.js";
import { blockSize } from "../engines/onnx/weights.js";
import type { Ops, Parameters } from "../networks/ops.js";

export interface MachineSpeed {
  /** B: bytes a second of a streaming read with all threads. */
  readonly bytesPerSecond: number;
  /** F: floating-point operations a second of a large product by the engine's own library, in float32 or bfloat16. */
  readonly flops: number;
  /** The same in float32, in which pixels are decoded whatever the generator's type. */
  readonly float32Flops: number;
}

/** What is to be measured: an engine, where and with what it runs. */
export interface MachineQuestion {
  readonly engine: Engine["name"];
  readonly device: string;
  readonly precision: Precision;
  readonly threads: number;
}

/**
 * Looks for a byte that is not there: libc's search streams at the memory's speed. The content is different on every
 * page, for a host that stores equal pages once would serve them from its processor's cache.
 */
const READER = `
const { parentPort, workerData } = require("node:worker_threads");
const words = new Uint32Array(workerData.bytes / 4);
for (let i = 0, x = workerData.seed; i < words.length; i++) {
  x ^= x << 13; x ^= x >>> 17; x ^= x << 5;
  words[i] = x | 0x01010101;
}
const buffer = Buffer.from(words.buffer);
parentPort.on("message", () => {
  const start = performance.now();
  for (let i = 0; i < 4; i++) if (buffer.indexOf(0) !== -1) throw new Error("found what is not there");
  parentPort.postMessage((performance.now() - start) / 1000);
});`;

/** B with `threads` threads: the best of several rounds, for a floor is what the machine can do. */
async function streamingRead(threads: number): Promise<number> {
  const bytes = 128 * 2 ** 20;
  const workers = Array.from(
    { length: threads },
    (_, i) => new Worker(READER, { eval: true, workerData: { bytes, seed: 1 + i } }),
  );
  const round = async (): Promise<number> => {
    const seconds = workers.map(
      (worker) => new Promise<number>((resolve) => worker.once("message", resolve)),
    );
    for (const worker of workers) worker.postMessage("go");
    return (workers.length * 4 * bytes) / Math.max(...(await Promise.all(seconds)));
  };
  let best = 0;
  for (let i = 0; i < 8; i++) best = Math.max(best, await round());
  await Promise.all(workers.map((worker) => worker.terminate()));
  return best;
}

/** F: a product of 1024 x 2048 with 2048 x 2048, the best of ten. */
async function largeProduct(engine: OnnxEngine): Promise<number> {
  const [m, k, n] = [1024, 2048, 2048];
  const filled = (length: number): Float32Array =>
    Float32Array.from({ length }, (_, i) => ((i * 7919) % 1000) / 1000);
  const weights = {
    tensors: new Map([["w", { name: "w", dtype: "F32" as const, shape: [n, k] }]]),
    readFloat32: async () => filled(n * k),
  };
  const product = <T>(
    ops: Ops<T>,
    get: Parameters<T>,
    inputs: Readonly<Record<string, T>>,
  ): Record<string, T> => ({
    y: ops.slice(ops.linear(inputs.x as T, get("w")), 0, 0, 1),
  });
  const times = await engine.time(product, weights, { x: { data: filled(m * k), shape: [m, k] } }, 12);
  return (2 * m * k * n) / (Math.min(...times) / 1000);
}

/** Measures B and F now, in a process of its own, so that neither its memory nor its threads count for the caller. */
export function measureMachine(question: MachineQuestion): Promise<MachineSpeed> {
  const child = fork(
    fileURLToPath(new URL("./machine-process.js", import.meta.url)),
    [JSON.stringify(question)],
    {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    },
  );
  return new Promise((resolve, reject) => {
    child.once("message", (speed) => resolve(speed as MachineSpeed));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`measuring the machine ended with exit code ${code}`)));
  });
}

/** The same in this process. */
export async function measureHere({
  engine,
  device,
  precision,
  threads,
}: MachineQuestion): Promise<MachineSpeed> {
  const host = device === "cpu" ? await streamingRead(threads) : 0;
  if (engine === "torch") {
    const { deviceSpeed } = await import("../engines/torch/speed.js");
    const float32 = deviceSpeed(device, "float32", threads);
    const { flops } = precision === "bfloat16" ? deviceSpeed(device, "bfloat16", threads) : float32;
    return { bytesPerSecond: float32.bytesPerSecond ?? host, flops, float32Flops: float32.flops };
  }
  await using onnx = new OnnxEngine({ threads });
  const flops = await largeProduct(onnx);
  return { bytesPerSecond: host, flops, float32Flops: flops };
}

/** Numbers of the linear layers that every step multiplies with. */
const stepWeights = ({ width: D, depth, mlpWidth: F, codebookSize: K }: GeneratorConfig): number =>
  depth * (4 * D * D + 2 * D * F) + D * K;

/** Bytes of a number that is not quantised: of the caches, too. */
const numberBytes = (precision: Precision): number => (precision === "bfloat16" ? 2 : 4);

/** Bytes a weight takes at a precision, the scales of outputs or blocks included. */
function weightBytes(precision: Precision, columns: number): number {
  if (precision === "int8") return 1 + 4 / columns;
  return precision === "int4" ? 0.5 + 4 / blockSize(columns) : numberBytes(precision);
}

export interface ImageFloor {
  readonly steps: number;
  readonly decoder: number;
  readonly total: number;
}

/** Seconds that one batch of images needs at least: the sum over its steps plus the decoder. */
export function imageFloor(
  machine: MachineSpeed,
  generator: GeneratorConfig,
  tokenizer: TokenizerConfig | undefined,
  { precision, images, guided }: { precision: Precision; images: number; guided: boolean },
): ImageFloor {
  const rows = guided ? 2 * images : images;
  const weights = stepWeights(generator) * weightBytes(precision, generator.width);
  const cached = 2 * generator.depth * rows * generator.heads * headWidth(generator); // numbers of one position
  let steps = 0;
  for (let position = 0; position <= generator.tokens; position++) {
    const read = (weights + position * cached * numberBytes(precision)) / machine.bytesPerSecond;
    const multiply = (2 * (rows * stepWeights(generator) + position * cached)) / machine.flops;
    steps += Math.max(read, multiply);
  }
  const decoder = tokenizer ? (images * decoderFlops(tokenizer)) / machine.float32Flops : 0;
  return { steps, decoder, total: steps + decoder };
}

/** Floating-point operations of decoding one image of the tokenizer's resolution. */
export function decoderFlops(c: TokenizerConfig): number {
  const convolution = (into: number, out: number, side: number, kernel = 3): number =>
    2 * into * out * kernel * kernel * side * side;
  const width = (level: number): number => c.channels * c.multipliers[level]!;
  const top = c.multipliers.length - 1;
  let side = c.resolution / downsampling(c);
  let flops =
    convolution(c.zChannels, width(top), side) + 2 * c.blocks * convolution(width(top), width(top), side);
  for (let level = top; level >= 0; level--) {
    for (let block = 0; block < c.blocks; block++) {
      const into = block === 0 && level < top ? width(level + 1) : width(level);
      flops += convolution(into, width(level), side) + convolution(width(level), width(level), side);
      if (into !== width(level)) flops += convolution(width(level), width(level), side, 1);
    }
    if (level > 0) {
      side *= 2;
      flops += convolution(width(level), width(level), side);
    }
  }
  return flops + convolution(width(0), c.imageChannels, side);
}
