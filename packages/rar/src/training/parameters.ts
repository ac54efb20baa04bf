/** A generator's weights as they are trained: float32 leaves on a device, and the groups in which the optimizer sees them. */
import type { AdamWGroup, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig } from "../config/architecture.js";
import { generatorShapes } from "../config/shapes.js";
import type { TensorSource } from "../weights/tensor-file.js";
import { decays } from "./groups.js";

/** Kept tensors that require gradients, by name, in the order of the file. Their owner disposes them. */
export async function trainable(weights: TensorSource, device = "cpu"): Promise<Map<string, Tensor>> {
  const parameters = new Map<string, Tensor>();
  for (const { name, shape } of weights.tensors.values()) {
    const data = await weights.readFloat32(name);
    parameters.set(name, torch.keep(torch.tensor(data, { shape, device, requiresGrad: true })));
  }
  return parameters;
}

/**
 * Groups for the optimizer: with weight decay, then without.
 * @throws {TypeError} unless the groups hold every parameter of the network once, and nothing else
 */
export function optimizerGroups(
  config: GeneratorConfig,
  parameters: ReadonlyMap<string, Tensor>,
  weightDecay: number,
): AdamWGroup[] {
  const groups = [true, false].map(
    (decay) => new Map([...parameters].filter(([name, x]) => decays(name, x.shape) === decay)),
  );
  const wanted = new Set(generatorShapes(config).map(({ name }) => name));
  const grouped = groups.flatMap((group) => [...group.keys()]);
  const wrong =
    [...wanted].find((name) => grouped.filter((other) => other === name).length !== 1) ??
    grouped.find((name) => !wanted.has(name));
  if (wrong !== undefined)
    throw new TypeError(
      `The parameter "${wrong}" is ${wanted.has(wrong) ? "not once among those to train" : "none of this network's"}.`,
    );
  return groups.map((group, i) => ({ parameters: group, weightDecay: i === 0 ? weightDecay : 0 }));
}
