/** What the generator is trained on: the next token, at every place of the order. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";

export interface Loss {
  /** Mean cross-entropy in nats a token, a tensor of one number. */
  readonly loss: Tensor;
  /** Share of places whose likeliest code is the token. */
  readonly accuracy: Tensor;
}

/**
 * Row j of the logits against token j; a row after the last token's predicts nothing (REFERENCE 6.1).
 * logits: [B, L, K] or [B, L + 1, K], tokens in generation order: [B, L] int64
 */
export function tokenLoss(logits: Tensor, tokens: Tensor): Loss {
  const [B, L] = tokens.shape as [number, number];
  const rows = torch.reshape(torch.narrow(logits, 1, 0, L), [B * L, -1]); // [B L, K]
  const labels = torch.reshape(tokens, [B * L]);
  return {
    loss: torch.cross_entropy_loss(torch.to(rows, { dtype: "float32" }), labels),
    accuracy: torch.noGrad(() =>
      torch.mean(torch.to(torch.eq(torch.argmax(rows, -1), labels), { dtype: "float32" })),
    ),
  };
}
