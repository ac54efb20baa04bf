/** Parameters as optimizers take them: under names of their own, or numbered. */
import { Tensor } from "../tensor.js";

/** An array is named "0", "1", ... in its order. */
export type ParameterSet = readonly Tensor[] | Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>;

/** @internal Name and tensor of each; an array is numbered from `first` on. */
export function namedParameters(set: ParameterSet, first = 0): [name: string, parameter: Tensor][] {
  const entries: [string, Tensor][] = Array.isArray(set)
    ? set.map((x, i) => [String(first + i), x])
    : [...(set instanceof Map ? set.entries() : Object.entries(set))];
  for (const [name, x] of entries)
    if (!(x instanceof Tensor)) throw new TypeError(`Parameter "${name}" is no tensor.`);
  return entries;
}
