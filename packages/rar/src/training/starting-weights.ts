/** The weights a run begins with: fresh ones, or those of another model where they fit (`experiment.init_weight`). */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GeneratorConfig } from "../config/architecture.js";
import { RarityError } from "../config/errors.js";
import { generatorShapes, type NamedShape } from "../config/shapes.js";
import { initialWeights } from "../weights/initial.js";
import { locateModel } from "../weights/model-folder.js";
import { openTensorFile } from "../weights/open.js";
import type { TensorFile, TensorSource } from "../weights/tensor-file.js";

/** Fresh weights, a pure function of the seed. */
export const freshWeights = (model: GeneratorConfig, seed: number): TensorSource =>
  initialWeights(generatorShapes(model), { seed });

/** Opens a model's generator: a file, a model folder, a preset, or a checkpoint of the reference's. */
export async function openGenerator(path: string, signal?: AbortSignal): Promise<TensorFile> {
  const reference = join(path, "unwrapped_model", "pytorch_model.bin");
  if (existsSync(reference)) return openTensorFile(reference);
  const { generatorFile } = await locateModel(path, { signal, parts: ["generator"] });
  if (generatorFile === undefined)
    throw new RarityError("not-found", `"${path}" (experiment.init_weight) holds no generator.`);
  return openTensorFile(generatorFile);
}

const table = "embeddings.weight";

/**
 * Weights of another model laid over fresh ones, as the reference loads them: names that are missing stay fresh, names too many are
 * not read. A table of embeddings for another number of classes gives its codes and its "no class", and the classes begin anew.
 *
 * @returns the weights, and what a user should know, a line each
 * @throws {RarityError} "bad-file" where any other tensor has another shape
 */
export function weightsFrom(
  model: GeneratorConfig,
  seed: number,
  file: TensorFile,
): { readonly source: TensorSource; readonly notes: readonly string[] } {
  const fresh = freshWeights(model, seed);
  const shapes = generatorShapes(model);
  const notes: string[] = [];
  const missing = shapes.filter(({ name }) => !file.tensors.has(name)).map(({ name }) => name);
  const known = new Set(shapes.map(({ name }) => name));
  const extra = [...file.tensors.keys()].filter((name) => !known.has(name));
  if (missing.length === shapes.length)
    throw new RarityError(
      "bad-file",
      `"${file.path}" (experiment.init_weight) has none of a generator's tensors. Name a generator's file.`,
    );
  if (missing.length > 0) notes.push(`not in "${file.path}", these begin fresh: ${missing.join(", ")}`);
  if (extra.length > 0) notes.push(`in "${file.path}", but not of this model: ${extra.join(", ")}`);
  const misfit = shapes.filter((shape) => file.tensors.has(shape.name) && !fits(shape, file));
  const other = misfit.filter((shape) => !isTableOfOtherClasses(shape, file));
  if (other.length > 0)
    throw new RarityError(
      "bad-file",
      `"${file.path}" (experiment.init_weight) is of another size: ${other
        .slice(0, 5)
        .map(
          ({ name, shape }) => `"${name}" is [${file.tensors.get(name)!.shape}], this model needs [${shape}]`,
        )
        .join("; ")}. Only the number of classes may differ.`,
    );
  const remade = misfit.length > 0;
  if (remade) {
    const rows = file.tensors.get(table)!.shape[0]! - model.codebookSize - 2;
    notes.push(`"${file.path}" has ${rows} classes, this model ${model.classes}: the classes begin fresh`);
  }
  return {
    source: {
      tensors: fresh.tensors,
      async readFloat32(name) {
        if (!file.tensors.has(name)) return fresh.readFloat32(name);
        if (name !== table || !remade) return file.readFloat32(name);
        return withOtherClasses(model, await file.readFloat32(name), await fresh.readFloat32(name));
      },
    },
    notes,
  };
}

const fits = ({ name, shape }: NamedShape, file: TensorFile): boolean =>
  String(file.tensors.get(name)!.shape) === String(shape);

/** As wide, and with room for the codes, the mask, one class and none. */
function isTableOfOtherClasses({ name, shape }: NamedShape, file: TensorFile): boolean {
  const stored = file.tensors.get(name)!.shape;
  return name === table && stored.length === 2 && stored[1] === shape[1];
}

/** Rows: codes and the mask token, classes, none (REFERENCE 2). */
function withOtherClasses(model: GeneratorConfig, old: Float32Array, fresh: Float32Array): Float32Array {
  const { width, codebookSize } = model;
  fresh.set(old.subarray(0, (codebookSize + 1) * width), 0);
  fresh.set(old.subarray(old.length - width), fresh.length - width);
  return fresh;
}
