/** Summaries of picture sets on disk, by the content of the pictures: features are computed once. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder } from "../config/cache-folder.js";
import { openTensorFile } from "../weights/open.js";
import { writeSafetensors } from "../weights/safetensors.js";
import type { HostTensor } from "../weights/tensor-file.js";
import { matrix } from "./matrix.js";
import type { Gaussian } from "./statistics.js";
import type { Summary } from "./summary.js";

/** Changes whenever features or their form do. */
const FORMAT = 1;

const fileOf = (key: string): string => join(cacheFolder("features"), `${key}.safetensors`);

/** @returns undefined where there is none, or it cannot be read: then it is computed again */
export async function cachedSummary(key: string): Promise<Summary | undefined> {
  const path = fileOf(key);
  if (!existsSync(path)) return undefined;
  try {
    await using file = await openTensorFile(path);
    if (file.metadata.format !== String(FORMAT)) return undefined;
    const count = Number(file.metadata.count);
    const pooled = await file.readFloat32("pooled");
    const gaussian = async (part: string): Promise<Gaussian | undefined> =>
      file.tensors.has(`${part}.mean`)
        ? {
            count,
            mean: (await file.read(`${part}.mean`)).data as Float64Array,
            covariance: (await file.read(`${part}.covariance`)).data as Float64Array,
          }
        : undefined;
    return {
      count,
      pooled: matrix(pooled, pooled.length / count),
      pooledStatistics: await gaussian("pooled"),
      spatialStatistics: await gaussian("spatial"),
      scores: [...((await file.read("scores")).data as Float64Array)],
      duplicates: Number(file.metadata.duplicates),
    };
  } catch {
    await rm(path, { force: true });
    return undefined;
  }
}

export async function keepSummary(key: string, summary: Summary): Promise<void> {
  const { count, pooled, pooledStatistics, spatialStatistics, scores, duplicates } = summary;
  const tensors: HostTensor[] = [
    {
      name: "pooled",
      dtype: "F32",
      shape: [count, pooled.columns],
      data: pooled.data as Float32Array<ArrayBuffer>,
    },
    { name: "scores", dtype: "F64", shape: [scores.length], data: Float64Array.from(scores) },
  ];
  for (const [name, part] of [
    ["pooled", pooledStatistics],
    ["spatial", spatialStatistics],
  ] as const) {
    if (!part) continue;
    const d = part.mean.length;
    tensors.push(
      { name: `${name}.mean`, dtype: "F64", shape: [d], data: part.mean as Float64Array<ArrayBuffer> },
      {
        name: `${name}.covariance`,
        dtype: "F64",
        shape: [d, d],
        data: part.covariance as Float64Array<ArrayBuffer>,
      },
    );
  }
  await mkdir(cacheFolder("features"), { recursive: true });
  await writeSafetensors(fileOf(key), tensors, {
    format: String(FORMAT),
    count: String(count),
    duplicates: String(duplicates),
  });
}
