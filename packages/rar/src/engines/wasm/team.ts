/** The threads of one engine that share steps with the thread which owns them. */
import { Worker } from "node:worker_threads";
import type { SessionPlaces, StepPlaces } from "./places.js";
import type { StepShape } from "./step.js";
import type { Memory, Module } from "./webassembly.js";

/** A generator as every thread needs it. */
export interface SharedGenerator {
  readonly id: number;
  readonly module: Module;
  readonly memory: Memory;
  readonly shape: StepShape;
  readonly weights: StepPlaces;
}

export type TeamMessage =
  | { readonly kind: "load"; readonly generator: SharedGenerator }
  | { readonly kind: "release"; readonly generator: number }
  | {
      readonly kind: "open";
      readonly id: number;
      readonly generator: number;
      readonly session: SessionPlaces;
      readonly thread: number;
    }
  | { readonly kind: "close"; readonly id: number }
  | { readonly kind: "step"; readonly id: number; readonly position: number; readonly positions: number };

export class Team {
  /** All threads, the owner's included. */
  readonly threads: number;
  readonly #helpers: Worker[];

  constructor(threads: number) {
    this.threads = threads;
    this.#helpers = Array.from({ length: threads - 1 }, () => {
      const worker = new Worker(new URL("./helper.js", import.meta.url), { execArgv: [] });
      worker.unref();
      return worker;
    });
  }

  /** Sends a message to every helper; the thread it gets is its own. */
  send(message: TeamMessage): void {
    for (const [i, helper] of this.#helpers.entries())
      helper.postMessage(message.kind === "open" ? { ...message, thread: i + 1 } : message);
  }
}
