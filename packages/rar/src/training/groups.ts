/** Which parameters weight decay shrinks: a rule on names, kept as the reference has it, accidents too. */

const WITHOUT_DECAY = ["ln", "bias", "latent_tokens", "mask_token", "embedding", "norm", "gamma", "embed"];

/**
 * Matrices decay, unless their name holds one of these words anywhere. `adaln_before_head` holds "ln" and so does not
 * decay, while the blocks' `adaLN_modulation` does (REFERENCE 6.2).
 */
export const decays = (name: string, shape: readonly number[]): boolean =>
  shape.length >= 2 && !WITHOUT_DECAY.some((word) => name.includes(word));
