/** What every engine must do, as one test suite: its operations, the generator's sessions, the tokenizer. */
import { describe } from "vitest";
import type { Engine } from "../engines/engine.js";
import { generatorContract } from "./engine-contract-generator.js";
import { operationsContract } from "./engine-contract-operations.js";
import { tokenizerContract } from "./engine-contract-tokenizer.js";

/**
 * @param makeEngine - a new float32 engine, which the suite disposes
 * @param options.exactInBatches - whether a picture has the same bits alone and beside others (default: yes)
 */
export function engineContract(
  name: string,
  makeEngine: () => Engine | Promise<Engine>,
  { exactInBatches = true }: { exactInBatches?: boolean } = {},
): void {
  describe(`${name}: operations`, () => operationsContract(makeEngine));
  describe(`${name}: generator`, () => generatorContract(makeEngine));
  describe(`${name}: tokenizer`, () => tokenizerContract(makeEngine, exactInBatches));
}
