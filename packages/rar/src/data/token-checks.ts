/** Whether tokens fit: the sentences said about a file, and about a row, that do not. */
import { badFile } from "../weights/bad-file.js";
import type { ExpectedTokens } from "./token-rows.js";

/** Holds what a file says of itself against what is needed. @throws RarityError "bad-file" */
export function checkFits(file: string, found: ExpectedTokens, expected: ExpectedTokens): void {
  const { length, codebookSize, classes } = expected;
  if (length !== undefined && found.length !== undefined && found.length !== length)
    throw badFile(
      file,
      `its rows have ${found.length} tokens, the model needs ${length}. Use tokens made at the model's image size, or change model.generator.image_seq_len.`,
    );
  if (codebookSize !== undefined && found.codebookSize !== undefined && found.codebookSize !== codebookSize)
    throw badFile(
      file,
      `its tokens are of a codebook of ${found.codebookSize} codes, the model has ${codebookSize}. Use tokens of the model's own tokenizer.`,
    );
  if (classes !== undefined && found.classes !== undefined && found.classes > classes)
    throw badFile(
      file,
      `it has ${found.classes} classes, the model has ${classes}. Set model.generator.condition_num_classes to at least ${found.classes}.`,
    );
}

/** The index of the first token that is no code of the codebook, or -1. */
export function firstBeyond(
  tokens: ArrayLike<number>,
  from: number,
  to: number,
  codebookSize: number,
): number {
  for (let i = from; i < to; i++) if (tokens[i]! >= codebookSize || tokens[i]! < 0) return i;
  return -1;
}

/** @param where - "row 17" or "line 17" */
export const tokenBeyond = (
  file: string,
  where: string,
  place: number,
  token: number,
  codebookSize: number,
): Error =>
  badFile(
    file,
    `${where}: token ${place} is ${token}, but the codebook has ${codebookSize} codes (0 to ${codebookSize - 1}). Use tokens of the model's own tokenizer.`,
  );

export const classBeyond = (file: string, where: string, label: number, classes: number): Error =>
  badFile(
    file,
    `${where}: class ${label} does not exist, there are ${classes} classes (0 to ${classes - 1}). Correct the row, or set model.generator.condition_num_classes to at least ${label + 1}.`,
  );

/** @throws {RangeError} for the first index outside 0 .. rows - 1 */
export function checkIndices(file: string, indices: ArrayLike<number>, rows: number): void {
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (!Number.isInteger(index) || index < 0 || index >= rows)
      throw new RangeError(`Row ${index} of "${file}" was asked for; it has rows 0 to ${rows - 1}.`);
  }
}
