/** Reads the values of flags; what does not fit is refused in the words of the flag. */
import { InvalidArgumentError } from "commander";
import { didYouMean } from "../config/suggest.js";

/** A whole number from `least` to `most`, both allowed. */
export const wholeNumber =
  (least: number, most: number = Number.MAX_SAFE_INTEGER) =>
  (text: string): number => {
    const value = /^[-+]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    const range =
      most === Number.MAX_SAFE_INTEGER ? `of at least ${least}, below 2^53` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Give a whole number ${range}.`);
  };

/** Any finite number; its range is checked by those who use it. */
export function decimal(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError("Give a number.");
  return value;
}

/** A share: `50%` or `0.5`. */
export function share(text: string): number {
  const percent = /^(.+)%$/.exec(text.trim());
  const value = percent ? decimal(percent[1]!) / 100 : decimal(text);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("Give a share from 0% to 100%, or from 0 to 1.");
}

/** One of a few words, in any case. */
export const oneOf =
  <const Words extends readonly string[]>(...words: Words) =>
  (text: string): Words[number] => {
    const found = words.find((word) => word === text.toLowerCase());
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`It is none of ${words.join(", ")}.${didYouMean(text, words)}`);
  };

/** For flags that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): string[] => [...before, text];
