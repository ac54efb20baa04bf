/**
 * A small assembler for WebAssembly: expressions are byte sequences that leave one value, statements such that leave none.
 * Only what the kernels of this room use (WebAssembly core 2.0 with SIMD, threads; relaxed SIMD for two instructions).
 */

export type Code = readonly number[];

export const I32 = 0x7f;
export const F32 = 0x7d;
export const V128 = 0x7b;

const unsigned = (n: number): number[] => {
  const out: number[] = [];
  for (let rest = n >>> 0; ; ) {
    const low = rest & 127;
    rest >>>= 7;
    out.push(rest ? low | 128 : low);
    if (!rest) return out;
  }
};

const signed = (n: number): number[] => {
  const out: number[] = [];
  for (let rest = n | 0; ; ) {
    const low = rest & 127;
    rest >>= 7;
    if ((rest === 0 && low < 64) || (rest === -1 && low >= 64)) return [...out, low];
    out.push(low | 128);
  }
};

const bytesOf = (values: Float32Array | Int16Array | Int32Array): number[] => [
  ...new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
];

const simd = (op: number): number[] => [0xfd, ...unsigned(op)];
const two =
  (op: Code) =>
  (a: Code, b: Code): Code => [...a, ...b, ...op];
const one =
  (op: Code) =>
  (a: Code): Code => [...a, ...op];
/** [alignment as a power of two, offset] */
const place = (align: number, offset: number): number[] => [align, ...unsigned(offset)];

export const i32 = {
  const: (n: number): Code => [0x41, ...signed(n)],
  add: two([0x6a]),
  sub: two([0x6b]),
  mul: two([0x6c]),
  eq: two([0x46]),
  ne: two([0x47]),
  less: two([0x49]), // unsigned
  load: (at: Code, offset = 0): Code => [...at, 0x28, ...place(2, offset)],
  atomicLoad: (at: Code): Code => [...at, 0xfe, 0x10, ...place(2, 0)],
  atomicStore: (at: Code, value: Code): Code => [...at, ...value, 0xfe, 0x17, ...place(2, 0)],
  atomicAdd: (at: Code, value: Code): Code => [...at, ...value, 0xfe, 0x1e, ...place(2, 0)],
  /** Sleeps while the word is `value`, `nanoseconds` at most; 2 when that time passed. */
  atomicWait: (at: Code, value: Code, nanoseconds: number): Code => {
    const time: number[] = [];
    let rest = BigInt(nanoseconds);
    for (; rest >= 64n; rest >>= 7n) time.push(Number(rest & 127n) | 128);
    return [...at, ...value, 0x42, ...time, Number(rest), 0xfe, 0x01, ...place(2, 0)];
  },
  atomicNotify: (at: Code, count: Code): Code => [...at, ...count, 0xfe, 0x00, ...place(2, 0)],
};

export const f32 = {
  const: (n: number): Code => [0x43, ...bytesOf(Float32Array.of(n))],
  add: two([0x92]),
  sub: two([0x93]),
  mul: two([0x94]),
  div: two([0x95]),
  min: two([0x96]),
  max: two([0x97]),
  sqrt: one([0x91]),
  gt: two([0x5e]),
  fromI32: one([0xb3]), // unsigned
  load: (at: Code, offset = 0): Code => [...at, 0x2a, ...place(2, offset)],
  store: (at: Code, value: Code, offset = 0): Code => [...at, ...value, 0x38, ...place(2, offset)],
  lane: (v: Code, lane: number): Code => [...v, ...simd(31), lane],
};

export const v128 = {
  load: (at: Code, offset = 0): Code => [...at, ...simd(0), ...place(2, offset)],
  /** Four 16-bit integers widened to 32 bits. */
  load16x4: (at: Code, offset = 0): Code => [...at, ...simd(3), ...place(1, offset)],
  /** One 32-bit word in all four lanes. */
  loadSplat32: (at: Code, offset = 0): Code => [...at, ...simd(9), ...place(2, offset)],
  store: (at: Code, value: Code, offset = 0): Code => [...at, ...value, ...simd(11), ...place(2, offset)],
  zero: [...simd(12), ...new Array<number>(16).fill(0)] as Code,
  and: two(simd(78)),
  or: two(simd(80)),
};

export const f32x4 = {
  const: (n: number): Code => [...simd(12), ...bytesOf(new Float32Array(4).fill(n))],
  splat: one(simd(19)),
  abs: one(simd(224)),
  add: two(simd(228)),
  sub: two(simd(229)),
  mul: two(simd(230)),
  div: two(simd(231)),
  /** a < b ? b : a, one instruction where `max` needs several for NaN */
  larger: two(simd(235)),
  /** b < a ? b : a */
  smaller: two(simd(234)),
  fromI32x4: one(simd(250)),
};

export const i32x4 = {
  const: (n: number): Code => [...simd(12), ...bytesOf(new Int32Array(4).fill(n))],
  add: two(simd(174)),
  shl: (v: Code, bits: number): Code => [...v, ...i32.const(bits), ...simd(171)],
  /** Products of eight pairs of 16-bit numbers, two by two added. */
  dotI16: two(simd(186)),
  /** {@link i16x8.dotI8U7}, its sums two by two added to `sum` (relaxed SIMD). */
  addDotI8U7: (a: Code, b: Code, sum: Code): Code => [...a, ...b, ...sum, ...simd(0x113)],
};

export const i16x8 = {
  const: (n: number): Code => [...simd(12), ...bytesOf(new Int16Array(8).fill(n))],
  narrowI32: two(simd(133)),
  /**
   * Products of sixteen pairs of bytes, two by two added to 16 bits (relaxed SIMD): the first signed, the second 0 to 127,
   * for which every processor gives the same sums.
   */
  dotI8U7: two(simd(0x112)),
};

export const i8x16 = { narrowI16Unsigned: two(simd(102)) };

/** do `body` while `condition` is not 0 */
export const doWhile = (body: readonly Code[], condition: Code): Code => [
  0x03,
  0x40,
  ...body.flat(),
  ...condition,
  0x0d,
  0,
  0x0b,
];
export const when = (condition: Code, then: readonly Code[], otherwise: readonly Code[] = []): Code => [
  ...condition,
  0x04,
  0x40,
  ...then.flat(),
  ...(otherwise.length ? [0x05, ...otherwise.flat()] : []),
  0x0b,
];
export const drop = (value: Code): Code => [...value, 0x1a];
/** Leaves the function. */
export const leave: Code = [0x0f];
/** Ends the call with an exception. */
export const trap: Code = [0x00];

/** A local variable or parameter. */
export class Local {
  readonly get: Code;
  readonly #index: number[];
  constructor(index: number) {
    this.#index = unsigned(index);
    this.get = [0x20, ...this.#index];
  }
  set(value: Code): Code {
    return [...value, 0x21, ...this.#index];
  }
  /** Adds a number of bytes to a pointer. */
  step(bytes: number): Code {
    return this.set(i32.add(this.get, i32.const(bytes)));
  }
}

/** So many locals, by name where the number is written down. */
type Locals<N extends number> = number extends N ? Local[] : Exactly<N>;
type Exactly<N extends number, Some extends Local[] = []> = Some["length"] extends N
  ? Some
  : Exactly<N, [...Some, Local]>;

/** A function under construction; all parameters are i32 (pointers, counts). */
export class Func<Count extends number = number> {
  readonly name: string;
  readonly parameters: Count;
  readonly #locals: number[] = [];
  #body: Code = [];

  constructor(name: string, parameters: Count) {
    this.name = name;
    this.parameters = parameters;
  }

  /** The parameters in their order. */
  get given(): Locals<Count> {
    return Array.from({ length: this.parameters }, (_, i) => new Local(i)) as Locals<Count>;
  }

  local(type: number): Local {
    this.#locals.push(type);
    return new Local(this.parameters + this.#locals.length - 1);
  }

  locals<N extends number>(type: number, count: N): Locals<N> {
    return Array.from({ length: count }, () => this.local(type)) as Locals<N>;
  }

  body(...statements: readonly Code[]): FinishedFunc {
    this.#body = statements.flat();
    return this;
  }

  encode(): number[] {
    const inside = [
      ...unsigned(this.#locals.length),
      ...this.#locals.flatMap((t) => [1, t]),
      ...this.#body,
      0x0b,
    ];
    return [...unsigned(inside.length), ...inside];
  }
}

/** A function with its body, as a module takes it. */
export type FinishedFunc = Pick<Func, "name" | "parameters" | "encode">;

/** The bytes of a module that imports a shared memory as `env.memory` and exports every function by its name. */
export function encodeModule(
  functions: readonly FinishedFunc[],
  maximumPages: number,
): Uint8Array<ArrayBuffer> {
  const text = (s: string): number[] => [...unsigned(s.length), ...Buffer.from(s)];
  const list = (items: readonly (readonly number[])[]): number[] => [
    ...unsigned(items.length),
    ...items.flat(),
  ];
  const section = (id: number, content: readonly number[]): number[] => [
    id,
    ...unsigned(content.length),
    ...content,
  ];
  const counts = [...new Set(functions.map((f) => f.parameters))];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(counts.map((n) => [0x60, ...list(new Array(n).fill([I32])), 0]))),
    ...section(
      2,
      list([[...text("env"), ...text("memory"), 2, 3, ...unsigned(1), ...unsigned(maximumPages)]]),
    ),
    ...section(3, list(functions.map((f) => unsigned(counts.indexOf(f.parameters))))),
    ...section(7, list(functions.map((f, i) => [...text(f.name), 0, ...unsigned(i)]))),
    ...section(10, list(functions.map((f) => f.encode()))),
  ]);
}
