import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { describe, expect, it } from "vitest";
import { deviation } from "../../testing/against-plain.js";
import { haveLibtorch } from "../../testing/libtorch.js";
import { randomGenerator, tinyGenerator } from "../../testing/random-model.js";
import { loadedGenerator } from "./generator.js";
import { Modulations } from "./modulation.js";

async function modulationOf(stack: boolean, position: number): Promise<number[]> {
  const { config, weights } = randomGenerator({ ...tinyGenerator, tokens: 49 });
  const parameters = new Map<string, Tensor>();
  for (const { name, shape } of weights.tensors.values())
    parameters.set(name, torch.keep(torch.tensor(await weights.readFloat32(name), { shape })));
  const model = loadedGenerator(config, parameters, "cpu", "float32", false, stack);
  const first = config.codebookSize + 1;
  const modulations = new Modulations(model, [first, first + 2, first]);
  const found = torch.scope(() => torch.numbers(modulations.at(position)));
  modulations.dispose();
  model.dispose();
  return found;
}

describe.skipIf(!haveLibtorch)("modulation from one layer for all blocks", () => {
  it.each([0, 32, 33, 49])(
    "is that of every block's own layer and norms, at position %i",
    async (position) => {
      expect(deviation(await modulationOf(true, position), await modulationOf(false, position))).toBeLessThan(
        2e-6,
      );
    },
  );

  it("takes the place of the others, and leaves nothing behind", async () => {
    const before = torch.liveTensors().count;
    await modulationOf(true, 1);
    expect(torch.liveTensors().count).toBe(before);
  });
});
