/** Drawing tokens on the device: the rules of `drawing/draw.ts` and `drawing/guidance.ts` for all images at once. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

export interface DrawRule {
  /** Factor on (conditional - unconditional) logits. */
  readonly factor: number;
  readonly temperature: number;
  readonly topK?: number | undefined;
  readonly topP?: number | undefined;
}

/** Logits from which tokens are drawn. rows: [2B, K] with the conditional ones first, or [B, K] -> [B, K], float32 */
export function combine(rows: Tensor, images: number, factor: number): Tensor {
  const logits = torch.to(rows, { dtype: "float32" });
  if (logits.shape[0] === images) return logits;
  const [conditional, unconditional] = torch.split(logits, images, 0) as [Tensor, Tensor];
  return torch.add(unconditional, torch.mul(torch.sub(conditional, unconditional), factor));
}

/**
 * The code of each image, [B] int64: argmax of logits / temperature + noise, the first on ties; at temperature 0 the likeliest.
 *
 * @param logits - [B, K] float32
 * @param noise - [B, K] float64, not read at temperature 0
 */
export function drawTokens(logits: Tensor, rule: DrawRule, noise: Tensor | undefined): Tensor {
  if (rule.temperature === 0) return torch.argmax(logits, -1);
  const kept = restrict(logits, rule);
  const above = torch.sub(
    torch.to(kept, { dtype: "float64" }),
    torch.to(torch.amax(logits, -1, true), { dtype: "float64" }),
  );
  return torch.argmax(torch.add(torch.div(above, rule.temperature), noise!), -1);
}

/** One draw of PyTorch's own kind, as the reference does it: softmax, then `multinomial` from the default generator. */
export const drawMultinomial = (logits: Tensor, temperature: number): Tensor =>
  torch.squeeze(torch.multinomial(torch.softmax(torch.div(logits, temperature), -1), 1), 1);

/** Codes outside top-k, then outside top-p, get -Infinity. Of equal logits at the boundary the lowest codes stay. */
function restrict(logits: Tensor, { temperature, topK, topP }: DrawRule): Tensor {
  let row = logits;
  const codes = logits.shape[1]!;
  if (topK !== undefined && topK < codes)
    row = keepLikeliest(row, torch.full([row.shape[0]!, 1], topK, likeRanks(row)));
  if (topP !== undefined && topP < 1) {
    const [sorted] = torch.sort_stable(row, { stable: true, dim: -1, descending: true });
    const wide = torch.to(sorted, { dtype: "float64" });
    const weights = torch.exp(torch.div(torch.sub(wide, torch.narrow(wide, 1, 0, 1)), temperature));
    const sums = torch.cumsum(weights, -1);
    const short = torch.lt(sums, torch.mul(torch.narrow(sums, 1, codes - 1, 1), topP));
    row = keepLikeliest(row, torch.add(torch.sum(short, [-1], true, { dtype: "int64" }), 1));
  }
  return row;
}

const likeRanks = (x: Tensor): { dtype: "int64"; device: string } => ({ dtype: "int64", device: x.device });

/** kept: [B, 1], how many codes of each row stay. */
function keepLikeliest(row: Tensor, kept: Tensor): Tensor {
  const [, order] = torch.sort_stable(row, { stable: true, dim: -1, descending: true });
  const [, ranks] = torch.sort_stable(order, { stable: true, dim: -1, descending: false });
  return torch.masked_fill(row, torch.ge(ranks, kept), Number.NEGATIVE_INFINITY);
}
