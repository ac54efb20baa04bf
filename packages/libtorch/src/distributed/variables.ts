/** Reads a process's place among the others from the environment variables that torchrun sets. */

export interface Place {
  readonly rank: number;
  readonly worldSize: number;
  readonly localRank: number;
  /** Where the processes meet. */
  readonly host: string;
  readonly port: number;
  /** Whether a launcher serves the meeting point; else rank 0 does. */
  readonly launched: boolean;
  /** Keeps the keys of a restarted job apart from those before. */
  readonly prefix: string;
}

const needed = ["RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"] as const;

/** @throws {RangeError} when variables are missing, no whole numbers, or contradict each other */
export function placeFrom(variables: Readonly<Record<string, string | undefined>>): Place {
  const missing = needed.filter((name) => !variables[name]);
  if (missing.length > 0)
    throw new RangeError(
      `initProcessGroup() reads the environment variables ${needed.join(", ")}, and ${missing.join(", ")} ` +
        `${missing.length === 1 ? "is" : "are"} not set. torchrun sets them; without it set them for each process.`,
    );
  const whole = (name: string, least: number, most: number): number => {
    const text = variables[name] as string;
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new RangeError(`${name} must be a whole number from ${least} to ${most}, it is "${text}".`);
    return value;
  };
  const worldSize = whole("WORLD_SIZE", 1, 1_000_000);
  const rank = whole("RANK", 0, Number.MAX_SAFE_INTEGER);
  if (rank >= worldSize)
    throw new RangeError(`RANK is ${rank} and WORLD_SIZE ${worldSize}: ranks go from 0 to WORLD_SIZE - 1.`);
  const localRank = variables.LOCAL_RANK ? whole("LOCAL_RANK", 0, Number.MAX_SAFE_INTEGER) : 0;
  if (localRank > rank)
    throw new RangeError(
      `LOCAL_RANK is ${localRank} and RANK ${rank}: a rank on one machine is never above the rank among all.`,
    );
  const launched = variables.TORCHELASTIC_USE_AGENT_STORE === "True";
  return {
    rank,
    worldSize,
    localRank,
    host: variables.MASTER_ADDR as string,
    port: whole("MASTER_PORT", 1, 65_535),
    launched,
    prefix: launched ? `libtorch/${variables.TORCHELASTIC_RESTART_COUNT ?? 0}` : "libtorch",
  };
}
