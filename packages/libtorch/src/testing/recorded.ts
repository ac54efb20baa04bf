/** Calls recorded with Python's torch (test/fixtures/make_operators.py): their inputs, how to make them, what they gave. */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { tensor } from "../create.js";
import type { DType } from "../dtype.js";
import * as operators from "../operators.js";
import { runtimeInfo } from "../runtime.js";
import type { Tensor } from "../tensor.js";

/** {"float32":[1,2],"shape":[2]}; numbers that JSON lacks, or that are beyond 2^53, are strings. */
export type Encoded = { readonly shape: readonly number[] } & {
  readonly [K in DType]?: readonly (number | string)[];
};
/** What a call gave: a tensor, several, or a plain value. */
export type Result = Encoded | readonly Encoded[] | number | boolean;

export interface Case {
  readonly call: string;
  readonly args: readonly unknown[];
  /** Given to manualSeed before. */
  readonly seed?: number;
  readonly result?: Result;
  /** What tensors among the arguments are afterwards, by position. */
  readonly changed?: Readonly<Record<string, Encoded | readonly Encoded[]>>;
  /** The values are whatever was in memory. */
  readonly shapeOnly?: true;
  /** Columns may have the other sign. */
  readonly signs?: true;
  /** false: what autograd gives is by design not the derivative of the values. */
  readonly gradient?: false;
  /** Positions of arguments without a derivative. */
  readonly constant?: readonly number[];
}

export const recorded = JSON.parse(
  readFileSync(new URL("../../test/fixtures/operators.json", import.meta.url), "utf8"),
) as { torch: string; simd: string; cpu: string; inputs: Record<string, Encoded>; cases: readonly Case[] };

let same: boolean | undefined;

/** Whether libtorch and processor are those that made the records: then float results have the same bits. */
export function sameMachine(): boolean {
  if (same === undefined) {
    const { version, simd } = runtimeInfo();
    same = version === recorded.torch && simd === recorded.simd && cpus()[0]?.model === recorded.cpu;
  }
  return same;
}

export interface Numbers {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: readonly (number | bigint)[];
}

const special: Record<string, number> = {
  nan: Number.NaN,
  inf: Number.POSITIVE_INFINITY,
  "-inf": Number.NEGATIVE_INFINITY,
};

export function decode({ shape, ...rest }: Encoded): Numbers {
  const [dtype, values] = Object.entries(rest)[0] as [DType, readonly (number | string)[]];
  const single = /^(float32|float16|bfloat16|complex64)$/.test(dtype); // written with as many digits as float32 needs
  return {
    dtype,
    shape,
    values: values.map((v) =>
      typeof v === "string" ? (special[v] ?? BigInt(v)) : single ? Math.fround(v) : v,
    ),
  };
}

/** A fresh tensor of an input; `dtype` instead of its own where it has fractions. */
export function inputTensor(name: string, dtype?: DType): Tensor {
  const input = recorded.inputs[name];
  if (!input) throw new Error(`operators.json has no input "${name}"`);
  const { values: all, shape, dtype: own } = decode(input);
  const values = own.startsWith("complex") ? all.filter((_, i) => i % 2 === 0) : all; // inputs have no imaginary parts
  return tensor(values, { shape, dtype: dtype && /float/.test(own) ? dtype : own });
}

/** The arguments of a call: "@name" becomes what `make` gives, at the top and within lists. */
export const materialize = (args: readonly unknown[], make: (name: string) => unknown): unknown[] =>
  args.map((value) => {
    if (Array.isArray(value)) return materialize(value, make);
    if (typeof value !== "string" || !value.startsWith("@")) return value;
    const name = value.slice(1);
    return name === "undefined" ? undefined : name in special ? special[name] : make(name);
  });

/** Calls a function of operators.ts by its name. */
export const callOperator = (name: string, args: readonly unknown[]): unknown =>
  (operators as unknown as Record<string, (...args: readonly unknown[]) => unknown>)[name]!(...args);
