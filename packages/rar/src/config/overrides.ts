/** Command-line overrides `a.b.c=value`, as OmegaConf reads them, and how they are laid over a file. */
import { RarityError } from "./errors.js";
import { isMap, mapOf, type Plain, type PlainMap, quote } from "./plain.js";
import { parseYaml } from "./yaml.js";

/** One override: where it points, and what it sets. */
export interface Override {
  /** Dotted path, as written; `--a.n=3` sets the key `--a`, as in the reference. */
  readonly path: string;
  readonly value: Plain;
  /** The whole word, for messages. */
  readonly text: string;
}

/**
 * Reads one override. The value is YAML: `true`, `1e-4`, `[1,2]`, `"a b"`; nothing after `=`, or no `=`, is null.
 *
 * @throws {RarityError} "bad-config" for an empty key or a value that is no YAML
 */
export function parseOverride(text: string): Override {
  const equals = text.indexOf("=");
  const path = equals < 0 ? text : text.slice(0, equals);
  if (path.split(".").some((key) => key.trim() === ""))
    throw new RarityError("bad-config", `Override ${quote(text)} has an empty key. Write key.path=value.`);
  const written = equals < 0 ? "" : text.slice(equals + 1);
  return { path, value: parseYaml(written, `override ${quote(text)}`).value, text };
}

/**
 * Lays overrides over a configuration, later ones over earlier ones. Groups merge key by key, everything else is
 * replaced.
 *
 * @throws {RarityError} "bad-config" where a path leads through something that is not a group
 */
export function applyOverrides(config: PlainMap, overrides: readonly Override[]): PlainMap {
  return overrides.reduce((whole, override) => setAt(whole, override, override.path.split("."), 0), config);
}

function setAt(group: PlainMap, override: Override, keys: readonly string[], at: number): PlainMap {
  const key = keys[at]!;
  const old = Object.hasOwn(group, key) ? group[key] : undefined;
  if (at === keys.length - 1) return withKey(group, key, merge(old, override.value));
  if (old !== undefined && old !== null && !isMap(old)) {
    const path = keys.slice(0, at + 1).join(".");
    const cure = Array.isArray(old)
      ? `Give the whole list, ${path}=[...].`
      : `Set ${path} itself, or drop it.`;
    throw new RarityError(
      "bad-config",
      `Override ${quote(override.text)} cannot be set: ${path} is ${quote(old)}, not a group of keys. ${cure}`,
    );
  }
  return withKey(group, key, setAt(isMap(old) ? old : {}, override, keys, at + 1));
}

/** Groups merge, everything else is replaced. */
export function merge(under: Plain | undefined, over: Plain): Plain {
  if (!isMap(under) || !isMap(over)) return over;
  return Object.entries(over).reduce(
    (whole, [key, value]) =>
      withKey(whole, key, merge(Object.hasOwn(whole, key) ? whole[key] : undefined, value)),
    under,
  );
}

const withKey = (group: PlainMap, key: string, value: Plain): PlainMap =>
  mapOf(new Map([...Object.entries(group), [key, value]]));
