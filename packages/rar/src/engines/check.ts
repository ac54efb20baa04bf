/** What every engine refuses before it computes: requests and tokens that cannot be meant. */
import { type GeneratorConfig, vocabulary } from "../config/architecture.js";
import type { SessionRequest } from "./engine.js";

/** @throws {RangeError} when there is no image, a condition is none, or the order is no permutation of the places */
export function checkSessionRequest(config: GeneratorConfig, { conditions, order }: SessionRequest): void {
  if (conditions.length === 0) throw new RangeError("A batch needs at least one image, it has none.");
  const [first, last] = [config.codebookSize + 1, vocabulary(config) - 1];
  const wrong = conditions.find((id) => !(id >= first && id <= last));
  if (wrong !== undefined)
    throw new RangeError(`${wrong} is no condition of this model: they are ${first} to ${last}.`);
  if (order) checkOrder(order, config.tokens);
}

/** @throws {RangeError} unless `order` names each place 0 .. tokens - 1 once */
export function checkOrder(order: ArrayLike<number>, tokens: number): void {
  const seen = new Set<number>();
  for (let i = 0; i < order.length; i++) {
    const place = order[i]!;
    if (place >= 0 && place < tokens) seen.add(place);
  }
  if (order.length !== tokens || seen.size !== tokens)
    throw new RangeError(
      `An order must name each of the places 0 to ${tokens - 1} once; this one has ${order.length} entries and names ${seen.size}.`,
    );
}

/** @throws {RangeError} unless there is one token, or several, for each image, and all are codes */
export function checkStep(tokens: Int32Array, codes: number, images: number): void {
  if (tokens.length === 0 || tokens.length % images !== 0)
    throw new RangeError(
      `A step takes one token an image, ${images} here, or as many for each of several places, not ${tokens.length}.`,
    );
  checkTokens(tokens, codes);
}

/** @throws {RangeError} when a token is not a code */
export function checkTokens(tokens: Int32Array, codes: number): void {
  const wrong = tokens.find((token) => !(token >= 0 && token < codes));
  if (wrong !== undefined) throw new RangeError(`token ${wrong} is not a code: 0 to ${codes - 1}`);
}
