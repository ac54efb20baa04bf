/** The processes that train together: joining, telling one another things, one working while the others wait. */
import * as torch from "libtorch";
import { RarityError } from "../config/errors.js";
import type { TensorInfo, TensorSource } from "../weights/tensor-file.js";
import { slurmVariables } from "./environment.js";

const { distributed } = torch;

/** This process among all. */
export interface Ranks {
  readonly rank: number;
  readonly size: number;
  /** Number on its machine, by convention that of its GPU; and how many there are on it. */
  readonly local: number;
  readonly localSize: number;
}

/** How often rank 0 tells those who wait that it is still at work. */
const signOfLife = 10_000; // ms

/**
 * Joins the other ranks where WORLD_SIZE is above 1, or Slurm started several tasks; alone otherwise.
 * @param timeoutSeconds - how long to wait for other ranks, in each operation
 * @throws {RarityError} "engine" where libtorch is not set up, or others do not come; RangeError for variables that cannot be
 */
export function joinRanks(timeoutSeconds: number, device: string | undefined, env = process.env): Ranks {
  Object.assign(env, slurmVariables(env));
  try {
    torch.checkSetUp();
    const backend = device === "cpu" ? "gloo" : undefined;
    if (Number(env.WORLD_SIZE ?? 1) > 1) distributed.initProcessGroup({ timeoutSeconds, backend });
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new RarityError("engine", (error as Error).message, { cause: error });
  }
  const local = Number(env.LOCAL_WORLD_SIZE);
  return {
    rank: distributed.rank(),
    size: distributed.worldSize(),
    local: distributed.localRank(),
    localSize: Number.isInteger(local) && local > 0 ? local : distributed.worldSize(),
  };
}

/** A text of rank 0's, on every rank. */
export function fromRankZero(ranks: Ranks, text: string | undefined): string {
  if (ranks.size === 1) return text!;
  const own = new TextEncoder().encode(ranks.rank === 0 ? text : "");
  const length = broadcastNumbers([own.length])[0]!;
  return torch.scope(() => {
    const bytes = torch.tensor(ranks.rank === 0 ? own : new Uint8Array(length));
    return new TextDecoder().decode(distributed.broadcast(bytes).data() as Uint8Array);
  });
}

const broadcastNumbers = (values: readonly number[]): number[] =>
  torch.scope(() => torch.numbers(distributed.broadcast(torch.tensor(values, { dtype: "float64" }))));

/** Sums over the ranks, number by number, in float64. */
export const sumOverRanks = (ranks: Ranks, values: readonly number[]): readonly number[] =>
  ranks.size === 1
    ? values
    : torch.scope(() => torch.numbers(distributed.allReduce(torch.tensor(values, { dtype: "float64" }))));

/**
 * Rank 0 does something that takes its time: a download, a grid of samples; the others wait, for as long as it lives.
 * @returns what `work` gave, on rank 0
 * @throws what `work` threw; on the other ranks an error that says so
 */
export async function onRankZero<R>(ranks: Ranks, work: () => Promise<R>): Promise<R | undefined> {
  if (ranks.size === 1) return work();
  if (ranks.rank === 0) {
    const timer = setInterval(() => broadcastNumbers([waiting]), signOfLife);
    try {
      const result = await work();
      clearInterval(timer);
      broadcastNumbers([done]);
      return result;
    } catch (error) {
      clearInterval(timer);
      broadcastNumbers([failed]);
      throw error;
    }
  }
  for (;;) {
    const [word] = broadcastNumbers([waiting]);
    if (word === done) return undefined;
    if (word === failed)
      throw new RarityError("engine", `Rank ${ranks.rank} ends because rank 0 failed; see its message.`);
    await new Promise(setImmediate);
  }
}
const [waiting, done, failed] = [0, 1, 2];

/** Tensors that rank 0 reads from a file and every rank gets. All ranks must read the same names in the same order. */
export async function sharedSource(ranks: Ranks, own: TensorSource | undefined): Promise<TensorSource> {
  if (ranks.size === 1) return own!;
  const list = fromRankZero(ranks, own && JSON.stringify([...own.tensors.values()]));
  const tensors = new Map((JSON.parse(list) as TensorInfo[]).map((info) => [info.name, info]));
  return {
    tensors,
    async readFloat32(name) {
      const count = tensors.get(name)?.shape.reduce((a, b) => a * b, 1) ?? 0;
      const data = own ? await own.readFloat32(name) : new Float32Array(count);
      return torch.scope(() => distributed.broadcast(torch.tensor(data)).data() as Float32Array);
    },
  };
}
