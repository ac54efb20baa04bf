import { expect, test } from "vitest";
import { pathWith, program, temporaryFolder } from "../../test/fake-setup.js";
import { compileFlags, cureFor, findCompiler, firstErrors, linkFlags } from "./compiler.js";
import type { Libtorch } from "./examine.js";

const libtorch: Libtorch = {
  origin: "a test",
  version: "2.6.0",
  includes: ["/usr/include", "/opt/torch/include"],
  library: "/opt/torch/lib",
  abi: 0,
  cuda: undefined,
};

test("CXX decides the compiler, with its first arguments", async () => {
  const folder = temporaryFolder();
  program(folder, "cache", '[ "$1" = mine ] && echo "Mine 12.1"');
  const found = await findCompiler({ env: pathWith(folder, { CXX: "cache mine" }) });
  expect(found).toEqual({ command: ["cache", "mine"], version: "Mine 12.1" });
  await expect(findCompiler({ env: pathWith(folder, { CXX: "no-such" }) })).rejects.toThrow(
    'CXX is "no-such"',
  );
});

test("no compiler, and one without C++20, are sentences with a cure", async () => {
  const folder = temporaryFolder();
  await expect(findCompiler({ env: { PATH: folder } })).rejects.toThrow("apt-get install g++");
  program(folder, "c++", 'case "$1" in --version) echo "c++ 7.5";; *) exit 1;; esac');
  await expect(findCompiler({ env: { PATH: folder } })).rejects.toThrow('"c++ 7.5" does not know C++20');
});

test("flags carry the ABI, and never name the compiler's own folder", () => {
  const flags = compileFlags(libtorch, "/native", true);
  expect(flags).toContain("-D_GLIBCXX_USE_CXX11_ABI=0");
  expect(flags).toContain("-I/opt/torch/include");
  expect(flags).toContain("-I/native/gloo-stand-in");
  expect(flags).not.toContain("-I/usr/include");
  expect(flags).not.toContain("-DUSE_C10D_NCCL");
});

test("with CUDA, its headers and NCCL are compiled in where they are, and its library is linked always", () => {
  const cuda = { includes: ["/cuda/include"], missing: [], nccl: true };
  const withCuda: Libtorch = { ...libtorch, cuda };
  expect(compileFlags(withCuda, "/native", true)).toEqual(
    expect.arrayContaining(["-I/cuda/include", "-DUSE_C10D_NCCL"]),
  );
  expect(compileFlags(withCuda, "/native", false)).not.toContain("-I/cuda/include");
  expect(linkFlags(withCuda)).toEqual(expect.arrayContaining(["-ltorch_cuda", "-lc10_cuda"]));
  expect(linkFlags(libtorch)).not.toContain("-ltorch_cuda");
});

test.each([
  ["tensor.cc:2:10: fatal error: ATen/Functions.h: No such file or directory", "libtorch-dev"],
  ["g++: error: unrecognized command-line option '-std=c++20'", "too old"],
  ["ATen.h:4:2: error: #error C++20 or later compatible compiler is required to use ATen.", "too old"],
  ["g++: fatal error: Killed signal terminated program cc1plus", "memory"],
  [
    "symbol lookup error: undefined symbol: _ZN3c106detail23torchInternalAssertFailEPKcS2_jS2_RKSs",
    "C++ ABI",
  ],
  ["undefined symbol: _ZNK3c105Error4whatEv", "C++ ABI"],
  ["version `GLIBCXX_3.4.32' not found", "older compiler"],
  ["Error: libopenblas.so.0: cannot open shared object file: No such file or directory", "not installed"],
  ["/usr/bin/ld: cannot find -ltorch_cuda", "Reinstall libtorch"],
])("%s", (text, cure) => {
  expect(cureFor(text)).toContain(cure);
});

test("a symbol that the addon itself lacks is not blamed on libtorch", () => {
  expect(cureFor("undefined symbol: _ZN5addon10defineCudaEN4Napi3EnvERKN2at6TensorE")).toBeUndefined();
});

test("of a compiler's output the first errors are shown", () => {
  const output =
    "In file included from a.cc:\na.cc:1:2: error: first\n   |\na.cc:3:4: warning: no\na.cc:5:6: error: second\n";
  expect(firstErrors(output)).toEqual(["a.cc:1:2: error: first", "a.cc:5:6: error: second"]);
  expect(firstErrors("\nit went wrong\n")).toEqual(["it went wrong"]);
});
