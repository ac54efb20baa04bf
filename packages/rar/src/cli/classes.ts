/** The classes a user means by `--class cat,dog --class 7` or `--class all`. */
import { type ClassNames, findClass } from "../config/class-names.js";
import { RarityError } from "../config/errors.js";

/**
 * @param values - of `--class`, each a name, a number, or several with commas between
 * @param model - what errors call the model
 * @returns class indices in the order given; within one value each class once
 * @throws {RarityError} "bad-usage" where there is none; "not-found" with the nearest name
 */
export function chosenClasses(values: readonly string[], classes: ClassNames, model: string): number[] {
  const chosen = values.flatMap((value) => classesOf(value, classes));
  if (chosen.length > 0) return chosen;
  throw new RarityError(
    "bad-usage",
    `Say what to draw: --class NAME, or --class all. ${classList(classes, model)}`,
  );
}

function classesOf(value: string, classes: ClassNames): number[] {
  if (value.trim().toLowerCase() === "all") return Array.from({ length: classes.count }, (_, i) => i);
  const parts = value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  // Once each: an ImageNet line such as "tench, Tinca tinca" holds synonyms of one class.
  return [...new Set(parts.map((part) => findClass(part, classes)))];
}

/** `"emoji" draws 24 classes: face, person, ...` */
export function classList({ names, count }: ClassNames, model: string): string {
  if (names.length === 0) return `"${model}" draws ${count} classes, numbered 0 to ${count - 1}.`;
  const shown = names.slice(0, 24).map((own) => own[0] ?? "");
  return `"${model}" draws ${count} classes: ${shown.join(", ")}${count > shown.length ? ", ..." : ""}.`;
}

/** How a class is called where a person reads it. */
export const className = (index: number, name: string | undefined): string => name || `class ${index}`;
