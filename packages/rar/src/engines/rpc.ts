/** Calls across a worker's port: a method's name and arguments there, its result or error back. */
import type { MessagePort, Worker } from "node:worker_threads";
import { type ErrorCode, RarityError } from "../config/errors.js";

interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
}
interface Failure {
  readonly name: string;
  readonly message: string;
  readonly code?: ErrorCode | undefined;
}
interface Reply {
  readonly id: number;
  readonly value?: unknown;
  readonly failure?: Failure;
}

/** A method's result whose follow-up work runs after the reply is on its way. */
export class Answer<V> {
  readonly value: V;
  readonly transfer: ArrayBuffer[];
  readonly after: (() => void) | undefined;
  constructor(value: V, transfer: ArrayBuffer[] = [], after?: () => void) {
    this.value = value;
    this.transfer = transfer;
    this.after = after;
  }
}

/** What both threads see at once, while a message waits for its turn. */
export type Flag = Int32Array<SharedArrayBuffer>;
export const lowered = (): Flag => new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
export const raise = (flag: Flag): void => void Atomics.store(flag, 0, 1);

/**
 * What a worker holds under a number.
 * @throws {RangeError} when it is gone, or going
 */
export function found<V>(held: ReadonlyMap<number, V>, id: number, going?: Flag): V {
  const value = held.get(id);
  if (value === undefined || (going && Atomics.load(going, 0) === 1))
    throw new RangeError("this session or model was disposed");
  return value;
}

export type Methods = Record<string, (...args: never[]) => unknown>;

/** Answers calls one after the other: the engine's threads are busy with one at a time anyway. */
export function serve(port: MessagePort, methods: Methods): void {
  let last: Promise<void> = Promise.resolve();
  port.on("message", (call: Call) => {
    last = last.then(async () => {
      try {
        const result = await (methods[call.method] as (...args: readonly unknown[]) => unknown)(...call.args);
        if (result instanceof Answer) {
          port.postMessage({ id: call.id, value: result.value } satisfies Reply, result.transfer);
          result.after?.();
        } else {
          port.postMessage({ id: call.id, value: result } satisfies Reply);
        }
      } catch (error) {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        const code = error instanceof RarityError ? error.code : undefined;
        port.postMessage({ id: call.id, failure: { name, message, code } } satisfies Reply);
      }
    });
  });
}

/** What a worker does, for the sentences about one that is gone. */
export interface WorkerWords {
  /** "The engine". */
  readonly subject: string;
  /** "load the model again". */
  readonly cure: string;
}
const engineWords: WorkerWords = { subject: "The engine", cure: "load the model again" };

/** The caller's side. Once the worker is gone every open and later call fails with a sentence. */
export class Client {
  readonly #worker: Worker;
  readonly #open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #ids = 0;
  #gone: Error | undefined;

  constructor(worker: Worker, { subject, cure }: WorkerWords = engineWords) {
    this.#worker = worker;
    worker.on("message", (reply: Reply) => {
      const call = this.#open.get(reply.id);
      this.#open.delete(reply.id);
      if (this.#open.size === 0) worker.unref();
      if (reply.failure) call?.reject(revive(reply.failure));
      else call?.resolve(reply.value);
    });
    worker.on("error", (cause: Error) =>
      this.#lose(new RarityError("engine", `${subject} broke down (${cause.message}); ${cure}.`, { cause })),
    );
    worker.on("exit", () => this.#lose(new RarityError("engine", `${subject} was disposed; ${cure}.`)));
    worker.unref();
  }

  /** Whether the worker is gone, and all it held with it. */
  get gone(): boolean {
    return this.#gone !== undefined;
  }

  call<V>(method: string, args: readonly unknown[], transfer: ArrayBuffer[] = []): Promise<V> {
    if (this.#gone) return Promise.reject(this.#gone);
    return new Promise<V>((resolve, reject) => {
      const id = this.#ids++;
      this.#worker.postMessage({ id, method, args } satisfies Call, transfer); // throws where something cannot be sent
      this.#open.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.#worker.ref(); // a process with a call under way stays alive
    });
  }

  #lose(error: Error): void {
    this.#gone ??= error;
    for (const call of this.#open.values()) call.reject(this.#gone);
    this.#open.clear();
  }
}

function revive({ name, message, code }: Failure): Error {
  if (code) return new RarityError(code, message);
  if (name === "RangeError") return new RangeError(message);
  return new RarityError("engine", `The engine failed: ${message}`);
}
