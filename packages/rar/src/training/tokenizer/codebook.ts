/** The codebook in training: nearest codes, moving averages of what falls on them, new places for codes that nothing uses. */
import type { Tensor } from "libtorch";
import * as torch from "libtorch";
import type { Ops } from "../../networks/ops.js";
import { rowDistances } from "../../networks/tokenizer.js";

/** Latents as rows in raster order. z: [B, C, h, w] -> [B * h * w, C] */
export const latentRows = (z: Tensor): Tensor =>
  torch.reshape(torch.permute(z, [0, 2, 3, 1]), [-1, z.shape[1]!]);

/** The reverse of {@link latentRows}; shape is that of z. */
export function latentGrid(rows: Tensor, shape: readonly number[]): Tensor {
  const [B, C, h, w] = shape as readonly [number, number, number, number];
  return torch.permute(torch.reshape(rows, [B, h, w, C]), [0, 3, 1, 2]);
}

export interface Nearest {
  /** First on ties: [n] int64 */
  readonly codes: Tensor;
  /** Squared distance to that code: [n] */
  readonly distances: Tensor;
}

/** Rows whose distances to all codes are in memory at once. */
const chunk = 16_384;

/** Nearest code of each latent, without gradients. rows: [n, C] float32, codebook: [K, C] */
export function nearestCodes(ops: Ops<Tensor>, rows: Tensor, codebook: Tensor): Nearest {
  return torch.noGrad(() =>
    torch.scope(() => {
      const parts = torch.split(torch.detach(rows), chunk).map((part) =>
        torch.scope(() => {
          const distances = rowDistances(ops, torch.detach(codebook), part); // [n, K]
          const codes = torch.argmin(distances, -1, true);
          return [codes, torch.gather(distances, 1, codes)] as const;
        }),
      );
      const [codes, distances] = ([0, 1] as const).map((i) =>
        torch.squeeze(torch.cat(parts.map((part) => part[i])), 1),
      ) as [Tensor, Tensor];
      return { codes, distances };
    }),
  );
}

/**
 * What falls on each code: how many latents, and their sum. [K, 1 + C]
 * On a GPU a product with a matrix of ones and zeros: unlike atomic additions its sums have one order.
 */
export function tally(rows: Tensor, codes: Tensor, K: number): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      const { device } = rows;
      const ones = torch.ones([rows.shape[0]!, 1], { device });
      const counted = torch.cat([ones, torch.detach(rows)], 1); // [n, 1 + C]
      if (device === "cpu") return torch.index_add_(torch.zeros([K, counted.shape[1]!]), 0, codes, counted);
      const ids = torch.arange(0, K, 1, { device });
      const hits = torch.eq(torch.unsqueeze(ids, 1), torch.unsqueeze(codes, 0)); // [K, n]
      return torch.matmul(torch.to(hits, { dtype: "float32" }), counted);
    }),
  );
}

/** The parts of a {@link tally}: counts [K, 1] and sums [K, C]. */
export const countsOf = (tallied: Tensor): Tensor => torch.narrow(tallied, 1, 0, 1);
export const sumsOf = (tallied: Tensor): Tensor => torch.narrow(tallied, 1, 1, tallied.shape[1]! - 1);

/** How many latents fall on each code in an average step: count <- decay count + (1 - decay) n. Changes `count` [K]. */
export function trackCounts(count: Tensor, tallied: Tensor, decay: number): void {
  torch.noGrad(() =>
    torch.scope(() => {
      torch.add_(torch.mul_(count, decay), torch.squeeze(countsOf(tallied), 1), { alpha: 1 - decay });
    }),
  );
}

/**
 * One step of the moving averages (van den Oord et al. 2017, appendix A.1), after {@link trackCounts}: each code becomes the
 * mean, weighted as its count is, of all latents that ever fell on it: code += (1 - decay) (s - n code) / count, with n and s
 * the step's counts and sums. A code on which nothing falls stays where it is. Changes `codebook` [K, C].
 */
export function moveCodes(codebook: Tensor, count: Tensor, tallied: Tensor, decay: number): void {
  torch.noGrad(() =>
    torch.scope(() => {
      const pull = torch.sub(sumsOf(tallied), torch.mul(countsOf(tallied), codebook));
      const share = torch.mul(torch.reciprocal(torch.clamp(count, 1e-12)), 1 - decay);
      torch.add_(codebook, torch.mul(pull, torch.unsqueeze(share, 1)));
    }),
  );
}

/**
 * Puts codes whose average count is below `least` on latents that are badly coded: drawn with a chance that grows with the
 * distance to the nearest code, each at most once. Their count becomes `fresh`. Changes `codebook` and `count`.
 *
 * @param random - a number of an exponential distribution for each latent, [n]
 * @returns which codes were moved, [K] bool
 */
export function reviveCodes(
  codebook: Tensor,
  count: Tensor,
  { rows, distances, random }: { rows: Tensor; distances: Tensor; random: Tensor },
  { least, fresh }: { least: number; fresh: number },
): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      const candidates = Math.min(count.shape[0]!, rows.shape[0]!);
      const chosen = drawn(distances, random, candidates);
      const dead = torch.lt(count, least);
      const place = torch.sub(torch.cumsum(dead, 0), 1); // of a dead code among the dead
      const moved = torch.logical_and(dead, torch.lt(place, candidates));
      const taken = torch.index_select(chosen, 0, torch.clamp(place, 0, candidates - 1));
      const latents = torch.index_select(torch.detach(rows), 0, taken); // [K, C]
      torch.copy_(codebook, torch.where(torch.unsqueeze(moved, 1), latents, codebook));
      torch.masked_fill_(count, moved, fresh);
      return moved;
    }),
  );
}

/**
 * A first codebook by k-means. It begins with latents far apart: groups of an eighth of the codes, each drawn with chances as
 * the distances to those before (k-means++ of Arthur & Vassilvitskii 2007, by groups); then Lloyd's rounds, in which a code
 * without latents moves to a badly coded one.
 *
 * @param seed - seeds libtorch's generators
 * @returns [K, C]
 */
export function kMeans(ops: Ops<Tensor>, rows: Tensor, K: number, seed: number, rounds = 10): Tensor {
  return torch.noGrad(() =>
    torch.scope(() => {
      torch.manualSeed(seed);
      const device = { device: rows.device };
      const n = rows.shape[0]!;
      const group = Math.min(n, Math.ceil(K / 8));
      const random = (): Tensor => torch.exponential_(torch.empty([n], device));
      let codebook = torch.index_select(rows, 0, drawn(torch.ones([n], device), random(), group));
      while (codebook.shape[0]! < K)
        codebook = torch.scope(() => {
          const { distances } = nearestCodes(ops, rows, codebook);
          const next = drawn(distances, random(), Math.min(group, K - codebook.shape[0]!));
          return torch.cat([codebook, torch.index_select(rows, 0, next)]);
        });
      for (let round = 0; round < rounds; round++)
        torch.scope(() => {
          const { codes, distances } = nearestCodes(ops, rows, codebook);
          const tallied = tally(rows, codes, K);
          const count = torch.zeros([K], device);
          trackCounts(count, tallied, 0); // decay 0: plain counts and plain means
          moveCodes(codebook, count, tallied, 0);
          reviveCodes(codebook, count, { rows, distances, random: random() }, { least: 0.5, fresh: 1 });
        });
      return codebook;
    }),
  );
}

/** Numbers of latents, drawn without replacement with chances as the distances: the largest of distance / exponential. */
const drawn = (distances: Tensor, random: Tensor, count: number): Tensor =>
  torch.topk(torch.div(torch.clamp(distances, 0), torch.clamp(random, 1e-20)), count)[1];

export interface CodeUsage {
  /** Codes that occur at all. */
  readonly used: number;
  /** exp of the entropy of their shares: as if so many were used equally often. */
  readonly perplexity: number;
}

/** @param counts - how often each code occurs */
export function codeUsage(counts: ArrayLike<number>): CodeUsage {
  const all = Array.from(counts);
  const total = all.reduce((sum, n) => sum + n, 0);
  const entropy = all.reduce((sum, n) => (n > 0 ? sum - (n / total) * Math.log(n / total) : sum), 0);
  return { used: all.filter((n) => n > 0).length, perplexity: total > 0 ? Math.exp(entropy) : 0 };
}
