/** Plain configuration values: what a YAML file holds once read, before any schema is applied. */

export type PlainScalar = string | number | boolean | null;
export type Plain = PlainScalar | readonly Plain[] | PlainMap;
export interface PlainMap {
  readonly [key: string]: Plain;
}

export const isMap = (value: Plain | undefined): value is PlainMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The value at a dotted path, or undefined where there is none; `list.0` is a list's first entry. */
export function valueAt(root: Plain, path: string): Plain | undefined {
  let here: Plain | undefined = root;
  for (const key of path.split(".")) {
    if (Array.isArray(here)) here = (here as readonly Plain[])[/^\d+$/.test(key) ? Number(key) : -1];
    else if (isMap(here) && Object.hasOwn(here, key)) here = here[key];
    else return undefined;
  }
  return here;
}

/** A value as an error message quotes it: short, strings in quotes. */
export function quote(value: unknown): string {
  if (typeof value === "number") return String(value); // JSON has no NaN
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** An object from entries that may be named `__proto__`, which an ordinary assignment would not keep. */
export const mapOf = (entries: Iterable<readonly [string, Plain]>): PlainMap =>
  Object.fromEntries(entries) as PlainMap;
