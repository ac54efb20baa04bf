/** The variables that say which rank a process is: torchrun's, or made from what Slurm sets. */

/** As torchrun sets them; empty where nothing is to be added. */
export type RankVariables = Readonly<Record<string, string>>;

/**
 * What to add to the environment of a process that `srun` started: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE,
 * NODE_RANK, MASTER_ADDR and MASTER_PORT from the step's own variables. Variables that are there stay as they are, and
 * a process with a RANK gets nothing: torchrun, `rarity launch` or Kubernetes has spoken.
 *
 * The ranks meet on the first host of the job, at a port made from the numbers of the job and the step, which is the
 * same on all hosts and seldom that of another job.
 */
export function slurmVariables(env: NodeJS.ProcessEnv): RankVariables {
  const world = env.SLURM_STEP_NUM_TASKS ?? env.SLURM_NTASKS;
  const hosts = env.SLURM_STEP_NODELIST ?? env.SLURM_JOB_NODELIST;
  // Without a step this is the batch script itself or a shell of salloc, where one process runs whatever NTASKS says.
  if (env.RANK || !env.SLURM_STEP_ID || !env.SLURM_PROCID || !world || !hosts) return {};
  if (!(Number(world) > 1)) return {};
  const made: Record<string, string | undefined> = {
    RANK: env.SLURM_PROCID,
    WORLD_SIZE: world,
    LOCAL_RANK: env.SLURM_LOCALID,
    LOCAL_WORLD_SIZE: tasksHere(env),
    NODE_RANK: env.SLURM_NODEID,
    MASTER_ADDR: firstHost(hosts),
    MASTER_PORT: `${portOf(Number(env.SLURM_JOB_ID), Number(env.SLURM_STEP_ID))}`,
  };
  const added: Record<string, string> = {};
  for (const [name, value] of Object.entries(made))
    if (value !== undefined && !env[name]) added[name] = value;
  return added;
}

/** Slurm's way to write many names in few letters: `gpu[07-12,15]-ib,login2` begins with `gpu07-ib`. */
export function firstHost(list: string): string {
  const end = /,(?![^[]*\])/.exec(list)?.index ?? list.length;
  return list.slice(0, end).replaceAll(/\[([^\],-]+)[^\]]*\]/g, "$1");
}

/** `4(x2),3`: four tasks on each of two nodes, three on the next. */
function tasksHere(env: NodeJS.ProcessEnv): string | undefined {
  const counts = (env.SLURM_STEP_TASKS_PER_NODE ?? env.SLURM_TASKS_PER_NODE ?? "")
    .split(",")
    .flatMap((part) => {
      const [, count, times = "1"] = /^(\d+)(?:\(x(\d+)\))?$/.exec(part) ?? [];
      return count === undefined ? [] : Array.from({ length: Number(times) }, () => count);
    });
  return counts[Number(env.SLURM_NODEID ?? 0)];
}

/** From 20000 up to 29999: below the ports that Linux gives to outgoing connections. */
const portOf = (job: number, step: number): number => 20_000 + (((job || 0) * 31 + (step || 0)) % 10_000);

/** Whether this process is the one of its job that speaks to people: the others would say the same. */
export const isFirstRank = (env: NodeJS.ProcessEnv = process.env): boolean =>
  Number(env.RANK ?? slurmVariables(env).RANK ?? 0) === 0;
