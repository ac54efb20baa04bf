/** Threads of one worker file, started as they are needed; each is asked one thing at a time. */
import { Worker } from "node:worker_threads";
import { Client, type WorkerWords } from "../engines/rpc.js";
import { Gate } from "../sampling/gate.js";

export class ThreadPool implements AsyncDisposable {
  readonly #gate: Gate;
  readonly #file: URL;
  readonly #words: WorkerWords;
  readonly #idle: { readonly worker: Worker; readonly client: Client }[] = [];
  readonly #workers: Worker[] = [];

  /** @param file - a module that calls `serve` */
  constructor(threads: number, file: URL, words: WorkerWords) {
    this.#gate = new Gate(threads);
    this.#file = file;
    this.#words = words;
  }

  /**
   * Runs `work` with the next thread that is free. May be called many times at once; what a call needs should be brought inside
   * `work`, so that no more of it is in memory than threads are there.
   *
   * @throws {RarityError} "engine" where the thread ended
   */
  async use<V>(work: (thread: Client) => Promise<V>): Promise<V> {
    using _place = await this.#gate.enter();
    const own = this.#idle.pop() ?? this.#start();
    try {
      return await work(own.client);
    } finally {
      if (!own.client.gone) this.#idle.push(own);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(): { readonly worker: Worker; readonly client: Client } {
    const worker = new Worker(this.#file, { execArgv: [] });
    this.#workers.push(worker);
    return { worker, client: new Client(worker, this.#words) };
  }
}
