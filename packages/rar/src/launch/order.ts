/** What a node is told to start, and the environment its ranks get: the variables that torchrun sets. */

/** One start of all ranks on one node. */
export interface StartOrder {
  /** Counts the starts of the whole job, from 0. */
  readonly generation: number;
  /** Ranks on all nodes. */
  readonly worldSize: number;
  /** RANK of this node's first rank. */
  readonly firstRank: number;
  /** Ranks on this node. */
  readonly ranks: number;
  readonly node: number;
  /** Where the ranks meet: rank 0 listens there. */
  readonly masterHost: string;
  readonly masterPort: number;
}

/**
 * @param localRank - from 0 on this node
 * @param cores - of this machine: shared among its ranks where nobody said how many threads each may use
 */
export function rankEnvironment(
  order: StartOrder,
  localRank: number,
  inherited: NodeJS.ProcessEnv,
  cores: number,
): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {
    ...inherited,
    RANK: `${order.firstRank + localRank}`,
    WORLD_SIZE: `${order.worldSize}`,
    LOCAL_RANK: `${localRank}`,
    LOCAL_WORLD_SIZE: `${order.ranks}`,
    NODE_RANK: `${order.node}`,
    GROUP_RANK: `${order.node}`,
    MASTER_ADDR: order.masterHost,
    MASTER_PORT: `${order.masterPort}`,
    TORCHELASTIC_RESTART_COUNT: `${order.generation}`,
    OMP_NUM_THREADS: inherited.OMP_NUM_THREADS || `${Math.max(1, Math.floor(cores / order.ranks))}`,
  };
  delete env.TORCHELASTIC_USE_AGENT_STORE; // of an outer torchrun: here rank 0 serves the meeting point itself
  return env;
}
