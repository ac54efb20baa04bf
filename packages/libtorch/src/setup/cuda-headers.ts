/** Finds CUDA's headers for a libtorch that has CUDA: beside a wheel, where variables say, in the usual places. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface CudaHeaders {
  /** Folders for the compiler to search; empty when headers are missing. */
  readonly includes: readonly string[];
  /** Headers that no folder has. Without them there are CUDA tensors, but no streams, graphs and NCCL. */
  readonly missing: readonly string[];
  /** Whether nccl.h is there. */
  readonly nccl: boolean;
}

/** What libtorch's own CUDA headers include. */
const NEEDED = [
  "cuda_runtime_api.h",
  "crt/host_defines.h",
  "cuda_fp16.h",
  "cublas_v2.h",
  "cublasLt.h",
  "cusparse.h",
  "cusolverDn.h",
] as const;

/**
 * @param include - libtorch's own header folder; a wheel's companions are found from it
 * @param library - libtorch's library folder, which tells the CUDA version
 */
export function findCudaHeaders(include: string, library: string, env: NodeJS.ProcessEnv): CudaHeaders {
  const major = runtimeMajor(library);
  const folders = candidates(include, env)
    .flatMap((folder) => [folder, join(folder, "cccl")]) // CUDA 13 keeps nv/target apart
    .filter((folder) => existsSync(folder) && fits(folder, major));
  const holder = (header: string) => folders.find((folder) => existsSync(join(folder, header)));
  const half = holder("cuda_fp16.h");
  const needsTarget = half && /#include +<nv\/target>/.test(readFileSync(join(half, "cuda_fp16.h"), "utf8"));
  const needed = needsTarget ? [...NEEDED, "nv/target"] : NEEDED;
  const missing = needed.filter((header) => holder(header) === undefined);
  if (missing.length > 0) return { includes: [], missing, nccl: false };
  const nccl = holder("nccl.h");
  const found = new Set([...needed.map(holder), nccl].filter((folder) => folder !== undefined));
  // The order of the search stays, so that the compiler finds the same files.
  return { includes: folders.filter((folder) => found.has(folder)), missing, nccl: nccl !== undefined };
}

function candidates(include: string, env: NodeJS.ProcessEnv): string[] {
  // site-packages/torch/include -> site-packages/nvidia/*/include: a folder a library for CUDA 12, cu13 for CUDA 13
  const companions = join(include, "../../nvidia");
  const wheels = existsSync(companions)
    ? readdirSync(companions)
        .sort()
        .map((name) => join(companions, name, "include"))
    : [];
  const prefixes = [env.CUDA_HOME, env.CUDA_PATH, "/usr/local/cuda"].filter((folder) => folder !== undefined);
  const conda = env.CONDA_PREFIX ? [join(env.CONDA_PREFIX, "targets/x86_64-linux")] : [];
  return [
    ...wheels,
    ...[...prefixes, ...conda].map((prefix) => join(prefix, "include")),
    ...[env.NCCL_HOME, "/usr/local"]
      .filter((folder) => folder !== undefined)
      .map((prefix) => join(prefix, "include")),
    "/usr/include",
  ];
}

/** Headers of another major version describe structures that the library does not have. */
function fits(folder: string, major: string | undefined): boolean {
  const file = join(folder, "cuda_runtime_api.h");
  if (major === undefined || !existsSync(file)) return true;
  const version = /#define CUDART_VERSION +(\d+)\d{3}\b/.exec(readFileSync(file, "utf8"))?.[1];
  return version === undefined || version === major;
}

/** The major version of the CUDA runtime that libc10_cuda asks the loader for. */
function runtimeMajor(library: string): string | undefined {
  const file = join(library, "libc10_cuda.so");
  if (!existsSync(file)) return undefined;
  return /libcudart[-\w]*\.so\.(\d+)/.exec(readFileSync(file, "latin1"))?.[1];
}
