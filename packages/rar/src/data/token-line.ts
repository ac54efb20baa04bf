/** One row as the reference writes it, a JSON object a line: `{"class_id": 7, "tokens": [398, 197, ...]}`. */
import { badFile } from "../weights/bad-file.js";
import { classBeyond, firstBeyond, tokenBeyond } from "./token-checks.js";
import type { ExpectedTokens } from "./token-rows.js";

/** The line, its end included, byte for byte what the reference writes. */
export const tokenLine = (label: number, tokens: ArrayLike<number>): string =>
  `{"class_id": ${label}, "tokens": [${Array.from(tokens).join(", ")}]}\n`;

/**
 * Reads a line; keys other than these two are passed over.
 *
 * @param line - number of the line from 1, for messages
 * @throws RarityError "bad-file" naming the line and what is wrong with it
 */
export function parseTokenLine(
  file: string,
  line: number,
  text: string,
  expected: ExpectedTokens,
): { readonly label: number; readonly tokens: readonly number[] } {
  const where = `line ${line}`;
  if (text.trim() === "") throw badFile(file, `${where} is empty. Remove it.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badFile(file, `${where} is not JSON: ${excerpt(text)}. Remove or repair it.`, error);
  }
  const { class_id: label, tokens } = Object(value) as { class_id?: unknown; tokens?: unknown };
  if (!isCount(label) || !Array.isArray(tokens))
    throw badFile(
      file,
      `${where} is not {"class_id": a whole number, "tokens": [whole numbers]}: ${excerpt(text)}. Remove or repair it.`,
    );
  const { length = tokens.length, codebookSize = 2 ** 31, classes = 2 ** 31 } = expected;
  if (tokens.length !== length)
    throw badFile(file, `${where} has ${tokens.length} tokens, not ${length}. Remove or repair it.`);
  const odd = tokens.findIndex((token) => !Number.isInteger(token));
  if (odd >= 0)
    throw badFile(
      file,
      `${where}: token ${odd} is ${excerpt(JSON.stringify(tokens[odd]))}, not a whole number. Remove or repair the line.`,
    );
  const beyond = firstBeyond(tokens, 0, length, codebookSize);
  if (beyond >= 0) throw tokenBeyond(file, where, beyond, tokens[beyond], codebookSize);
  if (label >= classes) throw classBeyond(file, where, label, classes);
  return { label, tokens };
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;

const excerpt = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
