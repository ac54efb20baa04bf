/** One node of a job, as the one that leads it sees it: here or behind a connection. */
import type { StartOrder } from "./order.js";
import type { Ending } from "./rank-process.js";

/** How a start of a node's ranks came out. */
export type Report =
  | { readonly kind: "finished" }
  | { readonly kind: "failed"; readonly ending: Ending }
  | { readonly kind: "lost"; readonly why: string };

export interface Member {
  readonly node: number;
  /** Ranks on this node. */
  readonly ranks: number;
  /** Resolves when all ranks have ended with code 0, or at the first that has not. */
  start(order: StartOrder): Promise<Report>;
  /** Ends the ranks that still live: asks, and after the grace period insists. */
  end(): Promise<void>;
  /** Resolves when no rank lives, by their own doing. */
  gone(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
}
