/** Signals that the launcher passes on: to whoever listens now, and who has come so far. */
import type { EventEmitter } from "node:events";

const passedOn = ["SIGINT", "SIGTERM"] as const;
export type PassedOn = (typeof passedOn)[number];

export class Signals {
  readonly #source: Pick<EventEmitter, "on" | "off">;
  readonly #listeners = new Set<(signal: PassedOn, count: number) => void>();
  #own = 0;
  #count = 0;
  #first: PassedOn | undefined;

  /** @param source - the process, or a stand-in */
  constructor(source: Pick<EventEmitter, "on" | "off">) {
    this.#source = source;
    for (const signal of passedOn) source.on(signal, this.#receive);
  }

  /** The first signal that came. */
  get first(): PassedOn | undefined {
    return this.#first;
  }

  /** Calls `heard` for the first signal and for each further one, until the returned function is called. */
  listen(heard: (signal: PassedOn, count: number) => void): () => void {
    this.#listeners.add(heard);
    return () => void this.#listeners.delete(heard);
  }

  /**
   * A signal that came to this launcher or to another node's.
   *
   * @param count - how many came there: a scheduler that signals every node once means once
   */
  raise(signal: PassedOn, count: number): void {
    if (count <= this.#count) return;
    this.#count = count;
    this.#first ??= signal;
    for (const heard of this.#listeners) heard(signal, count);
  }

  close(): void {
    for (const signal of passedOn) this.#source.off(signal, this.#receive);
  }

  readonly #receive = (signal: PassedOn): void => this.raise(signal, ++this.#own);
}

/** What shells call the end by a signal. */
export const codeOf = (signal: PassedOn): number => (signal === "SIGINT" ? 130 : 143);
