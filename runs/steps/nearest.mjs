/** How far pictures are from the nearest of many others, pixel by pixel: whether a model repeats what it was shown. */
import * as torch from "libtorch";

const CHUNK = 2000;

/**
 * @param queries - pictures of one size
 * @param set - an open image set with pictures of the same size
 * @returns for each query {index, distance}: the nearest picture of the set, and the root of the mean squared
 *   difference to it in grey levels
 */
export async function nearest(queries, set, onProgress = () => {}) {
  const sizes = queries[0].data.length;
  const best = queries.map(() => ({ index: -1, distance: Number.POSITIVE_INFINITY }));
  const q = torch.keep(rowsOf(queries));
  for (let first = 0; first < set.count; first += CHUNK) {
    const indices = Array.from({ length: Math.min(CHUNK, set.count - first) }, (_, i) => first + i);
    const pictures = await Promise.all(indices.map((i) => set.read(i)));
    torch.noGrad(() =>
      torch.scope(() => {
        const c = rowsOf(pictures);
        const square = (x) => torch.sum(torch.mul(x, x), [1]);
        const crossed = torch.matmul(q, torch.transpose(c, 0, 1)); // [queries, pictures]
        // |q - c|² without |q|², which does not change which one is nearest
        const gap = torch.sub(square(c), torch.mul(crossed, 2));
        const place = torch.numbers(torch.argmin(gap, -1));
        for (const [i, at] of place.entries()) {
          const distance = difference(queries[i].data, pictures[at].data);
          if (distance < best[i].distance) best[i] = { index: first + at, distance };
        }
      }),
    );
    onProgress(first + indices.length, set.count);
  }
  q.dispose();
  return best;

  function rowsOf(pictures) {
    const values = new Float32Array(pictures.length * sizes);
    for (const [i, { data }] of pictures.entries()) {
      if (data.length !== sizes) throw new Error("pictures of different sizes cannot be compared");
      for (let j = 0; j < sizes; j++) values[i * sizes + j] = data[j] / 255 - 0.5;
    }
    return torch.tensor(values, { shape: [pictures.length, sizes] });
  }
}

const difference = (a, b) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum / a.length);
};

/** Least, fifth percentile and median of distances. */
export function spread(distances) {
  const sorted = [...distances].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { least: sorted[0], low: at(0.05), median: at(0.5) };
}
