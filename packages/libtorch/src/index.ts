/** PyTorch's C++ library for TypeScript: tensors, operators, gradients. */
export { speedAdvice } from "./advice.js";
export { type BackwardOptions, backward, grad } from "./autograd.js";
export { type Block, type Checkpointed, checkpointBlocks } from "./checkpoint.js";
export { item, type Nested, numbers, type TensorOptions, tensor } from "./create.js";
export * as cuda from "./cuda/index.js";
export * as distributed from "./distributed/index.js";
export { dropoutFactors } from "./dropout.js";
export { type DType, dtypeNames, type TypedArray } from "./dtype.js";
export { type AutocastOptions, autocast, enableGrad, inferenceMode, isGradEnabled, noGrad } from "./modes.js";
export { buildRecord, checkSetUp, isAvailable, LibtorchMissingError } from "./native.js";
export { hasOperator, type MemoryFormat, type Reduction } from "./operator.js";
export * from "./operators.js";
export {
  AdamW,
  type AdamWGroup,
  type AdamWOptions,
  type AdamWSettings,
  type OptimizerState,
} from "./optim/adamw.js";
export { type ClipOptions, clipGradNorm, gradNorm } from "./optim/clip.js";
export type { ParameterSet } from "./optim/parameters.js";
export { type CosineOptions, type WarmupOptions, warmupConstant, warmupCosine } from "./optim/schedule.js";
export { linearPacked, packLinear } from "./packed-linear.js";
export {
  allowTF32,
  cudaDevices,
  generatorState,
  getThreads,
  keepFreedMemory,
  manualSeed,
  type RuntimeInfo,
  runtimeInfo,
  setGeneratorState,
  setThreads,
} from "./runtime.js";
export { keep, liveTensors, scope } from "./scope.js";
export { Tensor } from "./tensor.js";
