/** Names of classes: a model folder's own, or ImageNet's; and the class a user means by a number or a name. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { RarityError } from "./errors.js";
import { quote } from "./plain.js";
import { nearest } from "./suggest.js";

export interface ClassNames {
  /** How many classes there are. */
  readonly count: number;
  /** Names of each class, the usual one first; empty where the model has none. */
  readonly names: readonly (readonly string[])[];
  /** WordNet id of each class, ImageNet only. */
  readonly wordnet?: readonly string[] | undefined;
}

/** Classes that are known by number only. */
export const unnamedClasses = (count: number): ClassNames => ({ count, names: [] });

let imagenet: Promise<ClassNames> | undefined;

/** The 1000 classes of ImageNet (ILSVRC 2012), in the order of the published models. */
export function imagenetClasses(): Promise<ClassNames> {
  imagenet ??= readFile(
    fileURLToPath(new URL("../../data/imagenet-classes.tsv", import.meta.url)),
    "utf8",
  ).then((text) => {
    const rows = text
      .trimEnd()
      .split("\n")
      .slice(1)
      .map((row) => row.split("\t"));
    return {
      count: rows.length,
      names: rows.map((row) => synonyms(row[2] ?? "")),
      wordnet: rows.map((row) => row[1] ?? ""),
    };
  });
  return imagenet;
}

const mostBytes = 2 ** 24;

/**
 * Reads `classes.txt`: a class a line, in order, synonyms after commas.
 *
 * @param count - how many classes the model has, where that is known
 * @throws {RarityError} "bad-file" for an empty line or another number of classes than `count`
 */
export async function readClassNames(file: string, count?: number): Promise<ClassNames> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new RarityError("io", `Cannot read class names from ${quote(file)} (${code}). Check the path.`, {
      cause: error,
    });
  }
  if (bytes.length > mostBytes || bytes.includes(0))
    throw new RarityError("bad-file", `${quote(file)} is no list of class names. Write a name a line.`);
  const lines = bytes
    .toString("utf8")
    .replace(/^\uFEFF/, "")
    .trimEnd()
    .split(/\r?\n/);
  const names = lines.map(synonyms);
  const empty = names.findIndex((own) => own.length === 0);
  if (empty >= 0)
    throw new RarityError("bad-file", `${file}:${empty + 1}: There is no name. Write one name a line.`);
  if (count !== undefined && names.length !== count)
    throw new RarityError(
      "bad-file",
      `${quote(file)} names ${names.length} classes, the model has ${count}. Write one name a line, in the order of the classes.`,
    );
  return { count: names.length, names };
}

const synonyms = (line: string): string[] =>
  line
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

/**
 * The class meant by an index, an index as text, a WordNet id, or a name: any synonym or the whole line, in any case,
 * `_` and `-` as good as a space.
 *
 * @throws {RarityError} "not-found" for an index out of range, an unknown name (with the nearest ones), or a name of
 *   several classes (with all of them)
 */
export function findClass(query: number | string, classes: ClassNames): number {
  const last = classes.count - 1;
  const written = typeof query === "string" ? query.trim() : query;
  if (typeof written === "number" || /^[-+]?\d+$/.test(written)) {
    const index = Number(written);
    if (Number.isInteger(index) && index >= 0 && index <= last) return index;
    throw new RarityError("not-found", `There is no class ${written}. Classes are numbered 0 to ${last}.`);
  }
  const { byName, words } = lookup(classes);
  const found = byName.get(plain(written)) ?? [];
  if (found.length === 1) return found[0]!;
  if (found.length > 1)
    throw new RarityError(
      "not-found",
      `${quote(written)} names ${found.length} classes: ${found.map((i) => describe(i, classes)).join("; ")}. Pass the number.`,
    );
  if (classes.names.length === 0)
    throw new RarityError(
      "not-found",
      `There is no class ${quote(written)}: this model's classes have no names. Pass a number from 0 to ${last}.`,
    );
  throw new RarityError(
    "not-found",
    `There is no class ${quote(written)}.${suggestion(plain(written), byName, words, classes)} Or pass a number from 0 to ${last}.`,
  );
}

/** `134 "crane" (n02012849)`, with the first name. */
function describe(index: number, { names, wordnet }: ClassNames): string {
  const id = wordnet?.[index];
  return `${index} ${quote(names[index]?.join(", ") ?? "")}${id === undefined ? "" : ` (${id})`}`;
}

function suggestion(
  written: string,
  byName: ReadonlyMap<string, readonly number[]>,
  words: ReadonlyMap<string, readonly number[]>,
  classes: ClassNames,
): string {
  const near = nearest(written, byName.keys());
  const hits = near === undefined ? (words.get(written) ?? []) : byName.get(near)!;
  if (hits.length === 0) return "";
  const shown = hits.slice(0, 4).map((i) => describe(i, classes));
  return ` Did you mean ${shown.join(" or ")}${hits.length > 4 ? `, or one of ${hits.length - 4} more` : ""}?`;
}

interface Lookup {
  readonly byName: ReadonlyMap<string, readonly number[]>;
  /** Classes by a single word of their names: "retriever". */
  readonly words: ReadonlyMap<string, readonly number[]>;
}
const lookups = new WeakMap<ClassNames, Lookup>();

function lookup(classes: ClassNames): Lookup {
  const known = lookups.get(classes);
  if (known) return known;
  const byName = new Map<string, number[]>();
  const words = new Map<string, number[]>();
  const add = (map: Map<string, number[]>, key: string, index: number) => {
    const list = map.get(key) ?? [];
    if (!list.includes(index)) list.push(index);
    map.set(key, list);
  };
  for (const [i, own] of classes.names.entries()) {
    for (const name of [...own, own.join(", ")]) add(byName, plain(name), i);
    for (const word of own.flatMap((name) => plain(name).split(" "))) add(words, word, i);
  }
  for (const [i, id] of classes.wordnet?.entries() ?? []) add(byName, id, i);
  const made = { byName, words };
  lookups.set(classes, made);
  return made;
}

const plain = (name: string): string =>
  name
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\s_-]+/g, " ")
    .trim();
