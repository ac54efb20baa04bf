// What the benchmarks of a decode step share: a generator of random weights in bfloat16, and the bytes that a step reads.
import * as torch from "libtorch";
import { generatorShapes } from "../packages/rar/dist/config/shapes.js";
import { loadedGenerator } from "../packages/rar/dist/engines/torch/generator.js";

export const dtype = "bfloat16";

export function randomModel(config, device) {
  const parameters = new Map();
  for (const { name, shape } of generatorShapes(config))
    torch.scope(() => {
      const scale = shape.length > 1 && !/embed/.test(name) ? 1 / Math.sqrt(shape.at(-1)) : 0.1;
      const x = torch.mul(torch.randn(shape, { device }), scale);
      const one = /norm.*weight$/.test(name) ? torch.add(x, 1) : x;
      parameters.set(name, torch.keep(torch.to(one, { dtype })));
    });
  return loadedGenerator(config, parameters, device, dtype, false);
}

export const weightBytes = (config) =>
  2 *
  (config.depth * (4 * config.width ** 2 + 2 * config.width * config.mlpWidth) +
    config.codebookSize * config.width);

/** Weights, and the cache of all positions before one. */
export const stepBytes = (config, rows, position) =>
  weightBytes(config) + 4 * rows * config.width * config.depth * position;
