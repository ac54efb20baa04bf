/** A tensor: the only owner of its slot in the addon. What is computed with it is in operators.ts. */
import { type DType, dtypeOf, storageArray, storageView, type TypedArray } from "./dtype.js";
import { native } from "./native.js";

/** Tensors made since it was opened, to be disposed when it ends. Opened and closed by scope.ts. */
export interface Scope {
  readonly parent: Scope | undefined;
  tensors: Tensor[];
  /** When there are more in the list than this, those that were disposed or moved meanwhile are taken out. */
  roomy: number;
  /** Where it was opened, kept with LIBTORCH_DEBUG=1 only. */
  readonly opened: string | undefined;
}

/** The innermost open scope of this thread. */
export const scopes: { current: Scope | undefined } = { current: undefined };

/** Frees what left every scope and was then forgotten; a safety net that runs between turns of the event loop. */
const forgotten = new FinalizationRegistry<number>((slot) => {
  if (process.env.LIBTORCH_DEBUG)
    process.emitWarning(
      "A tensor outside every scope was collected without dispose(). Memory on a GPU would have waited for it.",
    );
  native().release(slot);
});

/** Known in this file only: a slot from elsewhere would be another tensor's. */
const ours = Symbol("slot of the addon");

interface Description {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly device: string;
}

export class Tensor {
  #slot: number;
  #description: Description | undefined;
  #owner: Scope | undefined;
  #end = "";

  /** Tensors come from {@link tensor} and from operators. */
  private constructor(slot: number, by: symbol) {
    if (by !== ours) throw new TypeError("Tensors are made by tensor() and by operators, not by `new`.");
    this.#slot = slot;
    this.#enter(scopes.current);
  }

  #enter(scope: Scope | undefined): void {
    this.#owner = scope;
    if (scope) {
      if (scope.tensors.length >= scope.roomy) {
        scope.tensors = scope.tensors.filter((x) => x.#owner === scope);
        scope.roomy = Math.max(64, 2 * scope.tensors.length);
      }
      scope.tensors.push(this);
    } else forgotten.register(this, this.#slot, this);
  }

  #leave(): void {
    if (!this.#owner) forgotten.unregister(this);
    this.#owner = undefined; // a scope skips what it no longer owns
  }

  #described(): Description {
    if (this.#description) return this.#description;
    const [dtype, device, index, ...shape] = native().describe(Tensor.slot(this));
    this.#description = {
      shape,
      dtype: dtypeOf(dtype),
      device: device === "cpu" || index < 0 ? device : `${device}:${index}`,
    };
    return this.#description;
  }

  get shape(): readonly number[] {
    return this.#described().shape;
  }
  get dtype(): DType {
    return this.#described().dtype;
  }
  /** "cpu", "cuda:0", ... */
  get device(): string {
    return this.#described().device;
  }
  /** How many numbers it has. */
  get size(): number {
    return this.shape.reduce((n, d) => n * d, 1);
  }
  get strides(): readonly number[] {
    return native().strides(Tensor.slot(this));
  }
  get isContiguous(): boolean {
    return native().isContiguous(Tensor.slot(this));
  }

  get requiresGrad(): boolean {
    return native().requiresGrad(Tensor.slot(this));
  }
  set requiresGrad(value: boolean) {
    native().setRequiresGrad(Tensor.slot(this), value);
  }
  /** Whether it was not computed from tensors that require a gradient. */
  get isLeaf(): boolean {
    return native().isLeaf(Tensor.slot(this));
  }
  /** What backward left: a new Tensor over the same numbers each time, or null. */
  get grad(): Tensor | null {
    const slot = native().gradOf(Tensor.slot(this));
    return slot < 0 ? null : Tensor.adopt(slot);
  }
  /** @throws {TypeError} when the gradient has another shape, dtype or device */
  set grad(gradient: Tensor | null) {
    const [slot, other] = [Tensor.slot(this), gradient === null ? -1 : Tensor.slot(gradient)];
    if (gradient !== null && !sameKind(this, gradient))
      throw new TypeError(`${gradient} cannot be the gradient of ${this}.`);
    native().setGrad(slot, other);
  }

  /**
   * A copy of the numbers as they are stored, in row-major order. float16 and bfloat16 come as their bits in a
   * Uint16Array; use {@link numbers} for values, or convert with `to(x, { dtype: "float32" })`.
   * @throws {Error} when the tensor is not on the CPU, or not contiguous: `contiguous(to(x, { device: "cpu" }))`
   */
  data(): TypedArray {
    const data = storageArray(this.dtype, this.size);
    native().readInto(Tensor.slot(this), data);
    return data;
  }

  /** The tensor's own memory without a copy; it stays valid after dispose. As {@link data} otherwise. */
  memory(): TypedArray {
    return storageView(this.dtype, native().shareMemory(Tensor.slot(this)));
  }

  get disposed(): boolean {
    return this.#slot < 0;
  }

  /** Frees it now. Twice is allowed, any other use afterwards is an error. */
  dispose(): void {
    if (this.#slot < 0) return;
    native().release(this.#slot);
    this.#leave();
    this.#slot = -1;
    this.#end = "by dispose()";
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return this.disposed ? "Tensor(disposed)" : `Tensor([${this.shape}], ${this.dtype}, ${this.device})`;
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  // ---- for the rest of the package; slots never leave it ----

  /** @internal */
  static adopt(slot: number): Tensor {
    return new Tensor(slot, ours);
  }

  /** @internal The slot, or an error where there is no living tensor. */
  static slot(x: Tensor, where?: string): number {
    if (!(x instanceof Tensor)) throw new TypeError(`${wanted("A tensor", where)}, not ${describeValue(x)}.`);
    if (x.#slot < 0)
      throw new Error(
        `This tensor was disposed ${x.#end} and cannot be used any more${where ? ` (${where})` : ""}.`,
      );
    return x.#slot;
  }

  /** @internal Out of its scope and into another; undefined: it lives until disposed. */
  static move(x: Tensor, scope: Scope | undefined): void {
    Tensor.slot(x);
    x.#leave();
    x.#enter(scope);
  }

  /** @internal Ends a scope: moves what is in `kept` to the parent and disposes the rest. */
  static close(scope: Scope, kept: ReadonlySet<Tensor>): void {
    const slots = new Int32Array(scope.tensors.length);
    let count = 0;
    const end = `at the end of its scope${scope.opened ? ` (opened ${scope.opened})` : ""}`;
    for (const x of scope.tensors) {
      if (x.#owner !== scope || x.#slot < 0) continue;
      if (kept.has(x)) {
        x.#enter(scope.parent);
        continue;
      }
      slots[count++] = x.#slot;
      x.#slot = -1;
      x.#end = end;
    }
    native().releaseMany(slots, count);
    scope.tensors = [];
  }
}

const sameKind = (a: Tensor, b: Tensor): boolean =>
  a.dtype === b.dtype && a.device === b.device && String(a.shape) === String(b.shape);

const wanted = (what: string, where: string | undefined): string =>
  where ? `${what} is wanted as ${where}` : `${what} is wanted here`;

/** @internal A value in a few words, for errors. */
export function describeValue(x: unknown): string {
  if (x === null || x === undefined) return String(x);
  if (typeof x === "string") return JSON.stringify(x);
  if (typeof x === "function") return "a function";
  return typeof x === "object" ? (x.constructor?.name ?? "an object") : `${typeof x} ${String(x)}`;
}

/** @internal */
export const slotOf = Tensor.slot;
/** @internal */
export const adopt = Tensor.adopt;

/**
 * @internal The tensors of a list that an operator returned.
 * @param result - how many; their slots are in the addon's `listed`. Or the slots, where they are many
 */
export function adoptList(result: number | Int32Array): Tensor[] {
  const many = typeof result !== "number";
  const slots = many ? result : native().listed;
  const tensors = new Array<Tensor>(many ? result.length : result);
  for (let i = 0; i < tensors.length; i++) tensors[i] = adopt(slots[i] as number);
  return tensors;
}

/** Lists of slots are views of it: the addon gets at a small array of its own only after V8 has moved its content. */
const slab = { memory: new ArrayBuffer(0), used: 0 };
const SLAB_BYTES = 8192;

function slotArray(length: number): Int32Array {
  const bytes = 4 * length;
  if (slab.used + bytes > slab.memory.byteLength) {
    slab.memory = new ArrayBuffer(Math.max(SLAB_BYTES, bytes));
    slab.used = 0;
  }
  const slots = new Int32Array(slab.memory, slab.used, length);
  slab.used += bytes;
  return slots;
}

/** @internal Slots of a list; null stands for none. */
export function slotsOf(tensors: readonly (Tensor | null)[], where?: string): Int32Array {
  if (!Array.isArray(tensors))
    throw new TypeError(`${wanted("An array of tensors", where)}, not ${describeValue(tensors)}.`);
  const slots = slotArray(tensors.length);
  for (let i = 0; i < slots.length; i++) {
    const x = tensors[i];
    slots[i] = x === null ? -1 : slotOf(x as Tensor, where);
  }
  return slots;
}
