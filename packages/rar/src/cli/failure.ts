/** From whatever was thrown to one or two sentences and an exit code. */
import { CommanderError } from "commander";
import { RarityError } from "../config/errors.js";

export interface Failure {
  /** Empty where everything has been said already. */
  readonly message: string;
  /** 0 for help and version, 1 where the world failed, 2 for wrong usage or bad input. */
  readonly exitCode: number;
}

/** @param error - anything; a message in the style of the house is taken as it is, others get a hint at RARITY_DEBUG */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) return { message: "", exitCode: error.exitCode === 0 ? 0 : 2 };
  if (error instanceof RarityError) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof RangeError) return { message: error.message, exitCode: 2 };
  const text = error instanceof Error ? error.message : String(error);
  return { message: `${text} (Unexpected. RARITY_DEBUG=1 shows where.)`, exitCode: 1 };
}

/** The stack of an error and of its causes, for RARITY_DEBUG. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

/** Commander's `error: unknown option '--sed'\n(Did you mean --seed?)` as a sentence of this house. */
export function usageSentence(text: string): string {
  const [first = "", ...rest] = text.trim().split("\n");
  const hint = rest.join(" ").replace(/^\((.*)\)$/, " $1");
  const said = first.replace(/^error: /, "").replaceAll(/'([^']*)'/g, '"$1"');
  const capital = said.charAt(0).toUpperCase() + said.slice(1);
  return `${capital}${/[.?!]$/.test(capital) ? "" : "."}${hint}`;
}
