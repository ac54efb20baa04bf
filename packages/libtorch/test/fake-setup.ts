/** Folders and programs that look like a libtorch, a Python, a compiler: what the tests of setup search and start. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder that is removed at the end of the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "libtorch-setup-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function write(file: string, text: string): string {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** A program: a shell script in a folder that is put on PATH by {@link pathWith}. */
export function program(folder: string, name: string, script: string): string {
  const file = write(join(folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** An environment with `folder` first on PATH, and nothing that would lead setup elsewhere. */
export function pathWith(folder: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { PATH: [folder, "/usr/bin", "/bin"].join(delimiter), ...more };
}

interface FakeLibtorch {
  readonly version?: string;
  /** Folder of the libraries below the prefix. */
  readonly lib?: string;
  readonly abi?: 0 | 1;
  readonly cuda?: boolean;
  readonly headers?: boolean;
}

/** Headers and libraries below a prefix, as far as setup looks at them. */
export function fakeLibtorch(prefix: string, options: FakeLibtorch = {}): string {
  const { version = "2.13.0", lib = "lib", abi = 1, cuda = false, headers = true } = options;
  const [major, minor, patch] = version.split(".");
  if (headers)
    write(
      join(prefix, "include/torch/csrc/api/include/torch/version.h"),
      `#define TORCH_VERSION_MAJOR ${major}\n#define TORCH_VERSION_MINOR ${minor}\n#define TORCH_VERSION_PATCH ${patch}\n`,
    );
  const text = abi ? "NSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE" : "Ss";
  write(
    join(prefix, lib, "libc10.so"),
    `\0other\0_ZN3c105ErrorC1ENS_14SourceLocationE${text}\0more__cxx11\0`,
  );
  for (const name of ["torch", "torch_cpu", ...(cuda ? ["torch_cuda", "c10_cuda"] : [])])
    write(join(prefix, lib, `lib${name}.so`), name === "c10_cuda" ? "\0libcudart.so.13\0" : "");
  return prefix;
}

/** A Python whose torch is in `torchFolder`, as it answers setup's question. */
export function fakePython(folder: string, torchFolder: string, version: string, abi?: 0 | 1): string {
  const answer = {
    python: join(folder, "python3"),
    version,
    abi: abi ?? -1,
    includes: [join(torchFolder, "include"), join(torchFolder, "include/torch/csrc/api/include")],
    libraries: [join(torchFolder, "lib"), "/usr/local/cuda/lib64"],
  };
  return program(
    folder,
    "python3",
    `echo "a line of torch's own"\necho 'libtorch-setup:${JSON.stringify(answer)}'`,
  );
}

/** CUDA's headers in one folder, as far as setup looks at them. */
export function fakeCudaHeaders(folder: string, major = 13): string {
  for (const name of ["crt/host_defines.h", "cublas_v2.h", "cublasLt.h", "cusparse.h", "cusolverDn.h"])
    write(join(folder, name), "");
  write(join(folder, "cuda_fp16.h"), "#include <nv/target>\n");
  write(join(folder, "cuda_runtime_api.h"), `#define CUDART_VERSION  ${major}000\n`);
  write(join(folder, major >= 13 ? "cccl/nv/target" : "nv/target"), "");
  return folder;
}
