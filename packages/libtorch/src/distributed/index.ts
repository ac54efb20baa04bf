/** Several processes that train one model: PyTorch's c10d. */
export {
  allGather,
  allGatherAsync,
  allReduce,
  allReduceAsync,
  barrier,
  barrierAsync,
  broadcast,
  broadcastAsync,
  type ReduceOperation,
  type Work,
} from "./collectives.js";
export { DistributedError } from "./failure.js";
export { DistributedGradients, type DistributedGradientsOptions } from "./gradients.js";
export {
  closeProcessGroup,
  initProcessGroup,
  localRank,
  type ProcessGroupOptions,
  rank,
  worldSize,
} from "./group.js";
