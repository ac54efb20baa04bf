/** Latents through the codebook, with the gradients that training needs around it (REFERENCE 7.2). */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { Ops } from "../../networks/ops.js";
import { latentGrid, latentRows, nearestCodes } from "./codebook.js";
import type { CodebookRecipe } from "./recipe.js";

export interface Quantised {
  /** The codes, whose gradient goes straight through to the latents. [B, C, h, w] */
  readonly through: Tensor;
  /** commitment * mean((z - sg(code))^2), and where codes move by a loss + weight * mean((sg(z) - code)^2). */
  readonly loss: Tensor;
  /** The first mean of these. */
  readonly commitment: Tensor;
  /** Latents as rows, without gradients [n, C]; each one's code [n]; the squared distance to it [n]. */
  readonly latents: Tensor;
  readonly codes: Tensor;
  readonly distances: Tensor;
}

/** z: [B, C, h, w] float32, codebook: [K, C] */
export function quantise(
  ops: Ops<Tensor>,
  z: Tensor,
  codebook: Tensor,
  { kind, commitment: commitmentWeight, weight }: Pick<CodebookRecipe, "kind" | "commitment" | "weight">,
): Quantised {
  const latents = torch.detach(latentRows(z));
  const { codes, distances } = nearestCodes(ops, latents, codebook);
  const q = latentGrid(torch.index_select(codebook, 0, codes), z.shape);
  const commitment = torch.mse_loss(z, torch.detach(q));
  let loss = torch.mul(commitment, commitmentWeight);
  if (kind === "loss") loss = torch.add(loss, torch.mul(torch.mse_loss(q, torch.detach(z)), weight));
  return {
    through: torch.add(z, torch.detach(torch.sub(q, z))),
    loss,
    commitment: torch.detach(commitment),
    latents,
    codes,
    distances,
  };
}
