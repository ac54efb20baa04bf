/** Starts the ranks of a job on one machine or several, and starts them again when one is lost. */
import type { EventEmitter } from "node:events";
import { follow } from "./follow.js";
import { runJob } from "./job.js";
import { Lead } from "./lead.js";
import { LocalRanks } from "./local-ranks.js";
import { freePort } from "./port.js";
import type { RankOutput } from "./rank-process.js";
import { Signals } from "./signals.js";

export interface LaunchOptions {
  /** The program and its arguments; all ranks run the same. */
  readonly command: readonly [string, ...string[]];
  /** Ranks on this machine. */
  readonly ranks: number;
  /** Machines. Default 1. */
  readonly nodes?: number | undefined;
  /** This machine's number, from 0. Default 0. */
  readonly node?: number | undefined;
  /** Where node 0's launcher listens for the others. Needed for several nodes. */
  readonly master?: { readonly host: string; readonly port: number } | undefined;
  /** How often all ranks are started again after one was lost. Default 3. Node 0 decides for all. */
  readonly restarts?: number | undefined;
  /** How long ranks may take to end when one of them is lost. Default 30. */
  readonly graceSeconds?: number | undefined;
  /** How long to wait for other nodes. Default 600. */
  readonly joinSeconds?: number | undefined;
  /** Two starts in a row that fail within so many seconds end the job. Default 10. */
  readonly crashSeconds?: number | undefined;
  /** Of this program: nodes with another one are refused. */
  readonly version: string;
  readonly say: (line: string) => void;
  readonly output?: Omit<RankOutput, "prefixed"> | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Where SIGINT and SIGTERM come from. Default: this process. */
  readonly signals?: Pick<EventEmitter, "on" | "off"> | undefined;
}

/**
 * Runs the job to its end.
 *
 * @returns its exit code: 0, or that of the rank that ended it (128 and the signal's number where a signal did)
 * @throws {RangeError} for numbers that do not fit each other
 * @throws {RarityError} `ranks` where nodes do not find each other or the port is taken
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const { ranks, nodes = 1, node = 0, master, restarts = 3, version, say } = options;
  const { graceSeconds = 30, joinSeconds = 600, crashSeconds = 10 } = options;
  const { output = process, env = process.env, command } = options;
  if (node >= nodes)
    throw new RangeError(
      `--node-rank ${node} is none of ${nodes} nodes, which are numbered from 0: give --nodes as well.`,
    );
  if (nodes > 1 && !master)
    throw new RangeError(
      "Several nodes need --master HOST:PORT, where node 0 is found: the same on all nodes.",
    );
  const signals = new Signals(options.signals ?? process);
  const prefixed = ranks > 1 || nodes > 1;
  const streams = { stdout: output.stdout, stderr: output.stderr, prefixed };
  const local = new LocalRanks({ node, ranks, command, env, output: streams, graceSeconds });
  let lead: Lead | undefined;
  let code = 1;
  try {
    if (node > 0) return await follow(local, { ...master!, nodes, version, joinSeconds, signals, say });
    if (nodes > 1) lead = await Lead.open({ nodes, port: master!.port, version, joinSeconds, signals, say });
    code = await runJob({
      gather: async () => [local, ...((await lead?.gather()) ?? [])],
      masterHost: master?.host ?? "127.0.0.1",
      masterPort: nodes === 1 && master ? async () => master.port : freePort,
      restarts,
      graceSeconds,
      crashSeconds,
      signals,
      say,
    });
    return code;
  } finally {
    lead?.close(code);
    signals.close();
  }
}
