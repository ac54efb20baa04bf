/** CUDA devices: streams, events, graphs, memory. All else on a GPU is an operator with `device: "cuda"`. */
export { CudaMissingError, isAvailable } from "./available.js";
export {
  type CudaMemory,
  type CudaProperties,
  emptyCache,
  memory,
  properties,
  resetPeakMemory,
  type SyncDebugMode,
  setSyncDebug,
  synchronize,
} from "./device.js";
export { type CaptureMode, Graph, type GraphOptions } from "./graph.js";
export {
  type CompileOptions,
  compileKernels,
  type Dimensions,
  type Kernel,
  type KernelArgument,
  type LaunchOptions,
  type ParameterType,
} from "./kernel.js";
export { Event, type EventOptions, Stream, type StreamOptions } from "./stream.js";
