/** Holds a network on an engine against the same network in plain JavaScript. */
import { expect } from "vitest";
import type { Engine, HostArray, Network } from "../engines/engine.js";
import { type Plain, plain, plainOps } from "./plain-ops.js";
import { sourceOf } from "./random-model.js";

export interface Arguments {
  readonly inputs?: Readonly<Record<string, HostArray>>;
  readonly parameters?: Readonly<Record<string, { data: Float32Array; shape: readonly number[] }>>;
}

export const asPlain = ({ data, shape }: HostArray): Plain => plain(shape, data, data instanceof Int32Array);

/** Largest deviation, as a share of the largest magnitude expected (or of 1 where all is smaller). */
export function deviation(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [largest, scale] = [0, 1];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) largest = difference; // NaN stays
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return largest / scale;
}

/** Float32 of a few hundred terms keeps this; results that are only moved are checked with 0. */
const ROUNDING = 5e-6;

/** Asserts that `engine` computes what plain JavaScript does. */
export async function expectPlain(
  engine: Engine,
  network: Network,
  { inputs = {}, parameters = {} }: Arguments,
  tolerance = ROUNDING,
): Promise<void> {
  const expected = network(plainOps, (name) => asPlain(parameters[name]!), mapValues(inputs, asPlain));
  const actual = await engine.evaluate(network, sourceOf(parameters), inputs);
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, { data, shape, whole }] of Object.entries(expected)) {
    const found = actual[name]!;
    expect([...found.shape], `shape of ${name}`).toEqual(shape);
    expect(found.data, `type of ${name}`).toBeInstanceOf(whole ? Int32Array : Float32Array);
    expect(deviation(found.data, data), `deviation of ${name}`).toBeLessThanOrEqual(whole ? 0 : tolerance);
  }
}

const mapValues = <V, W>(record: Readonly<Record<string, V>>, f: (value: V) => W): Record<string, W> =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
