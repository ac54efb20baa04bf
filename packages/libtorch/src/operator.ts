/** Turns an operator's name into a function, when it is first called. What generated code is made of. */
import { type DType, dtypeCode } from "./dtype.js";
import { type NativeOperator, native } from "./native.js";
import { describeValue, Tensor } from "./tensor.js";

/** "add" -> "aten::add"; a name of another library of operators has its own. */
const qualified = (name: string): string => (name.includes("::") ? name : `aten::${name}`);

/**
 * @internal
 * @param names - its arguments in the order they will be passed
 */
export function operator(name: string, overload: string, names: string): () => NativeOperator {
  let call: NativeOperator | undefined;
  return () => {
    call ??= resolve(name, overload, names.split(" "));
    return call;
  };
}

function resolve(name: string, overload: string, names: readonly string[]): NativeOperator {
  const found = native().resolve(qualified(name), overload, names);
  const full = overload === "" ? name : `${name}.${overload}`;
  const version = native().compiledVersion;
  if (!found)
    throw new Error(
      `The operator ${full} does not exist in libtorch ${version}. It needs a newer one: run setup with it.`,
    );
  if (found.unknown === "") return found.call;
  // An older schema has fewer arguments; those it lacks may only be left out, or null.
  const lacking = found.unknown.split(" ");
  return (...values) => {
    for (const argument of lacking)
      if ((values[names.indexOf(argument)] ?? undefined) !== undefined)
        throw new Error(
          `${full} has no argument "${argument}" in libtorch ${version}. It needs a newer one.`,
        );
    return found.call(...values) as unknown;
  };
}

/** Whether this libtorch has an operator: "scaled_dot_product_attention", or with an overload "_foreach_lerp_" and "Scalar". */
export const hasOperator = (name: string, overload = ""): boolean =>
  native().schemaOf(qualified(name), overload) !== null;

/** @internal */
export const dtype = (name: DType | null | undefined): number | null | undefined =>
  name === undefined || name === null ? name : dtypeCode(name);

const formats = { contiguous: 0, preserve: 1, channels_last: 2 } as const;
export type MemoryFormat = keyof typeof formats;

/** What a loss makes of its terms. */
const reductions = { none: 0, mean: 1, sum: 2 } as const;
export type Reduction = keyof typeof reductions;

function codeIn(
  codes: Readonly<Record<string, number>>,
  name: string | null | undefined,
  what: string,
): number | null | undefined {
  if (name === undefined || name === null) return name;
  if (!Object.hasOwn(codes, name))
    throw new TypeError(`"${name}" is no ${what}: it must be one of ${Object.keys(codes).join(", ")}.`);
  return codes[name];
}

/** @internal */
export const memoryFormat = (name: MemoryFormat | null | undefined): number | null | undefined =>
  codeIn(formats, name, "memory format");

/** @internal */
export const reductionCode = (name: Reduction | null | undefined): number | null | undefined =>
  codeIn(reductions, name, "reduction");

/** @internal The type of a range, as in Python: int64 unless one of its numbers is a fraction. */
export const rangeType = (...numbers: readonly (number | undefined)[]): DType =>
  numbers.every((n) => n === undefined || Number.isInteger(n)) ? "int64" : "float32";

/** @internal */
export function tooMany(name: string, most: number, given: number): never {
  throw new TypeError(`${name} takes at most ${most} arguments, not ${given}.`);
}

/** @internal Refuses options that the operator does not have: JavaScript would pass over them in silence. */
export function checkOptions(name: string, options: object, allowed: ReadonlySet<string>): void {
  if (typeof options !== "object" || options === null || options instanceof Tensor)
    throw new TypeError(
      `${name} takes its last arguments by name: { ${[...allowed].join(", ")} }, not ${describeValue(options)}.`,
    );
  for (const key in options)
    if (!allowed.has(key))
      throw new TypeError(`${name} has no option "${key}": it takes ${[...allowed].join(", ")}.`);
}
