/** Asks a configuration for a key that has to be set, by its dotted path. */
import { RarityError } from "./errors.js";
import { type Plain, valueAt } from "./plain.js";
import type { RarConfig } from "./schema.js";

/** Where a configuration came from, for messages about keys that are needed later. */
interface Origin {
  readonly name: string | undefined;
  readonly missing: ReadonlySet<string>;
  readonly nulls: ReadonlySet<string>;
}
const origins = new WeakMap<RarConfig, Origin>();

export const rememberOrigin = (config: RarConfig, origin: Origin): void => void origins.set(config, origin);

type Leaf<T, P extends string> = P extends `${infer K}.${infer Rest}`
  ? K extends keyof T
    ? Leaf<NonNullable<T[K]>, Rest>
    : never
  : P extends keyof T
    ? NonNullable<T[P]>
    : never;
type Paths<T> = {
  [K in keyof T & string]: NonNullable<T[K]> extends string | number | boolean | readonly unknown[]
    ? K
    : NonNullable<T[K]> extends object
      ? `${K}.${Paths<NonNullable<T[K]>>}`
      : K;
}[keyof T & string];
/** A dotted path of the configuration that holds a value. */
export type ConfigPath = Paths<RarConfig>;

/**
 * The value of a key that has to be set.
 *
 * @throws {RarityError} "bad-config" saying whether it is absent, null or `???`, and how to set it
 */
export function need<P extends ConfigPath>(config: RarConfig, path: P): Leaf<RarConfig, P> {
  const value = valueAt(config as unknown as Plain, path);
  if (value !== undefined && value !== null) return value as Leaf<RarConfig, P>;
  const origin = origins.get(config);
  const state = origin?.missing.has(path)
    ? "is left as ???"
    : origin?.nulls.has(path)
      ? "is null"
      : "is not set";
  const place = origin?.name === undefined ? "" : ` in ${origin.name}`;
  throw new RarityError("bad-config", `${path} ${state}${place}. Write it there, or pass ${path}=VALUE.`);
}
