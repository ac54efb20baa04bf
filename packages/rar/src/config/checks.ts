/** What must hold between keys, beyond each key's own type and range. */
import { orderProblem } from "./orders.js";
import type { RarConfig } from "./schema.js";

export interface Problem {
  /** The key to change, dotted. */
  readonly path: string;
  readonly text: string;
}

/** Groups of GroupNorm in the tokenizer: every width is a multiple (REFERENCE 7.1). */
export const normGroups = 32;

/** Relations between keys that make a model impossible. Keys that are not set are not judged. */
export function crossChecks(config: RarConfig): Problem[] {
  const problems: Problem[] = [];
  const wrong = (path: string, text: string) => problems.push({ path, text });
  const generator = config.model.generator;
  const vq = config.model.vq_model;

  const { hidden_size: D, num_attention_heads: H } = generator;
  if (D !== undefined && H !== undefined && D % H !== 0)
    wrong(
      "model.generator.num_attention_heads",
      `is ${H}, must divide hidden_size ${D}; ${listed(divisorsNear(D, H))} would`,
    );

  const mult = vq.channel_mult;
  const levels = vq.num_resolutions ?? mult?.length;
  if (mult && levels !== mult.length)
    wrong(
      "model.vq_model.num_resolutions",
      `is ${levels}, must be ${mult.length}, the length of channel_mult ${JSON.stringify(mult)}`,
    );

  const channels = vq.hidden_channels;
  if (channels !== undefined && channels % normGroups !== 0)
    wrong(
      "model.vq_model.hidden_channels",
      `is ${channels}, must be a multiple of ${normGroups}, the groups of the tokenizer's GroupNorm`,
    );

  const length = generator.image_seq_len;
  if (vq.resolution !== undefined && mult) {
    const shrink = 2 ** (mult.length - 1);
    const side = Math.floor(vq.resolution / shrink);
    if (side < 1)
      wrong(
        "model.vq_model.resolution",
        `is ${vq.resolution}, must be at least ${shrink}: ${mult.length} levels halve it ${mult.length - 1} times`,
      );
    else if (length !== undefined && length !== side * side)
      wrong(
        "model.generator.image_seq_len",
        `is ${length}, must be ${side * side}: the tokenizer turns ${vq.resolution} pixels into ${side} x ${side} tokens`,
      );
  }

  const { order } = generator;
  if (order !== undefined && order !== "raster" && length !== undefined) {
    const problem = orderProblem(order, Math.sqrt(length));
    if (problem !== undefined) wrong("model.generator.order", `is ${order}, which ${problem}`);
  }

  const { randomness_anneal_start: start, randomness_anneal_end: end } = generator;
  if (start !== undefined && end !== undefined && end < start)
    wrong(
      "model.generator.randomness_anneal_end",
      `is ${end}, must be at least randomness_anneal_start ${start}`,
    );
  return problems;
}

function divisorsNear(whole: number, near: number): number[] {
  const limit = Math.min(whole, 4096);
  const divisors = Array.from({ length: limit }, (_, i) => i + 1).filter((d) => whole % d === 0);
  return divisors
    .sort((a, b) => Math.abs(a - near) - Math.abs(b - near))
    .slice(0, 2)
    .sort((a, b) => a - b);
}

const listed = (numbers: readonly number[]): string => numbers.join(" or ");
