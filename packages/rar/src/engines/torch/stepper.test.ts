import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { describe, expect, it } from "vitest";
import { modulationParts } from "../../networks/generator.js";
import { deviation } from "../../testing/against-plain.js";
import { rerun } from "../../testing/kernel-checks.js";
import { haveLibtorch } from "../../testing/libtorch.js";
import { randomArray, randomGenerator, randomIds, tinyGenerator } from "../../testing/random-model.js";
import { type LoadedGenerator, loadedGenerator } from "./generator.js";
import { EagerStepper, StaticStepper, type StepInput, Steppers } from "./stepper.js";

/** More than one span of positions. */
const config = { ...tinyGenerator, tokens: 81 };
const ROWS = 3;

async function model(): Promise<LoadedGenerator> {
  const parameters = new Map<string, Tensor>();
  const { weights } = randomGenerator(config);
  for (const { name, shape } of weights.tensors.values())
    parameters.set(name, torch.keep(torch.tensor(await weights.readFloat32(name), { shape })));
  return loadedGenerator(config, parameters, "cpu", "float32");
}

const refuse = (): never => {
  throw new Error("these steppers ask for a position alone");
};
const unused = { conditions: [], chunk: refuse, release: refuse };

/** Any inputs do: that a step is what the network says is the contract suite's to show. */
function input(seed: number, position: number): StepInput {
  const ids = (values: Int32Array, shape: readonly number[]): Tensor =>
    torch.tensor(BigInt64Array.from(values, BigInt), { shape });
  const parts = modulationParts(config) * ROWS;
  return {
    content: ids(randomIds(seed, ROWS, config.codebookSize), [ROWS, 1]),
    where: ids(Int32Array.of(position), [1]),
    next: ids(Int32Array.of(position + 1), [1]),
    modulations: {
      ...unused,
      rows: torch.zeros([ROWS], { dtype: "int64" }),
      at: () => torch.tensor(randomArray(seed, parts * config.width), { shape: [parts, 1, config.width] }),
    },
  };
}

describe.skipIf(!haveLibtorch)("steppers", () => {
  it("with fixed sizes and addresses the logits are those of one that reads just what there is, also when used again", async () => {
    const loaded = await model();
    const steppers = new Steppers(loaded, (model, rows) => new StaticStepper(model, rows, rerun), true);
    for (const round of [0, 1]) {
      const eager = new EagerStepper(loaded, ROWS);
      const fixed = steppers.take(ROWS);
      expect(fixed).toBeInstanceOf(StaticStepper);
      for (let position = 0; position <= config.tokens; position++) {
        torch.scope(() => {
          const here = input(1000 * round + position, position);
          const expected = torch.numbers(eager.run(here, position));
          expect(deviation(torch.numbers(fixed.run(here, position)), expected)).toBeLessThan(2e-5);
        });
      }
      eager.dispose();
      steppers.giveBack(ROWS, fixed);
      expect(steppers.take(ROWS)).toBe(fixed); // with what it recorded
      steppers.giveBack(ROWS, fixed);
    }
    steppers.dispose();
    loaded.dispose();
  });

  it("leave nothing behind", async () => {
    const before = torch.liveTensors().count;
    const loaded = await model();
    const stepper = new StaticStepper(loaded, ROWS, rerun);
    torch.scope(() => {
      for (const position of [0, 1, 2]) stepper.run(input(position, position), position);
    });
    stepper.dispose();
    loaded.dispose();
    expect(torch.liveTensors().count).toBe(before);
  });
});
