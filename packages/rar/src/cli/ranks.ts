/** Which of how many processes this is, for verbs whose processes meet in files. */
import { RarityError } from "../config/errors.js";
import { slurmVariables } from "../training/environment.js";

export interface RankOfRanks {
  readonly rank: number;
  readonly ranks: number;
}

/**
 * By the variables of torchrun and of `rarity launch`, or of Slurm, which are put beside them.
 * @throws {RarityError} "bad-usage" where they do not fit together
 */
export function ranksOf(env: NodeJS.ProcessEnv): RankOfRanks {
  Object.assign(env, slurmVariables(env));
  const [rank, ranks] = [Number(env.RANK ?? 0), Number(env.WORLD_SIZE ?? 1)];
  if (Number.isInteger(rank) && Number.isInteger(ranks) && rank >= 0 && rank < ranks) return { rank, ranks };
  throw new RarityError(
    "bad-usage",
    `RANK=${env.RANK} and WORLD_SIZE=${env.WORLD_SIZE} do not fit together. Set both, or neither.`,
  );
}
