/** A CUDA device as a whole: waiting for it, its memory, its properties. */
import { cudaNative } from "./available.js";

/** Waits until the device has done everything. Its errors are reported here at the latest. */
export const synchronize = (device = "cuda"): void => cudaNative().synchronize(device);

/** Bytes on one device. */
export interface CudaMemory {
  /** Of living tensors, and the most there were since the start or {@link resetPeakMemory}. */
  readonly allocated: number;
  readonly allocatedPeak: number;
  /** What PyTorch's allocator holds, living tensors and memory kept for the next ones; and its peak. */
  readonly reserved: number;
  readonly reservedPeak: number;
  /** What the driver could still give to any process, and what the device has. */
  readonly free: number;
  readonly total: number;
}

export function memory(device = "cuda"): CudaMemory {
  const [allocated, allocatedPeak, reserved, reservedPeak, free, total] = cudaNative().memory(device);
  return {
    allocated: allocated!,
    allocatedPeak: allocatedPeak!,
    reserved: reserved!,
    reservedPeak: reservedPeak!,
    free: free!,
    total: total!,
  };
}

/** The peaks become what is held now. */
export const resetPeakMemory = (device = "cuda"): void => cudaNative().resetPeakMemory(device);

/** Gives the driver back what the allocator holds and no tensor uses. Other programs can use it then; this one gets slower. */
export const emptyCache = (): void => cudaNative().emptyCache();

export interface CudaProperties {
  readonly name: string;
  readonly totalMemory: number;
  /** "9.0" for the H100, ... */
  readonly computeCapability: string;
  readonly multiprocessors: number;
  readonly l2Cache: number;
  /** Bytes a second by the memory's clock and bus, a bound that nothing reaches; undefined where the driver does not tell. */
  readonly memoryBandwidth: number | undefined;
}

export function properties(device = "cuda"): CudaProperties {
  const [name, totalMemory, major, minor, multiprocessors, l2Cache, clock, bus] =
    cudaNative().properties(device);
  // Kilohertz and bits; double data rate: two transfers a clock.
  const memoryBandwidth = (2 * 1000 * clock! * bus!) / 8;
  return {
    name,
    totalMemory: totalMemory!,
    computeCapability: `${major}.${minor}`,
    multiprocessors: multiprocessors!,
    l2Cache: l2Cache!,
    memoryBandwidth: memoryBandwidth > 0 ? memoryBandwidth : undefined,
  };
}

const syncDebugModes = ["ignore", "warn", "error"] as const;
export type SyncDebugMode = (typeof syncDebugModes)[number];

/**
 * What happens in this process when an operator makes the program wait for the GPU, such as `item`: to show that a loop
 * does not. PyTorch's `set_sync_debug_mode`; {@link synchronize} is not counted.
 * @throws {RangeError} for another mode
 */
export function setSyncDebug(mode: SyncDebugMode): void {
  const code = syncDebugModes.indexOf(mode);
  if (code < 0) throw new RangeError(`"${mode}" is none of ${syncDebugModes.join(", ")}.`);
  cudaNative().setSyncDebug(code);
}
