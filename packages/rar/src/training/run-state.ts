/** What a checkpoint of a generator's run holds beside its tensors. All else is a function of it: orders, dropout, rates, the data. */
import { RarityError } from "../config/errors.js";
import type { PlainMap } from "../config/plain.js";
import type { Checkpoint } from "./checkpoint.js";
import type { TrainerCounters } from "./trainer.js";

export interface RunState {
  readonly format: 1;
  readonly verb: "train";
  /** Finished optimizer steps, skipped ones included. */
  readonly step: number;
  /** Samples seen by all ranks together, which is the position in the data. */
  readonly samples: number;
  /** Steps whose numbers were not finite. */
  readonly skipped: number;
  readonly seed: number;
  readonly counters: TrainerCounters;
  /** The tokens it learns. */
  readonly data: { readonly path: string; readonly identity: string; readonly rows: number };
  /** What decides the last bits of its sums. */
  readonly machine: Machine;
  readonly rarity: string;
  /** The checked configuration. */
  readonly config: PlainMap;
}

export interface Machine {
  readonly ranks: number;
  /** Rows of a micro-batch, and micro-batches of a rank. */
  readonly batch: number;
  readonly microBatches: number;
  readonly device: string;
  readonly threads: number;
  readonly libtorch: string;
}

/** @throws {RarityError} "bad-file" for a checkpoint of another program, or of a later version */
export function stateOf({ folder, state }: Checkpoint): RunState {
  const found = state as Partial<RunState> | null;
  if (found?.format === 1 && found.verb === "train") return found as RunState;
  throw new RarityError(
    "bad-file",
    `"${folder}" was not written by this version of rarity train. Give another experiment.output_dir.`,
  );
}

/** Why weights will not be bit-equal to those of a run that was never stopped; empty where they will. */
export function roundingChanges(was: Machine, is: Machine): string[] {
  const names: Record<keyof Machine, string> = {
    ranks: "processes",
    batch: "rows a micro-batch",
    microBatches: "micro-batches a step",
    device: "device",
    threads: "threads",
    libtorch: "libtorch",
  };
  return (Object.keys(names) as (keyof Machine)[])
    .filter((key) => was[key] !== is[key])
    .map((key) => `${names[key]} ${was[key]} -> ${is[key]}`);
}
