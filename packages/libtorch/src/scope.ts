/** Who frees tensors, and when: scopes, never the garbage collector, which does not run in a synchronous loop. */
import { native } from "./native.js";
import { type Scope, scopes, Tensor } from "./tensor.js";

/**
 * Runs `fn` and disposes every tensor made inside, except those it returns (alone or within arrays, plain objects,
 * Maps and Sets), which move to the surrounding scope. Also when `fn` throws.
 *
 * @throws {TypeError} when `fn` returns a promise: scopes end when the function does, so they cannot span an await
 */
export function scope<R>(fn: () => R): R {
  const own: Scope = { parent: scopes.current, tensors: [], roomy: 64, opened: openedAt() };
  scopes.current = own;
  const kept = new Set<Tensor>();
  try {
    const result = fn();
    refusePromise(result, "scope");
    collect(result, kept);
    return result;
  } finally {
    scopes.current = own.parent;
    Tensor.close(own, kept);
  }
}

/** Takes a tensor out of all scopes: it lives until it is disposed. For parameters, optimizer states, caches. */
export function keep<T extends Tensor>(x: T): T {
  Tensor.move(x, undefined);
  return x;
}

/** Tensors that are alive in this thread, and the bytes of the distinct memories behind them. */
export const liveTensors = (): { readonly count: number; readonly bytes: number } => ({
  count: native().liveTensors(),
  bytes: native().liveBytes(),
});

/** @internal What a mode or scope cannot contain. */
export function refusePromise(result: unknown, what: string): void {
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return;
  (result as PromiseLike<unknown>).then(undefined, () => {}); // its failure is not the one to report
  throw new TypeError(
    `The function given to ${what}() returned a promise. ${what}() ends when its function returns: await outside of it.`,
  );
}

function collect(value: unknown, into: Set<Tensor>, seen: Set<unknown> = new Set()): void {
  if (value instanceof Tensor) into.add(value);
  else if (value !== null && typeof value === "object" && !seen.has(value)) {
    seen.add(value);
    for (const entry of entriesOf(value)) collect(entry, into, seen);
  }
}

function entriesOf(value: object): Iterable<unknown> {
  if (Array.isArray(value)) return value;
  if (value instanceof Map || value instanceof Set) return value.values();
  return isPlain(value) ? Object.values(value) : [];
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The caller's place in the program; a stack costs microseconds, so only on request. */
function openedAt(): string | undefined {
  if (!process.env.LIBTORCH_DEBUG) return undefined;
  return new Error().stack?.split("\n")[3]?.trim();
}
