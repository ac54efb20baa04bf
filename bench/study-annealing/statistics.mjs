/** Numbers about sets of token rows: how their codes are spread, and how alike two sets are. */
import { frechetDistance } from "../../packages/rar/dist/evaluation/frechet.js";
import { statistics } from "../../packages/rar/dist/evaluation/statistics.js";

/** How often each code occurs, as shares. rows: [n][L] */
export function histogram(rows, codes) {
  const counts = new Float64Array(codes);
  for (const row of rows) for (const code of row) counts[code]++;
  const total = rows.length * rows[0].length;
  return counts.map((count) => count / total);
}

/** Total variation, half of the absolute differences: 0 for equal distributions, 1 for those without a common code. */
export const totalVariation = (p, q) =>
  p.reduce((sum, share, code) => sum + Math.abs(share - q[code]), 0) / 2;

/**
 * Entropy in bits of the code at each place, the mean over places. Few rows make it too small, so only sets of equally
 * many rows can be compared.
 */
export function entropyOfPlaces(rows, codes) {
  const L = rows[0].length;
  let sum = 0;
  for (let place = 0; place < L; place++) {
    const shares = histogram(
      rows.map((row) => [row[place]]),
      codes,
    );
    for (const share of shares) if (share > 0) sum -= share * Math.log2(share);
  }
  return sum / L;
}

/** Share of places whose right neighbour has the same code; in pictures it tells flat areas. */
export function repeats(rows, side) {
  let same = 0;
  for (const row of rows)
    for (let place = 0; place < row.length; place++)
      if (place % side < side - 1 && row[place] === row[place + 1]) same++;
  return same / (rows.length * side * (side - 1));
}

/** Distinct rows, as a share. */
export const distinct = (rows) => new Set(rows.map((row) => row.join(" "))).size / rows.length;

/** Mean and covariance of pictures reduced to `side` x `side` means of colour, in grey levels. */
export function coarseGaussian(pictures, side = 8) {
  const columns = 3 * side * side;
  const data = new Float32Array(pictures.length * columns);
  for (const [n, { width, data: bytes }] of pictures.entries()) {
    const block = width / side;
    for (let i = 0; i < bytes.length; i++) {
      const pixel = Math.floor(i / 3);
      const [x, y] = [pixel % width, Math.floor(pixel / width)];
      const cell = Math.floor(y / block) * side + Math.floor(x / block);
      data[n * columns + cell * 3 + (i % 3)] += bytes[i] / block ** 2;
    }
  }
  return statistics({ rows: pictures.length, columns, data });
}

/** Fréchet distance of such Gaussians, per number and as a root: about grey levels. */
export const coarseDistance = (a, b) => Math.sqrt(Math.max(0, frechetDistance(a, b)) / a.mean.length);
