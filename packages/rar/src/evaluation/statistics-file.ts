/** Reference files: statistics of all pictures, and some of the pictures themselves for precision and recall, as the ADM evaluator reads them. */

import { writeNpz } from "../weights/npz.js";
import type { HostTensor, TensorInfo } from "../weights/tensor-file.js";
import type { PictureSource } from "./picture-source.js";
import type { Gaussian } from "./statistics.js";
import type { Summary } from "./summary.js";

/** Pictures that the published ImageNet file holds. */
export const REFERENCE_PICTURES = 10_000;

/**
 * Writes `mu`, `sigma`, `mu_s`, `sigma_s` and `arr_0`: at most `pictures` of them, evenly spaced.
 * @throws {RangeError} with fewer than two pictures
 */
export async function writeStatistics(
  path: string,
  source: PictureSource,
  summary: Summary,
  pictures = REFERENCE_PICTURES,
): Promise<void> {
  const { pooledStatistics: pooled, spatialStatistics: spatial } = summary;
  if (!pooled || !spatial) throw new RangeError("Statistics need at least 2 pictures.");
  const kept = Math.min(pictures, source.count);
  const images = new Uint8Array(kept * source.width * source.height * 3);
  let [at, seen] = [0, 0];
  for await (const { data, count } of source.batches(64)) {
    const bytes = data.length / count;
    for (let i = 0; i < count; i++, seen++)
      if (at < kept && seen === Math.floor((at * source.count) / kept))
        images.set(data.subarray(i * bytes, (i + 1) * bytes), at++ * bytes);
  }
  const array = (name: string, data: Float64Array, shape: number[]): HostTensor => ({
    name,
    dtype: "F64",
    shape,
    data: data as Float64Array<ArrayBuffer>,
  });
  const both = (suffix: string, { mean, covariance }: Gaussian): HostTensor[] => [
    array(`mu${suffix}`, mean, [mean.length]),
    array(`sigma${suffix}`, covariance, [mean.length, mean.length]),
  ];
  const info: TensorInfo = { name: "arr_0", dtype: "U8", shape: [kept, source.height, source.width, 3] };
  await writeNpz(path, [{ ...info, data: images }, ...both("", pooled), ...both("_s", spatial)]);
}
