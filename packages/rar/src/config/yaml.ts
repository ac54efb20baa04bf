/**
 * Reads YAML as OmegaConf does (YAML 1.1 scalars, but `4e-4` is a number and dates are strings), and remembers
 * where each key stands.
 */
import {
  type CST,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
  parseDocument,
} from "yaml";
import { RarityError } from "./errors.js";
import { mapOf, type Plain, type PlainMap, type PlainScalar } from "./plain.js";

export interface YamlText {
  readonly value: Plain;
  /** Line (from 1) of each key, by dotted path. */
  readonly lines: ReadonlyMap<string, number>;
}

const longestText = 2 ** 20; // characters; the published file has 3,000
const deepest = 100; // the library recurses while composing, and a stack that overflows there ends the process
/** Values an anchor's reuse may unfold to in all: a "billion laughs" file stops here. */
const mostValues = 100_000;

/**
 * Reads one YAML document into plain values.
 *
 * @param name - what errors call the text: a file's path, or an override
 * @throws {RarityError} "bad-config" with file:line:column for syntax errors, tabs, duplicate keys, foreign tags
 */
export function parseYaml(text: string, name: string): YamlText {
  if (text.length > longestText)
    throw new RarityError(
      "bad-config",
      `${name} has ${text.length} characters, too many for a configuration. Pass a YAML file such as rar.yaml.`,
    );
  const counter = new LineCounter();
  const fail = (offset: number, problem: string): never => {
    const { line, col } = counter.linePos(offset);
    throw new RarityError("bad-config", `${name}:${line}:${col}: ${problem}`);
  };
  if (depth(text) > deepest)
    throw new RarityError("bad-config", `${name} nests values more than ${deepest} deep. Write it flatter.`);
  const document = parseDocument(text, {
    schema: "failsafe", // every scalar arrives as the text it was written as
    lineCounter: counter,
    prettyErrors: false,
    logLevel: "error",
  });
  const [error] = document.errors;
  if (error) fail(error.pos[0], `${sentence(error.message)} ${cures[error.code] ?? generalCure}`);

  const lines = new Map<string, number>();
  let values = 0;
  const read = (node: Node | null, path: string, open: readonly Node[]): Plain => {
    if (++values > mostValues)
      return fail(node?.range?.[0] ?? 0, `More than ${mostValues} values. Write fewer, or fewer aliases.`);
    if (node === null) return null;
    const start = node.range?.[0] ?? 0;
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (!target) return fail(start, `No anchor &${node.source} stands before *${node.source}. Add it.`);
      if (open.includes(target))
        return fail(start, `*${node.source} stands inside its own anchor. Write the value out.`);
      return read(target, path, open);
    }
    if (isScalar(node)) {
      const source = String(node.value ?? "");
      if (node.tag) return tagged(node.tag, source) ?? fail(start, foreign(node.tag));
      return node.type === "PLAIN" ? plainScalar(source) : source;
    }
    if (isSeq(node)) {
      if (node.tag && node.tag !== `${standard}seq`) return fail(start, foreign(node.tag));
      return node.items.map((item, i) => read(item as Node | null, join(path, String(i)), [...open, node]));
    }
    if (!isMap(node)) return fail(start, `An entry that is no value. ${generalCure}`);
    if (node.tag && node.tag !== `${standard}map`) return fail(start, foreign(node.tag));

    const own = new Map<string, Plain>();
    const merged = new Map<string, Plain>(); // from `<<`: own keys win
    for (const { key, value } of node.items as { key: Node; value: Node | null }[]) {
      if (!isScalar(key))
        return fail(key?.range?.[0] ?? start, "A key that is not a word. Write `key: value`.");
      const word = String(key.value ?? "");
      const line = counter.linePos(key.range?.[0] ?? start).line;
      if (word === "<<" && key.type === "PLAIN") {
        const source = read(value, path, [...open, node]);
        for (const part of Array.isArray(source) ? source : [source]) {
          if (typeof part !== "object" || part === null || Array.isArray(part))
            return fail(key.range?.[0] ?? start, "`<<` needs a group of keys, as in `<<: *name`.");
          for (const [k, v] of Object.entries(part as PlainMap)) if (!merged.has(k)) merged.set(k, v);
        }
        continue;
      }
      lines.set(join(path, word), line);
      own.set(word, read(value, join(path, word), [...open, node]));
    }
    return mapOf(new Map([...merged, ...own]));
  };
  return { value: read(document.contents as Node | null, "", []), lines };
}

/** How deep a text nests, by the library's first pass, which does not recurse. */
function depth(text: string): number {
  let most = 0;
  const todo: [token: CST.Token, depth: number][] = [...new Parser().parse(text)].map((token) => [token, 1]);
  for (let next = todo.pop(); next; next = todo.pop()) {
    const [token, depth] = next;
    most = Math.max(most, depth);
    if ("value" in token && token.value) todo.push([token.value, depth + 1]);
    if (!("items" in token)) continue;
    for (const { key, value } of token.items) {
      if (key) todo.push([key, depth + 1]);
      if (value) todo.push([value, depth + 1]);
    }
  }
  return most;
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

const sentence = (message: string): string => `${message.replace(/[.\s]+$/, "")}.`;
const generalCure = "Check indentation, colons, quotes and brackets there.";
const cures: Partial<Record<string, string>> = {
  TAB_AS_INDENT: "Use spaces.",
  DUPLICATE_KEY: "Remove one of the two.",
  MULTIPLE_DOCS: "Keep one document: remove the `---`.",
};

const standard = "tag:yaml.org,2002:";
const foreign = (tag: string): string =>
  `The tag ${tag} is not a plain value, and nothing but plain values is read. Remove the tag.`;

/** A scalar with an explicit tag such as `!!str`; undefined where the tag or its value is not a plain one. */
function tagged(tag: string, source: string): PlainScalar | undefined {
  if (tag === "!" || tag === `${standard}str`) return source;
  const value = plainScalar(source);
  switch (tag) {
    case `${standard}null`:
      return value === null ? null : undefined;
    case `${standard}bool`:
      return typeof value === "boolean" ? value : undefined;
    case `${standard}int`:
      return Number.isInteger(value) ? value : undefined;
    case `${standard}float`:
      return typeof value === "number" ? value : undefined;
    default:
      return undefined;
  }
}

/** What an unquoted word means: PyYAML's resolvers, with OmegaConf's wider notion of a float. */
export function plainScalar(source: string): PlainScalar {
  if (/^(?:~|null|Null|NULL|)$/.test(source)) return null;
  if (/^(?:yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(source)) return true;
  if (/^(?:no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(source)) return false;

  const sign = source.startsWith("-") ? -1 : 1;
  const digits = source.replace(/^[-+]/, "").replaceAll("_", "");
  if (/^[-+]?0b[01_]+$/.test(source) && digits !== "0b") return sign * Number(digits);
  if (/^[-+]?0x[0-9a-fA-F_]+$/.test(source) && digits !== "0x") return sign * Number(digits);
  if (/^[-+]?0[0-7_]+$/.test(source)) return sign * Number(`0o${digits}`);
  if (/^[-+]?(?:0|[1-9][0-9_]*)$/.test(source)) return sign * Number(digits);
  // base 60: 1:30 is 90
  if (/^[-+]?(?:[1-9][0-9_]*(?::[0-5]?[0-9])+|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$/.test(source))
    return sign * digits.split(":").reduce((sum, part) => 60 * sum + Number(part), 0);

  if (/^[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?$/.test(source) && /[.eE]/.test(source))
    return sign * Number(digits);
  if (/^[-+]?\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?$/.test(source)) return sign * Number(digits);
  if (/^[-+]?\.(?:inf|Inf|INF)$/.test(source)) return sign * Infinity;
  if (/^\.(?:nan|NaN|NAN)$/.test(source)) return NaN;
  return source;
}
