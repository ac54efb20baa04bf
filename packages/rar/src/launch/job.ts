/** Leads a job: starts all ranks on all nodes, and starts them again when one of them is lost. */
import { setTimeout as pause } from "node:timers/promises";
import type { Member, Report } from "./member.js";
import type { Ending } from "./rank-process.js";
import { codeOf, type Signals } from "./signals.js";

export interface JobOptions {
  /** Waits until all nodes are there: at the beginning, and before every further start. */
  readonly gather: () => Promise<readonly Member[]>;
  readonly masterHost: string;
  /** Where the ranks meet; asked for each start, so that a port still held by the dead is not used again. */
  readonly masterPort: () => Promise<number>;
  readonly restarts: number;
  readonly graceSeconds: number;
  /** A start that fails sooner counts as one that never worked. */
  readonly crashSeconds: number;
  readonly signals: Signals;
  readonly say: (line: string) => void;
}

/** Exit codes of ranks that were asked to stop, and did. */
const stopped = [130, 143];
/** Exit code for wrong usage or bad input: starting again reads the same input. */
const badInput = 2;
/** Starts in a row that fail soon before giving up, whatever restarts are left. */
const soonAllowed = 2;

/** @returns the exit code of the job: 0, or that of the rank that ended it */
export async function runJob(options: JobOptions): Promise<number> {
  const { gather, masterPort, signals, say, restarts } = options;
  let soon = 0;
  for (let generation = 0; ; generation++) {
    const members = await gather();
    const port = await masterPort();
    if (signals.first) return codeOf(signals.first);
    const began = Date.now();
    const failure = await runOnce(members, generation, port, options);
    if (failure === undefined) return 0;
    const seconds = (Date.now() - began) / 1000;
    say(inWords(failure, seconds));
    const code = failure.kind === "failed" ? failure.ending.code : 1;
    if (signals.first || stopped.includes(code)) return code;
    if (code === badInput) return code;
    soon = seconds < options.crashSeconds ? soon + 1 : 0;
    if (soon >= soonAllowed) {
      say(`All ranks were started ${soon} times in a row and failed soon: not started again.`);
      return code;
    }
    if (generation >= restarts) {
      if (restarts > 0) say(`Restarts are used up (--restarts ${restarts}).`);
      return code;
    }
    say(`Starting all ranks again from the last checkpoint (restart ${generation + 1} of ${restarts}).`);
  }
}

type Failure = Exclude<Report, { kind: "finished" }>;

async function runOnce(
  members: readonly Member[],
  generation: number,
  masterPort: number,
  { masterHost, signals, graceSeconds, say }: JobOptions,
): Promise<Failure | undefined> {
  const worldSize = members.reduce((sum, { ranks }) => sum + ranks, 0);
  const unlisten = signals.listen((signal, count) => {
    say(
      count === 1
        ? `${signal}: passed on to all ranks, waiting for them to save and stop (once more: at once).`
        : `${signal} again: ending all ranks at once.`,
    );
    for (const member of members) member.signal(count === 1 ? signal : "SIGKILL");
  });
  try {
    let firstRank = 0;
    const reports = members.map((member) => {
      const order = { generation, worldSize, firstRank, ranks: member.ranks, node: member.node };
      firstRank += member.ranks;
      return member.start({ ...order, masterHost, masterPort });
    });
    const failure = await firstFailure(reports);
    if (failure === undefined) return undefined;
    const all = Promise.all(members.map((member) => member.gone()));
    // Ranks that were asked to stop may be saving: a second signal would cut that off.
    if (signals.first) await all;
    else if (failure.kind === "failed" && stopped.includes(failure.ending.code))
      await Promise.race([all, pause(graceSeconds * 1000, undefined, { ref: false })]);
    await Promise.all(members.map((member) => member.end()));
    return failure;
  } finally {
    unlisten();
  }
}

function firstFailure(reports: readonly Promise<Report>[]): Promise<Failure | undefined> {
  return new Promise((resolve) => {
    let left = reports.length;
    for (const report of reports)
      void report.then((one) => {
        if (one.kind !== "finished") resolve(one);
        else if (--left === 0) resolve(undefined);
      });
  });
}

function inWords(failure: Failure, seconds: number): string {
  if (failure.kind === "lost") return `${failure.why} The other ranks were ended.`;
  const { rank, pid, host, lastWords } = failure.ending;
  const after = seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} minutes`;
  const words = lastWords.map((line) => `\n  | ${line}`).join("");
  return (
    `Rank ${rank} (process ${pid ?? "never started"} on ${host}) ${howItEnded(failure.ending)} after ${after}.` +
    (words && ` Its last words:${words}`)
  );
}

const howItEnded = ({ code, signal }: Ending): string =>
  signal === "SIGKILL"
    ? "was killed by SIGKILL (often the system, out of memory)"
    : signal !== undefined
      ? `was ended by ${signal}`
      : `ended with exit code ${code}`;
