/** A step of several positions has the bits of as many steps of one. */
import { join } from "node:path";
import fc from "fast-check";
import ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GeneratorConfig } from "../../config/architecture.js";
import { modulationParts } from "../../networks/generator.js";
import { randomArray, randomGenerator, randomIds, tinyGenerator } from "../../testing/random-model.js";
import { useTemporaryCache } from "../../testing/temporary.js";
import { graphSteps } from "./graph-step.js";
import { stepGraph } from "./graphs.js";
import { askMachine, type Machine, PLAIN } from "./machine.js";
import { prepare } from "./prepared.js";
import type { StepEngine, Stepper } from "./stepper.js";
import { MODEL_FILE, type WeightFormat } from "./weights.js";

useTemporaryCache();

/** Sizes that convolutions take, heads of whole vectors, and positions in four blocks. */
const config: GeneratorConfig = {
  ...tinyGenerator,
  width: 96,
  heads: 6,
  mlpWidth: 192,
  codebookSize: 32,
  tokens: 100,
};
const { weights } = randomGenerator(config, 6);
const WINDOW = 8;

async function engineOf(format: WeightFormat, machine: Machine): Promise<StepEngine> {
  const { folder } = await prepare(stepGraph(config, format, machine), weights);
  const session = await ort.InferenceSession.create(join(folder, MODEL_FILE), { logSeverityLevel: 4 });
  const rowsAlike = format === "int8" || machine.channels > 0;
  return graphSteps(config, session, { rowsAlike, several: true });
}

/** What stands at a position of a row, and how it is conditioned: any numbers do. */
const vectors = (row: number, position: number): Float32Array =>
  randomArray(1000 * row + position, modulationParts(config) * config.width, 0.5);
const token = (row: number, position: number): number =>
  randomIds(77 * row + position, 1, config.codebookSize)[0]!;

/** Steps over the next positions; a content that is off by `wrong` from the count-th on. Logits [rows, positions, K] */
function step(
  stepper: Stepper,
  rows: number,
  first: number,
  positions: number,
  count: number,
  wrong: number,
) {
  const each = (what: (row: number, i: number) => number): Int32Array =>
    Int32Array.from({ length: rows * positions }, (_, n) => what(Math.floor(n / positions), n % positions));
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < positions; i++) stepper.modulate(row * positions + i, vectors(row, first + i));
  return stepper.step({
    first,
    content: each((row, i) => (token(row, first + i) + (i < count ? 0 : wrong)) % config.codebookSize),
    where: each((_, i) => first + i),
    next: each((_, i) => first + i + 1),
  });
}

describe.each([
  ["convolutions in float32", async () => engineOf("float32", await askMachine())],
  ["products in float32", () => engineOf("float32", PLAIN)],
  ["products of bytes", async () => engineOf("int8", await askMachine())],
  ["products of bytes without an instruction of their own", () => engineOf("int8", PLAIN)],
] as const)("%s", (_, make) => {
  let engine: StepEngine;
  beforeAll(async () => {
    engine = await make();
  });
  afterAll(() => engine.release());

  it.each([2, 3])(
    "%i rows: the same bits however positions are taken together, whatever was guessed after them",
    async (rows) => {
      const K = config.codebookSize;
      const single = engine.open(rows, 1);
      const alone: Float32Array[] = []; // [position]: [rows, K]
      for (let position = 0; position < config.tokens; position++) {
        alone.push((await step(single, rows, position, 1, 1, 0)).slice());
        single.advance(1, 1);
      }
      single.close();
      const windows = fc.array(
        fc.record({
          positions: fc.integer({ min: 1, max: WINDOW }),
          kept: fc.integer({ min: 1, max: WINDOW }),
          wrong: fc.nat(config.codebookSize - 1),
        }),
        { minLength: 1, maxLength: 12 },
      );
      await fc.assert(
        fc.asyncProperty(windows, async (cycle) => {
          const stepper = engine.open(rows, WINDOW);
          for (let position = 0, n = 0; position < config.tokens; n++) {
            const { positions, kept, wrong } = cycle[n % cycle.length]!;
            const taken = Math.min(positions, stepper.room(position), config.tokens - position);
            const count = Math.min(kept, taken);
            const logits = await step(stepper, rows, position, taken, count, wrong);
            for (let i = 0; i < count; i++)
              for (let row = 0; row < rows; row++) {
                const start = (row * taken + i) * K;
                const own = logits.slice(start, start + K);
                const wanted = alone[position + i]!.slice(row * K, (row + 1) * K);
                const same = Buffer.compare(new Uint8Array(own.buffer), new Uint8Array(wanted.buffer));
                expect(same, `row ${row}, position ${position + i} of a step from ${position}`).toBe(0);
              }
            stepper.advance(taken, count);
            position += count;
          }
          stepper.close();
        }),
        { numRuns: 6, endOnFailure: true },
      );
    },
  );
});
