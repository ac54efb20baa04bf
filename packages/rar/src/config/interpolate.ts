// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the configuration's own interpolations
/** Resolves `${a.b.c}` and `???` in a merged configuration. */
import { RarityError } from "./errors.js";
import { isMap, mapOf, type Plain, type PlainMap, quote, valueAt } from "./plain.js";
import { didYouMean } from "./suggest.js";

export interface Resolved {
  /** The configuration without `${}` and without the keys left as `???`. */
  readonly values: PlainMap;
  /** Dotted paths left as `???`, or that point to one. */
  readonly missing: ReadonlySet<string>;
}

/** Stands for `???` until the end, so that what points to it is missing too. */
class Missing extends Error {}

/** Text an interpolation may grow to. */
const longest = 2 ** 16;
const deepest = 100;
/** Values visited in all: groups of interpolations that each use two others stop here. */
const mostValues = 100_000;

/**
 * Replaces every `${path}` by what the path holds: the value itself, of its own type, where the interpolation is the
 * whole value, else its text. `${.x}` starts at the key's own group, `${..x}` one above. `\${` is a plain `${`.
 *
 * @param where - what errors put before a key, such as `rar.yaml:12: `
 * @throws {RarityError} "bad-config" for a path to nothing, a circle, or a resolver such as `${oc.env:HOME}`
 */
export function interpolate(root: PlainMap, where: (path: string) => string): Resolved {
  const missing = new Set<string>();
  let visited = 0;

  const fail = (path: string, text: string, problem: string): never => {
    throw new RarityError("bad-config", `${where(path)}${path} is ${quote(text)}: ${problem}`);
  };

  const resolveText = (text: string, path: string, open: readonly string[]): Plain => {
    if (text === "???") throw new Missing();
    const whole = /^\$\{([^${}]*)\}$/.exec(text);
    if (whole) return follow(whole[1]!, text, path, open);
    const result = text.replace(
      /\\(\$\{)|\$\{([^${}]*)\}|\$\{/g,
      (found, escaped?: string, target?: string) => {
        if (escaped) return escaped;
        if (target === undefined)
          return fail(path, text, `${quote(found)} is not closed by "}" around one path. Write \${a.b.c}.`);
        const value = follow(target, text, path, open);
        if (typeof value === "object" && value !== null)
          return fail(path, text, `\${${target}} is not a single value. Point to one of its keys.`);
        return asText(value);
      },
    );
    if (result.length > longest) return fail(path, text, "it grows beyond reason. Write the value out.");
    return result;
  };

  const follow = (target: string, text: string, path: string, open: readonly string[]): Plain => {
    if (target.includes(":"))
      fail(path, text, "only paths such as ${a.b.c} are understood, not resolvers. Write the value out.");
    const absolute = fromHere(target.trim(), path);
    const around = [...open, path];
    if (around.some((p) => p === absolute || p.startsWith(`${absolute}.`)))
      fail(path, text, `it leads in a circle (${[...around, absolute].join(" -> ")}). Give one a value.`);
    if (open.length > deepest) fail(path, text, "it leads on too far. Write the value out.");
    const value = valueAt(root, absolute);
    if (value === undefined) {
      const near = didYouMean(absolute, pathsOf(root));
      return fail(
        path,
        text,
        `there is no key ${quote(absolute)}.${near || " Set it, or write the value out."}`,
      );
    }
    return walk(value, absolute, around);
  };

  /** `open`: the paths being resolved, outermost first. */
  const walk = (value: Plain, path: string, open: readonly string[]): Plain => {
    if (++visited > mostValues)
      fail(path, "${...}", "the interpolations unfold to too many values. Use fewer.");
    if (typeof value === "string") return resolveText(value, path, open);
    if (Array.isArray(value))
      return (value as readonly Plain[]).map((item, i) => walk(item, `${path}.${i}`, open));
    if (!isMap(value)) return value;
    const entries: [string, Plain][] = [];
    for (const [key, item] of Object.entries(value)) {
      const below = path === "" ? key : `${path}.${key}`;
      try {
        entries.push([key, walk(item, below, open)]);
      } catch (error) {
        if (!(error instanceof Missing)) throw error;
        missing.add(below);
      }
    }
    return mapOf(entries);
  };

  return { values: walk(root, "", []) as PlainMap, missing };
}

/** `${.x}` is beside the key, `${..x}` beside its group, and so on. */
function fromHere(target: string, path: string): string {
  const dots = /^\.*/.exec(target)![0].length;
  if (dots === 0) return target;
  return [...path.split(".").slice(0, -dots), target.slice(dots)].join(".");
}

/** As Python writes a value inside a text. */
function asText(value: string | number | boolean | null): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return String(value);
}

function* pathsOf(value: PlainMap, prefix = ""): Iterable<string> {
  for (const [key, item] of Object.entries(value)) {
    yield prefix + key;
    if (isMap(item)) yield* pathsOf(item, `${prefix}${key}.`);
  }
}
