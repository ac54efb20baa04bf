import { describe, expect, it } from "vitest";
import { WindowChoice } from "./window.js";

/** Lets a machine and a model answer: what was chosen in so many steps. */
function chosen(
  choice: WindowChoice,
  steps: number,
  milliseconds: (size: number, step: number) => number,
  held: (step: number) => number,
): number[] {
  return Array.from({ length: steps }, (_, step) => {
    const size = choice.next();
    choice.took(size, Math.min(size, held(step)), milliseconds(size, step));
    return size;
  });
}

const share = (sizes: readonly number[], right: (size: number) => boolean): number =>
  sizes.filter(right).length / sizes.length;
/** One, two or three tokens a step. */
const some = (step: number): number => 1 + (step % 3);

describe("WindowChoice", () => {
  it("takes many where more positions take no longer, one where they take as many times as long", () => {
    const free = chosen(new WindowChoice(8), 200, () => 40, some);
    expect(share(free.slice(20), (size) => size >= 3)).toBeGreaterThan(0.95);
    const dear = chosen(new WindowChoice(8), 200, (size) => 10 * size, some);
    expect(share(dear.slice(20), (size) => size === 1)).toBeGreaterThan(0.9);
  });

  it("takes few where guesses seldom hold, and what the model allows between", () => {
    const cost = (size: number) => 40 + 4 * size;
    const none = chosen(new WindowChoice(8), 400, cost, () => 1).slice(200);
    expect(share(none, (size) => size === 1)).toBeGreaterThan(0.9);
    const two = chosen(new WindowChoice(8), 400, cost, () => 2).slice(200);
    expect(share(two, (size) => size === 2)).toBeGreaterThan(0.9);
  });

  it("is not led astray by steps that get longer as the image grows, nor by busy moments", () => {
    // RAR-B in float32: half as long again for eight, a third longer at the end than at the beginning, now and then thrice as long
    const float32 = (size: number, step: number) =>
      (40 + 3.3 * size) * (1 + (step % 100) / 300) * (step % 23 === 0 ? 3 : 1);
    const many = chosen(new WindowChoice(12), 500, float32, (step) => 1 + (step % 4));
    expect(share(many.slice(50), (size) => size >= 3)).toBeGreaterThan(0.9);
    // int8 where products are bound by arithmetic
    const int8 = (size: number, step: number) =>
      (4 + 14 * size) * (1 + (step % 250) / 750) * (step % 23 === 0 ? 3 : 1);
    const few = chosen(new WindowChoice(4), 500, int8, (step) => 1 + (step % 2));
    expect(share(few.slice(50), (size) => size === 1)).toBeGreaterThan(0.9);
  });

  it("notices when the machine changes", () => {
    const choice = new WindowChoice(8);
    const before = chosen(choice, 100, (size) => 40 + size, some);
    expect(share(before.slice(20), (size) => size >= 3)).toBeGreaterThan(0.9);
    const after = chosen(choice, 600, (size) => 40 * size, some);
    expect(share(after.slice(300), (size) => size === 1)).toBeGreaterThan(0.9);
  });

  it("leaves no choice where one size is given", () => {
    expect(new Set(chosen(new WindowChoice(5, 5), 300, () => 1, some))).toEqual(new Set([5]));
    expect(new Set(chosen(new WindowChoice(1), 300, () => 1, some))).toEqual(new Set([1]));
  });
});
