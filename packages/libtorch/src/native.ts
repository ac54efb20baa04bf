/** Finds and loads the compiled addon, and says what it offers. Nothing else in the package touches it by name. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CudaNative } from "./cuda/addon.js";
import { prepareEnvironment } from "./environment.js";

/** An operator as the addon gives it: slots, numbers, strings and arrays in; slots or numbers out; for lists see `adoptList`. */
// biome-ignore lint/suspicious/noExplicitAny: what it takes and returns is the schema's; generated code knows it
export type NativeOperator = (...values: any[]) => any;

/** The functions of the addon that are not operators. A tensor is a slot number; -1 stands for none. */
export interface Native {
  readonly compiledVersion: string;
  /** Slots of the list that the last operator returned, unless they were too many for it. */
  readonly listed: Int32Array;

  fromArray(data: ArrayBufferView, dtype: number, sizes: readonly number[]): number;
  readInto(slot: number, data: ArrayBufferView): void;
  shareMemory(slot: number): ArrayBuffer;
  describe(slot: number): [dtype: number, device: string, index: number, ...sizes: number[]];
  release(slot: number): void;
  releaseMany(slots: Int32Array, count: number): void;
  liveTensors(): number;
  liveBytes(): number;
  strides(slot: number): number[];
  isContiguous(slot: number): boolean;

  resolve(
    name: string,
    overload: string,
    argumentNames: readonly string[],
  ): { call: NativeOperator; unknown: string } | null;
  schemaOf(name: string, overload: string): string | null;

  backward(
    outputs: Int32Array,
    gradients: Int32Array,
    retainGraph: boolean,
    createGraph: boolean,
    inputs: Int32Array,
  ): void;
  grad(
    outputs: Int32Array,
    inputs: Int32Array,
    gradients: Int32Array,
    retainGraph: boolean,
    createGraph: boolean,
  ): Int32Array;
  requiresGrad(slot: number): boolean;
  setRequiresGrad(slot: number, value: boolean): void;
  isLeaf(slot: number): boolean;
  gradOf(slot: number): number;
  setGrad(slot: number, gradient: number): void;
  gradEnabled(): boolean;
  setGradEnabled(value: boolean): void;
  enterInference(): void;
  leaveInference(): void;
  enterAutocast(device: string, enabled: boolean, dtype: number): [enabled: boolean, dtype: number];
  leaveAutocast(device: string, enabled: boolean, dtype: number): void;
  setAutocastCache(enabled: boolean): boolean;

  config(): string;
  parallelInfo(): string;
  threads(): number;
  setThreads(count: number): void;
  cudaDevices(): number;
  dropoutFactors(slot: number, share: number): number;
  manualSeed(seed: number): void;
  generatorState(device: string): number;
  setGeneratorState(device: string, slot: number): void;
  allowTF32(allow: boolean): void;
  keepFreedMemory(): boolean;

  /** Streams, events, graphs, memory: only where the addon was compiled with CUDA's headers. */
  readonly cuda?: CudaNative;
}

/** What `setup` leaves beside the addon it built. */
export interface BuildRecord {
  /** The addon's file, relative to the build folder. */
  readonly addon: string;
  readonly version: string;
  /** A few words on where libtorch came from. */
  readonly origin: string;
  readonly library: string;
  readonly cuda: boolean;
}

/** Why libtorch cannot be used here, with what to do. */
export class LibtorchMissingError extends Error {
  override readonly name = "LibtorchMissingError";
}

export const buildFolder = (): string =>
  process.env.LIBTORCH_BUILD ?? join(dirname(fileURLToPath(import.meta.url)), "../build");

/** The record of the last build, if there is one. */
export function buildRecord(): BuildRecord | undefined {
  const file = join(buildFolder(), "current.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as BuildRecord) : undefined;
}

function addonFile(): string {
  if (process.env.LIBTORCH_ADDON) return process.env.LIBTORCH_ADDON;
  const record = buildRecord();
  const file = record && join(buildFolder(), record.addon);
  if (file && existsSync(file)) return file;
  throw new LibtorchMissingError(
    "The libtorch addon is not built. Run `npm run setup` in the repository, or `npx libtorch setup` where the package is installed.",
  );
}

function load(): Native {
  const file = addonFile();
  prepareEnvironment();
  let native: Native;
  try {
    native = createRequire(import.meta.url)(file) as Native;
  } catch (error) {
    throw new LibtorchMissingError(
      `The libtorch addon cannot be loaded (${error instanceof Error ? error.message.split("\n")[0] : error}). ` +
        "libtorch was moved or changed since it was built: run `npm run setup` again.",
      { cause: error },
    );
  }
  const running = /TORCH_VERSION=(\d+\.\d+)/.exec(native.config())?.[1];
  const compiled = native.compiledVersion.split(".").slice(0, 2).join(".");
  if (running !== undefined && running !== compiled)
    throw new LibtorchMissingError(
      `The addon was built for libtorch ${compiled}, and ${running} is loaded. Run \`npm run setup\` again.`,
    );
  return native;
}

let loaded: Native | undefined;

/**
 * The addon, loaded when first used.
 * @throws {LibtorchMissingError} when it was not built, or does not load
 */
export const native = (): Native => {
  loaded ??= load();
  return loaded;
};

/**
 * Whether setup has been run, without loading libtorch; and sets what its thread pools read from the environment when
 * they start. Call it in the main thread before a worker loads libtorch: a worker's environment is a copy.
 * @throws {LibtorchMissingError} when the addon was not built
 */
export function checkSetUp(): void {
  addonFile();
  prepareEnvironment();
}

/** Whether the addon is there and loads. */
export function isAvailable(): boolean {
  try {
    native();
    return true;
  } catch (error) {
    if (error instanceof LibtorchMissingError) return false;
    throw error;
  }
}
