import { expect, it } from "vitest";
import type { GeneratorConfig } from "../config/architecture.js";
import { generatorShapes } from "../config/shapes.js";
import { closedForm } from "../weights/closed-form.js";
import type { TensorFile } from "../weights/tensor-file.js";
import { freshWeights, weightsFrom } from "./starting-weights.js";

const model: GeneratorConfig = {
  width: 8,
  depth: 1,
  heads: 2,
  mlpWidth: 16,
  codebookSize: 6,
  tokens: 4,
  classes: 3,
};

/** A file of a model of this size, without some tensors and with another. */
function file(
  config: GeneratorConfig,
  without: readonly string[] = [],
  extra: readonly string[] = [],
): TensorFile {
  const source = closedForm([
    ...generatorShapes(config).filter(({ name }) => !without.includes(name)),
    ...extra.map((name) => ({ name, shape: [2] })),
  ]);
  return { ...source, path: "other.bin" } as TensorFile;
}

it("takes over what is there, begins fresh what is missing, and names both and what is too much", async () => {
  const { source, notes } = weightsFrom(model, 1, file(model, ["lm_head.bias", "cls_token"], ["attn_mask"]));
  expect(notes).toEqual([
    'not in "other.bin", these begin fresh: cls_token, lm_head.bias',
    'in "other.bin", but not of this model: attn_mask',
  ]);
  const [fresh, other] = [freshWeights(model, 1), file(model)];
  expect(await source.readFloat32("lm_head.bias")).toEqual(await fresh.readFloat32("lm_head.bias"));
  expect(await source.readFloat32("lm_head.weight")).toEqual(await other.readFloat32("lm_head.weight"));
});

it.each([5, 2])("keeps codes and the row of no class where there are %i classes", async (classes) => {
  const { source, notes } = weightsFrom(model, 1, file({ ...model, classes }));
  expect(notes).toEqual([`"other.bin" has ${classes} classes, this model 3: the classes begin fresh`]);
  const [made, fresh, old] = await Promise.all(
    [source, freshWeights(model, 1), file({ ...model, classes })].map((s) =>
      s.readFloat32("embeddings.weight"),
    ),
  );
  const row = (table: Float32Array | undefined, i: number) => table!.subarray(8 * i, 8 * (i + 1));
  const [codes, last] = [model.codebookSize + 1, model.codebookSize + 1 + model.classes];
  for (let i = 0; i < codes; i++) expect(row(made, i)).toEqual(row(old, i));
  for (let i = codes; i < last; i++) expect(row(made, i)).toEqual(row(fresh, i));
  expect(row(made, last)).toEqual(row(old, codes + classes));
});

it("refuses another size by the tensors' names, and what is no generator", () => {
  expect(() => weightsFrom(model, 1, file({ ...model, width: 16 }))).toThrow(
    /other\.bin".*of another size: "cls_token" is \[1,1,16\], this model needs \[1,1,8\]/,
  );
  const none = { ...closedForm([{ name: "x", shape: [1] }]), path: "x.bin" } as TensorFile;
  expect(() => weightsFrom(model, 1, none)).toThrow(/none of a generator's tensors/);
});
