/** A generator's weights on a device, and what follows from them once. */
import type { DType, Tensor } from "libtorch";
import * as torch from "libtorch";
import type { GeneratorConfig } from "../../config/architecture.js";
import { type BlockWeights, foldQueryNorm, type NormWeights } from "../../networks/block.js";
import {
  type GeneratorWeights,
  generatorWeights,
  type InputTables,
  inputTables,
} from "../../networks/generator.js";
import type { Ops, Parameters } from "../../networks/ops.js";
import { torchOps } from "./ops.js";
import { type StackedModulation, stackModulation } from "./stacked-modulation.js";

export interface FoldedBlock extends BlockWeights<Tensor> {
  readonly qScaled: NormWeights<Tensor>;
}

export interface LoadedGenerator {
  readonly config: GeneratorConfig;
  readonly device: string;
  readonly dtype: DType;
  readonly ops: Ops<Tensor>;
  readonly weights: Omit<GeneratorWeights<Tensor>, "blocks"> & { readonly blocks: readonly FoldedBlock[] };
  readonly tables: InputTables<Tensor>;
  /** In place of the blocks' own layers, which are gone then. */
  readonly modulation: StackedModulation | undefined;
  dispose(): void;
}

/** Parameters by name; a network that asks for another is not the one they belong to. */
export const named =
  (parameters: ReadonlyMap<string, Tensor>): Parameters<Tensor> =>
  (name) => {
    const tensor = parameters.get(name);
    if (!tensor) throw new TypeError(`the network asks for "${name}", which the weights do not have`);
    return tensor;
  };

/**
 * @param parameters - by name, kept tensors of `dtype` on `device`; disposed with the model
 * @param pack - whether linear layers may be brought into another order
 * @param stack - whether the layers that modulation comes from are made one
 */
export function loadedGenerator(
  config: GeneratorConfig,
  parameters: ReadonlyMap<string, Tensor>,
  device: string,
  dtype: DType,
  pack = true,
  stack = device !== "cpu",
): LoadedGenerator {
  const packed = pack ? packWeights(parameters) : new Map<Tensor, Tensor>();
  const ops = torchOps({ device, dtype, packed });
  const given = generatorWeights(config, named(parameters));
  const tables = torch.scope(() => inputTables(ops, config, given));
  const blocks = given.blocks.map((block) => ({
    ...block,
    qScaled: torch.scope(() => foldQueryNorm(ops, block.qNorm)),
  }));
  const weights = { ...given, blocks };
  const modulation = stack ? stackModulation(config, given, dtype) : undefined;
  const own = [
    ...Object.values(tables),
    ...Object.values(modulation ?? {}),
    ...blocks.flatMap(({ qScaled }) => Object.values(qScaled)),
  ] as Tensor[];
  for (const tensor of own) torch.keep(tensor);
  return {
    config,
    device,
    dtype,
    ops,
    weights,
    tables,
    modulation,
    dispose() {
      for (const tensor of [...parameters.values(), ...packed.values(), ...own]) tensor.dispose();
      ops.dispose();
    },
  };
}

/** Brings the linear layers into the order that the processor reads fastest, where it has one; the former order is freed. */
function packWeights(parameters: ReadonlyMap<string, Tensor>): Map<Tensor, Tensor> {
  const packed = new Map<Tensor, Tensor>();
  for (const [name, weight] of parameters) {
    if (weight.shape.length !== 2 || name === "embeddings.weight") continue; // the table is read row by row
    const reordered = torch.packLinear(weight);
    if (!reordered) continue;
    packed.set(weight, torch.keep(reordered));
    weight.dispose();
  }
  return packed;
}
