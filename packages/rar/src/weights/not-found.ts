/** The error for a tensor that a file does not have, with the nearest name it has. */
import { RarityError } from "../config/errors.js";
import { quote } from "./bad-file.js";

/** @throws RarityError "not-found", always */
export function noSuchTensor(file: string, name: string, names: Iterable<string>): never {
  const nearest = nearestName(name, names);
  const hint =
    nearest === undefined ? "It holds no tensors at all." : `The nearest name there is ${quote(nearest)}.`;
  throw new RarityError("not-found", `"${file}" has no tensor ${quote(name)}. ${hint}`);
}

/** The name sharing the longest beginning and end with `wanted`: cheap, and right for misspelt paths of modules. */
function nearestName(wanted: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestScore = -1;
  for (const name of names) {
    const most = Math.min(name.length, wanted.length);
    let head = 0;
    while (head < most && name[head] === wanted[head]) head++;
    let tail = 0;
    while (tail < most - head && name.at(-1 - tail) === wanted.at(-1 - tail)) tail++;
    const score = head + tail - Math.abs(name.length - wanted.length) / 2;
    if (score > bestScore || best === undefined) [best, bestScore] = [name, score];
  }
  return best;
}
