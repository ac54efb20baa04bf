/** Names of shards from a pattern: `::` between patterns, `${NAME}` from the environment, braces as in bash (DATA.md 8.2). */
import { RarityError } from "../config/errors.js";

/** More names than any data set has shards; a slip such as {0..999999999} must not fill the memory. */
const mostNames = 100_000;

/**
 * @param env - where `${NAME}` is looked up, as `WDS_NAME`
 * @throws {RarityError} "bad-usage" for a variable that is not set, braces that do not close, or too many names
 */
export function expandShards(pattern: string, env: NodeJS.ProcessEnv = process.env): string[] {
  return pattern.split("::").flatMap((part) => expandBraces(withVariables(part, env)));
}

function withVariables(pattern: string, env: NodeJS.ProcessEnv): string {
  return pattern.replaceAll(/\$\{(\w+)\}/g, (all, name: string) => {
    const value = env[`WDS_${name}`];
    if (value !== undefined) return value;
    throw new RarityError(
      "bad-usage",
      `The pattern "${pattern}" holds ${all}, and the environment variable WDS_${name} is not set. Set it, or write the path out.`,
    );
  });
}

/**
 * `{0000..0252}`, `{a,b}`, `{0..10..5}`, `{3..1}`, `{a..c}`, nested as in bash. `{single}` and `{}` stay as they are; a backslash
 * takes the meaning from a brace or comma behind it, and is part of the name elsewhere, as in a path of Windows.
 */
export function expandBraces(pattern: string): string[] {
  const [names, end] = sequence(pattern, 0, false);
  if (end < pattern.length) throw unbalanced(pattern);
  return names;
}

/** Names up to the end, or inside braces up to the `,` or `}` that ends this part. */
function sequence(pattern: string, start: number, inside: boolean): [names: string[], end: number] {
  let names = [""];
  let at = start;
  while (at < pattern.length) {
    const sign = pattern[at]!;
    if (inside && (sign === "," || sign === "}")) break;
    if (sign === "}") throw unbalanced(pattern);
    if (sign === "{") {
      const [choices, end] = braces(pattern, at);
      if (names.length * choices.length > mostNames) throw tooMany(pattern);
      names = names.flatMap((name) => choices.map((choice) => name + choice));
      at = end;
      continue;
    }
    const escaped = sign === "\\" && /[{},]/.test(pattern[at + 1] ?? "");
    const literal = escaped ? pattern[at + 1]! : sign;
    names = names.map((name) => name + literal);
    at += escaped ? 2 : 1;
  }
  return [names, at];
}

/** One pair of braces that opens at `start`. */
function braces(pattern: string, start: number): [choices: string[], end: number] {
  const choices: string[][] = [];
  let at = start;
  do {
    const [names, end] = sequence(pattern, at + 1, true);
    choices.push(names);
    at = end;
  } while (pattern[at] === ",");
  if (pattern[at] !== "}") throw unbalanced(pattern);
  const body = pattern.slice(start + 1, at);
  if (choices.length > 1) return [choices.flat(), at + 1];
  return [range(body, pattern) ?? choices[0]!.map((name) => `{${name}}`), at + 1];
}

/** The members of `8..11`, `08..11`, `0..10..5`, `c..a`; undefined where the body is no range. */
function range(body: string, pattern: string): string[] | undefined {
  const match = /^(?:(-?\d+)\.\.(-?\d+)|([A-Za-z])\.\.([A-Za-z]))(?:\.\.(-?\d+))?$/.exec(body);
  if (match === null) return undefined;
  const [, firstNumber, lastNumber, firstLetter, lastLetter, stepText] = match;
  const letters = firstLetter !== undefined;
  const first = letters ? firstLetter.charCodeAt(0) : Number(firstNumber);
  const last = letters ? lastLetter!.charCodeAt(0) : Number(lastNumber);
  const step = Math.abs(Number(stepText ?? 1)) || 1;
  const count = Math.floor(Math.abs(last - first) / step) + 1;
  if (!(count <= mostNames)) throw tooMany(pattern);
  const padded = !letters && [firstNumber!, lastNumber!].some((text) => /^-?0\d/.test(text));
  const width = padded ? Math.max(firstNumber!.length, lastNumber!.length) : 0;
  return Array.from({ length: count }, (_, i) => {
    const value = first + Math.sign(last - first) * step * i;
    if (letters) return String.fromCharCode(value);
    return (value < 0 ? "-" : "") + String(Math.abs(value)).padStart(width - (value < 0 ? 1 : 0), "0");
  });
}

const unbalanced = (pattern: string): RarityError =>
  new RarityError(
    "bad-usage",
    `The braces of "${pattern}" do not match. Close them, or write \\{ for a brace that is part of the name.`,
  );

const tooMany = (pattern: string): RarityError =>
  new RarityError(
    "bad-usage",
    `The pattern "${pattern}" stands for more than ${mostNames.toLocaleString("en")} names. Check its numbers.`,
  );
