import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  fakeCudaHeaders,
  fakeLibtorch,
  fakePython,
  pathWith,
  program,
  temporaryFolder,
  write,
} from "../../test/fake-setup.js";
import { locate, privatePython } from "./locate.js";

/** A machine with nothing: a Python without torch, no system package. */
function bareMachine() {
  const root = temporaryFolder();
  const bin = join(root, "bin");
  program(bin, "python3", `echo 'libtorch-setup:{"python":"${bin}/python3","error":"has no torch"}'`);
  const search = (more: NodeJS.ProcessEnv = {}, needCuda = false) =>
    locate({ env: pathWith(bin, more), build: join(root, "build"), prefixes: [join(root, "usr")], needCuda });
  return { root, bin, search };
}

test("LIBTORCH names the official zip's folder", async () => {
  const { root, search } = bareMachine();
  const zip = fakeLibtorch(join(root, "zip"), { version: "2.9.1" });
  write(join(zip, "build-version"), "2.9.1+cpu\n");
  const { found, refused } = await search({ LIBTORCH: zip });
  expect(found).toEqual({
    origin: `LIBTORCH (${zip})`,
    version: "2.9.1+cpu",
    includes: [join(zip, "include"), join(zip, "include/torch/csrc/api/include")],
    library: join(zip, "lib"),
    abi: 1,
    cuda: undefined,
  });
  expect(refused).toEqual([]);
});

test("LIBTORCH names a prefix in Debian's layout", async () => {
  const { root, search } = bareMachine();
  const lib = `lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`;
  const prefix = fakeLibtorch(join(root, "debian"), { version: "1.13.0", lib });
  const { found } = await search({ LIBTORCH: prefix });
  expect(found).toMatchObject({ version: "1.13.0", library: join(prefix, lib) });
});

test("LIBTORCH that cannot be used is not replaced by something else", async () => {
  const { root, search } = bareMachine();
  fakeLibtorch(join(root, "usr"));
  const wrong = join(root, "wrong");
  expect(await search({ LIBTORCH: wrong })).toEqual({
    found: undefined,
    refused: [`LIBTORCH is ${wrong}, which does not exist.`],
    blocked: true,
  });
  mkdirSync(wrong);
  const { refused, blocked } = await search({ LIBTORCH: wrong });
  expect(blocked).toBe(true);
  expect(refused[0]).toContain(`has no C++ headers in ${wrong}/include`);
});

test("the active Python's torch comes before the system's", async () => {
  const { root, bin, search } = bareMachine();
  fakeLibtorch(join(root, "usr"), { version: "1.13.0" });
  const torch = fakeLibtorch(join(root, "site-packages/torch"));
  fakePython(bin, torch, "2.13.0+cpu", 0);
  const { found, refused } = await search();
  expect(found).toMatchObject({
    origin: `the active Python (${bin}/python3)`,
    version: "2.13.0+cpu",
    library: join(torch, "lib"),
    abi: 0,
  });
  expect(refused).toEqual(["LIBTORCH is not set."]);
});

test("setup's own Python comes after the active one, and only when it is complete", async () => {
  const { root, search } = bareMachine();
  const { folder, complete } = privatePython(join(root, "build"));
  fakePython(join(folder, "bin"), fakeLibtorch(join(root, "torch")), "2.13.0");
  program(join(folder, "bin"), "python", `exec ${join(folder, "bin/python3")}`);
  expect((await search()).found).toBeUndefined();
  writeFileSync(complete, "");
  const { found, refused } = await search();
  expect(found).toMatchObject({ origin: `setup's own Python environment (${folder})`, abi: 1 });
  expect(refused).toHaveLength(2);
});

test("the system's package is taken last, with a reason for each place before", async () => {
  const { root, bin, search } = bareMachine();
  const nothing = await search();
  expect(nothing.found).toBeUndefined();
  fakeLibtorch(join(root, "usr"), { version: "1.13.0" });
  const { found, refused } = await search();
  expect(found?.origin).toBe(`the system's package (${join(root, "usr")})`);
  expect(refused).toEqual([
    "LIBTORCH is not set.",
    `The active Python (${bin}/python3) has no torch.`,
    "Setup has not made a Python environment of its own.",
  ]);
  expect(nothing.refused).toEqual([...refused, `The system has none in ${join(root, "usr")}.`]);
});

test("a Python's torch without headers is passed over", async () => {
  const { root, bin, search } = bareMachine();
  fakePython(bin, fakeLibtorch(join(root, "torch"), { headers: false }), "1.13.0a0");
  const { found, refused } = await search();
  expect(found).toBeUndefined();
  expect(refused[1]).toContain("has no C++ headers");
  expect(refused[1]).toContain("libtorch-dev");
});

test("headers and library of different versions are passed over; only major and minor count", async () => {
  const { root, bin, search } = bareMachine();
  const torch = fakeLibtorch(join(root, "torch"), { version: "2.12.1" });
  fakePython(bin, torch, "2.13.0");
  expect((await search()).refused[1]).toContain("is version 2.13.0, but its headers are of version 2.12.1");
  fakePython(bin, torch, "2.12.0+cpu");
  expect((await search()).found?.version).toBe("2.12.0+cpu");
});

test("a version before 1.13 is passed over", async () => {
  const { root, search } = bareMachine();
  fakeLibtorch(join(root, "usr"), { version: "1.12.1" });
  expect((await search()).refused.at(-1)).toContain("is version 1.12.1; 1.13 is the oldest that works");
});

test("the C++ ABI is read from libc10 where no Python says it", async () => {
  const { root, search } = bareMachine();
  for (const abi of [0, 1] as const) {
    const prefix = fakeLibtorch(join(root, `abi${abi}`), { abi });
    expect((await search({ LIBTORCH: prefix })).found?.abi).toBe(abi);
  }
});

test("a Python that does not run torch says why", async () => {
  const { bin, search } = bareMachine();
  program(bin, "python3", "echo 'ImportError: broken' >&2; exit 1");
  expect((await search()).refused[1]).toBe(
    "The active Python (python3) cannot be asked for its torch: ImportError: broken.",
  );
});

test("with --cuda, only a library with CUDA is taken", async () => {
  const { root, bin, search } = bareMachine();
  fakePython(bin, fakeLibtorch(join(root, "cpu")), "2.13.0+cpu");
  fakeLibtorch(join(root, "usr"), { cuda: true });
  const { found, refused } = await search({}, true);
  expect(found?.origin).toContain("the system's package");
  expect(refused[1]).toBe(`The active Python (${bin}/python3) has no CUDA.`);
});

test("CUDA's headers are found beside a wheel's torch", async () => {
  const { root, bin, search } = bareMachine();
  const packages = join(root, "site-packages");
  fakePython(bin, fakeLibtorch(join(packages, "torch"), { cuda: true }), "2.13.0+cu130");
  const toolkit = fakeCudaHeaders(join(packages, "nvidia/cu13/include"));
  const nccl = join(packages, "nvidia/nccl/include");
  write(join(nccl, "nccl.h"), "");
  expect((await search()).found?.cuda).toEqual({
    includes: [toolkit, join(toolkit, "cccl"), nccl],
    missing: [],
    nccl: true,
  });
});
