/** Seeds, threads, devices, and what libtorch says of itself. */
import { buildRecord, native } from "./native.js";
import { adopt, slotOf, type Tensor } from "./tensor.js";

/**
 * Seeds the default generators of every device. They belong to the process: worker threads draw from the same stream, in
 * the order in which they come.
 * @throws {RangeError} unless 0 ≤ seed < 2^53
 */
export function manualSeed(seed: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`A seed is a whole number, at least 0 and below 2^53; this is ${seed}.`);
  native().manualSeed(seed);
}

/** State of a device's default generator, a byte tensor; to be given back to {@link setGeneratorState}. */
export const generatorState = (device = "cpu"): Tensor => adopt(native().generatorState(device));

export const setGeneratorState = (state: Tensor, device = "cpu"): void =>
  native().setGeneratorState(device, slotOf(state));

/** Threads that one operator may use. */
export const getThreads = (): number => native().threads();

/** @throws {RangeError} unless it is a whole number of at least 1 */
export function setThreads(count: number): void {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new RangeError(`threads must be a whole number of at least 1, it is ${count}.`);
  native().setThreads(count);
}

/** Lets CUDA compute float32 products and convolutions in TF32. Off by default for products, as in PyTorch. */
export const allowTF32 = (allow: boolean): void => native().allowTF32(allow);

/**
 * Lets the process keep the memory of all freed tensors on the CPU for the next ones. By default that of tensors over 32 MB,
 * and much of that of tensors under 1 MB, goes back to the system, and getting it again, page by page, is up to a tenth of a
 * small model's training step. For programs whose need stays the same, such as training; it cannot be undone.
 * @returns whether this had an effect: false where the allocator is not glibc's
 */
export const keepFreedMemory = (): boolean => native().keepFreedMemory();

export const cudaDevices = (): number => native().cudaDevices();

export interface RuntimeInfo {
  readonly version: string;
  /** Where libtorch was found when the addon was built. */
  readonly origin: string;
  readonly blas: string;
  /** "AVX512", "AVX2", ... */
  readonly simd: string;
  readonly threads: number;
  readonly openmp: boolean;
  readonly cudaDevices: number;
}

/** What this libtorch is, for `doctor` and bug reports. */
export function runtimeInfo(): RuntimeInfo {
  const config = native().config();
  const find = (pattern: RegExp, otherwise: string): string => pattern.exec(config)?.[1]?.trim() ?? otherwise;
  return {
    version: find(/TORCH_VERSION=([^,\s]+)/, native().compiledVersion),
    origin: process.env.LIBTORCH_ADDON ?? buildRecord()?.origin ?? "unknown",
    blas: find(/BLAS_INFO=([^,\s]+)/, "unknown"),
    simd: find(/CPU capability usage: (.+)/, "unknown"),
    threads: getThreads(),
    openmp: /OpenMP \d/.test(config),
    cudaDevices: cudaDevices(),
  };
}
