/** The Fréchet distance between two Gaussians: FID on pooled features of Inception, sFID on its spatial ones. */
import * as torch from "libtorch";
import type { Gaussian } from "./statistics.js";

export interface FrechetOptions {
  /**
   * Added to both diagonals inside the root. The ADM evaluator takes 1e-6 where its root is not finite, which
   * the root computed here always is. Default 0.
   */
  readonly offset?: number | undefined;
}

/**
 * |mu1 - mu2|² + tr(S1 + S2 - 2 (S1 S2)^½), in float64. The trace of the root is the sum of the square roots of the
 * eigenvalues of R S2 R with R = S1^½, which is symmetric. Eigenvalues that are rounding noise count as 0: their roots
 * would cost half of the digits where there are fewer images than dimensions.
 *
 * @returns at least about -1e-10 of the traces; 0 up to rounding for equal Gaussians
 * @throws {RangeError} for Gaussians of different width
 * @see Heusel et al. 2017, arXiv 1706.08500; the routine of the ADM evaluator
 */
export function frechetDistance(a: Gaussian, b: Gaussian, { offset = 0 }: FrechetOptions = {}): number {
  const d = a.mean.length;
  if (b.mean.length !== d)
    throw new RangeError(
      `statistics of ${d} and of ${b.mean.length} features cannot be compared: both must come from the same features`,
    );
  return torch.scope(() => {
    const square = ({ covariance }: Gaussian): torch.Tensor => torch.tensor(covariance, { shape: [d, d] });
    const means = torch.sub(torch.tensor(a.mean), torch.tensor(b.mean));
    const [S1, S2] = [square(a), square(b)];
    const raised = (S: torch.Tensor): torch.Tensor =>
      offset === 0 ? S : torch.add(S, torch.mul(torch.eye(d, { dtype: "float64" }), offset));
    const R = symmetricRoot(raised(S1));
    const inner = torch.mm(torch.mm(R, raised(S2)), R);
    const symmetric = torch.mul(torch.add(inner, torch.t(inner)), 0.5);
    const root = torch.sum(torch.sqrt(withoutNoise(torch.linalg_eigvalsh(symmetric))));
    const distance = torch.item(torch.sum(torch.mul(means, means)));
    return distance + trace(a) + trace(b) - 2 * torch.item(root);
  });
}

const trace = ({ mean, covariance }: Gaussian): number =>
  mean.reduce((sum, _, i) => sum + covariance[i * (mean.length + 1)]!, 0);

function symmetricRoot(S: torch.Tensor): torch.Tensor {
  const [values, vectors] = torch.linalg_eigh(S);
  return torch.mm(torch.mul(vectors, torch.sqrt(withoutNoise(values))), torch.t(vectors));
}

/** Eigenvalues in ascending order, those up to d * 2.2e-16 of the largest set to 0. */
function withoutNoise(values: torch.Tensor): torch.Tensor {
  const d = values.shape[0]!;
  const noise = torch.mul(torch.narrow(values, 0, d - 1, 1), d * Number.EPSILON);
  return torch.masked_fill(values, torch.le(values, torch.clamp(noise, 0)), 0);
}
