/** The thread that writes a checkpoint while training goes on: flushing to disk and checksums take their time. */
import { parentPort, workerData } from "node:worker_threads";
import { RarityError } from "../config/errors.js";
import { type CheckpointFiles, writeCheckpoint } from "./checkpoint-folder.js";

export interface WriteOrder extends CheckpointFiles {
  readonly outputDir: string;
  readonly step: number;
  readonly keep: number;
}
export type WriteReply =
  | { readonly bytes: number }
  | { readonly message: string; readonly code?: RarityError["code"] | undefined };

const order = workerData as WriteOrder;
try {
  const bytes = await writeCheckpoint(order.outputDir, order.step, order, order.keep);
  parentPort!.postMessage({ bytes } satisfies WriteReply);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof RarityError ? error.code : undefined;
  parentPort!.postMessage({ message, code } satisfies WriteReply);
}
