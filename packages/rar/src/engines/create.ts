/** Which engine runs a model: the one asked for, or the best that is here. */
import { existsSync } from "node:fs";
import type { Engine, Precision } from "./engine.js";

export const engineNames = ["auto", "onnx", "torch"] as const;
export type EngineName = (typeof engineNames)[number];

/** What each engine computes in. */
export const precisionsOf = {
  onnx: ["float32", "int8", "int4"],
  torch: ["float32", "bfloat16"],
} as const satisfies Record<Exclude<EngineName, "auto">, readonly Precision[]>;

export interface EngineOptions {
  /** "auto": torch where libtorch finds a CUDA device, else onnx. */
  readonly engine?: EngineName | undefined;
  /** "cpu", "cuda", "cuda:1"; for the torch engine. Default: cuda where it is there, else cpu. */
  readonly device?: string | undefined;
  /** "auto": what suits the device and the model's size. */
  readonly precision?: Precision | "auto" | undefined;
  readonly threads?: number | undefined;
  /** Positions of a lone image computed at once; for the onnx engine. Default: what proves fastest. */
  readonly window?: number | undefined;
}

/** Generators larger than this run in a smaller type unless asked otherwise. */
const SMALL_MODEL = 50_000_000;

/**
 * @param parameters - of the generator, 0 without one
 * @throws {RarityError} "engine" when the engine or the device is not there
 * @throws {RangeError} when the engine does not have that precision
 */
export async function createEngine(options: EngineOptions, parameters: number): Promise<Engine> {
  const { engine = "auto", device, threads, window } = options;
  const small = parameters <= SMALL_MODEL;
  const wanted = options.precision === "auto" ? undefined : options.precision;
  const cuda = device?.startsWith("cuda") ?? (engine !== "onnx" && (await cudaIsHere()));
  if (engine === "torch" || (engine === "auto" && cuda)) {
    const { TorchEngine } = await import("./torch/engine.js");
    const precision = wanted ?? (cuda && !small ? "bfloat16" : "float32");
    return TorchEngine.create({ device: cuda ? cudaDevice(device) : (device ?? "cpu"), precision, threads });
  }
  if (cuda)
    throw new RangeError('The onnx engine runs on the CPU only. Pass --engine torch for device "cuda".');
  const { OnnxEngine } = await import("./onnx/engine.js");
  return new OnnxEngine({ precision: wanted ?? (small ? "float32" : "int8"), threads, window });
}

/** The device asked for; of several processes that a launcher started on this machine each takes its own. */
function cudaDevice(device = "cuda"): string {
  const rank = process.env.LOCAL_RANK;
  return device === "cuda" && rank !== undefined && /^\d+$/.test(rank) ? `cuda:${rank}` : device;
}

/** Whether libtorch was set up with CUDA and finds a device. Loading it takes seconds, so only where there may be one. */
async function cudaIsHere(): Promise<boolean> {
  if (process.platform === "linux" && !["/dev/nvidiactl", "/dev/dxg"].some((file) => existsSync(file)))
    return false;
  const torch = await import("libtorch").catch(() => undefined);
  return Boolean(torch?.buildRecord()?.cuda) && torch!.isAvailable() && torch!.cudaDevices() > 0;
}
