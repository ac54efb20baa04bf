import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fakeCudaHeaders, fakeLibtorch, temporaryFolder, write } from "../../test/fake-setup.js";
import { findCudaHeaders } from "./cuda-headers.js";

/** A libtorch for CUDA 13, and the search of its headers. */
function torch() {
  const root = temporaryFolder();
  const prefix = fakeLibtorch(join(root, "torch"), { cuda: true });
  const search = (env: NodeJS.ProcessEnv = {}) =>
    findCudaHeaders(join(prefix, "include"), join(prefix, "lib"), env);
  return { root, search, nvidia: join(root, "nvidia") };
}

test("CUDA 12 wheels keep a folder for each library", () => {
  const { root, search, nvidia } = torch();
  write(join(root, "torch/lib/libc10_cuda.so"), "\0libcudart-9335f6a2.so.12\0");
  const all = fakeCudaHeaders(join(nvidia, "cuda_runtime/include"), 12);
  rmSync(join(all, "cusparse.h"));
  const sparse = join(nvidia, "cusparse/include");
  write(join(sparse, "cusparse.h"), "");
  expect(search().includes).toEqual([all, sparse]);
});

test("what a wheel lacks is taken from CUDA_HOME", () => {
  const { root, search, nvidia } = torch();
  const wheel = fakeCudaHeaders(join(nvidia, "cu13/include"));
  rmSync(join(wheel, "crt"), { recursive: true });
  const home = join(root, "cuda");
  write(join(home, "include/crt/host_defines.h"), "");
  expect(search({ CUDA_HOME: home }).includes).toEqual([wheel, join(wheel, "cccl"), join(home, "include")]);
});

test("headers of another major version are not used, and what is missing is named", () => {
  const { root, search } = torch();
  // A version that this machine does not have either.
  write(join(root, "torch/lib/libc10_cuda.so"), "\0libcudart.so.99\0");
  const home = join(root, "cuda");
  fakeCudaHeaders(join(home, "include"), 12);
  const { includes, missing } = search({ CUDA_HOME: home });
  expect(includes).toEqual([]);
  expect(missing).toContain("cublasLt.h");
});
