/** The ranks of this machine. */
import { availableParallelism } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import type { Member, Report } from "./member.js";
import { rankEnvironment, type StartOrder } from "./order.js";
import { type Ending, type RankOutput, RankProcess } from "./rank-process.js";

export interface LocalOptions {
  readonly node: number;
  readonly ranks: number;
  /** The program and its arguments. */
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly output: RankOutput;
  /** How long a rank may take to end after SIGTERM. */
  readonly graceSeconds: number;
}

export class LocalRanks implements Member {
  readonly node: number;
  readonly ranks: number;
  readonly #options: LocalOptions;
  #processes: RankProcess[] = [];

  constructor(options: LocalOptions) {
    this.node = options.node;
    this.ranks = options.ranks;
    this.#options = options;
  }

  start(order: StartOrder): Promise<Report> {
    const { command, env, output } = this.#options;
    const cores = availableParallelism();
    this.#processes = Array.from({ length: this.ranks }, (_, local) => {
      const rank = order.firstRank + local;
      return new RankProcess(command, rank, rankEnvironment(order, local, env, cores), output);
    });
    return firstFailure(this.#processes.map(({ ended }) => ended));
  }

  async end(): Promise<void> {
    this.signal("SIGTERM");
    const waited = new AbortController();
    const patience = pause(this.#options.graceSeconds * 1000, "late", { signal: waited.signal });
    patience.catch(() => {}); // all have ended in time
    if ((await Promise.race([this.gone(), patience])) === "late") this.signal("SIGKILL");
    waited.abort();
    await this.gone();
  }

  async gone(): Promise<void> {
    await Promise.all(this.#processes.map(({ ended }) => ended));
  }

  signal(signal: NodeJS.Signals): void {
    for (const rank of this.#processes) rank.kill(signal);
  }
}

function firstFailure(endings: readonly Promise<Ending>[]): Promise<Report> {
  return new Promise((resolve) => {
    let left = endings.length;
    for (const ended of endings)
      void ended.then((ending) => {
        if (ending.code !== 0) resolve({ kind: "failed", ending });
        else if (--left === 0) resolve({ kind: "finished" });
      });
  });
}
