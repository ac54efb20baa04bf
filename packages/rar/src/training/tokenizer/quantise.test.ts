import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import { expect, it } from "vitest";
import { describeWithLibtorch } from "../../../../libtorch/src/testing/suite.js";
import { torchOps } from "../../engines/torch/ops.js";
import { randomArray } from "../../testing/random-model.js";
import { quantise } from "./quantise.js";

const shape = [2, 3, 2, 2];
const zs = randomArray(1, 24);
const codes = randomArray(2, 15);
const pull = randomArray(3, 24);
const recipe = { kind: "loss", commitment: 0.7, weight: 0.25 } as const;

/** Gradients of sum(pull * through) + loss with respect to latents and codes, and each latent's code. */
function gradients(kind: "ema" | "loss") {
  const ops = torchOps({ device: "cpu", dtype: "float32" });
  const found = torch.scope(() => {
    const z = torch.tensor(zs, { shape, requiresGrad: true });
    const codebook = torch.tensor(codes, { shape: [5, 3], requiresGrad: kind === "loss" });
    const { through, loss, codes: nearest } = quantise(ops, z, codebook, { ...recipe, kind });
    const total = torch.add(torch.sum(torch.mul(through, torch.tensor(pull, { shape }))), loss);
    const wanted: Tensor[] = kind === "loss" ? [z, codebook] : [z];
    const [dz, dCodes] = torch.grad(total, wanted).map((x) => torch.numbers(x!));
    return { dz: dz!, dCodes, nearest: torch.numbers(nearest), through: torch.numbers(through) };
  });
  ops.dispose();
  return found;
}

/** Channel-first position of number c of latent i (raster order over two images of 2 x 2). */
const at = (i: number, c: number): number => (Math.floor(i / 4) * 3 + c) * 4 + (i % 4);

/**
 * What the gradients stand for, with the choice of codes and everything behind a stop held at its value: a smooth function
 * that central differences can be taken of.
 */
function surrogate(z: Float64Array, table: Float64Array, nearest: number[], kind: "ema" | "loss"): number {
  let sum = 0;
  for (let i = 0; i < 8; i++)
    for (let c = 0; c < 3; c++) {
      const place = at(i, c);
      const code = nearest[i]! * 3 + c;
      const jump = codes[code]! - zs[place]!; // q - z behind a stop
      sum += pull[place]! * (z[place]! + jump);
      sum += (recipe.commitment * (z[place]! - codes[code]!) ** 2) / 24;
      if (kind === "loss") sum += (recipe.weight * (zs[place]! - table[code]!) ** 2) / 24;
    }
  return sum;
}

describeWithLibtorch("quantise", () => {
  it.each(["ema", "loss"] as const)(
    "has the gradients of its definition by central differences: %s",
    (kind) => {
      const { dz, dCodes, nearest, through } = gradients(kind);
      const step = 1e-4;
      const slope = (values: Float32Array, i: number, of: (moved: Float64Array) => number): number => {
        const moved = (by: number): Float64Array => {
          const copy = Float64Array.from(values);
          copy[i]! += by;
          return copy;
        };
        return (of(moved(step)) - of(moved(-step))) / (2 * step);
      };
      const [z64, codes64] = [Float64Array.from(zs), Float64Array.from(codes)];
      for (let i = 0; i < 24; i++)
        expect(dz[i]).toBeCloseTo(
          slope(zs, i, (z) => surrogate(z, codes64, nearest, kind)),
          4,
        );
      if (kind === "loss")
        for (let i = 0; i < 15; i++)
          expect(dCodes![i]).toBeCloseTo(
            slope(codes, i, (table) => surrogate(z64, table, nearest, kind)),
            4,
          );
      // What goes on are the codes themselves.
      for (let i = 0; i < 8; i++)
        for (let c = 0; c < 3; c++) expect(through[at(i, c)]).toBeCloseTo(codes[nearest[i]! * 3 + c]!, 5);
    },
  );
});
