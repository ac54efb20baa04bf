import { existsSync, readdirSync, readFileSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { fakeLibtorch, program, temporaryFolder, write } from "../../test/fake-setup.js";
import { compile } from "./compile.js";
import type { Compiler } from "./compiler.js";
import type { Libtorch } from "./examine.js";
import { locate } from "./locate.js";

/** An addon of two files, a compiler that is a shell script, and a former addon in use. */
function workshop(script: string) {
  const root = temporaryFolder();
  const [build, native] = [join(root, "build"), join(root, "native")];
  write(join(native, "one.cc"), "one");
  write(join(native, "two.cc"), "two, the longer one");
  write(join(native, "common.h"), "common");
  const prefix = fakeLibtorch(join(root, "torch"));
  const libtorch: Libtorch = {
    ...{ origin: "a test", version: "2.13.0", abi: 1, cuda: undefined },
    includes: [join(prefix, "include")],
    library: join(prefix, "lib"),
  };
  write(join(build, "current.json"), "the former record");
  const calls = join(root, "calls");
  // $out is the file to make, $source the one to compile; without a source it is the link.
  const compiler: Compiler = {
    command: [
      program(
        root,
        "c++",
        `source= ; out= ; while [ $# -gt 0 ]; do case "$1" in -o) out=$2;; -c) source=$2;; esac; shift; done
echo "compile $source" >> ${calls}
${script}`,
      ),
    ],
    version: "Fake 1.0",
  };
  const run = (options: { signal?: AbortSignal; force?: boolean } = {}) =>
    compile(libtorch, { build, native, compiler, ...options });
  const compiled = () => {
    const names = existsSync(calls) ? readFileSync(calls, "utf8").matchAll(/compile (\S+)/g) : [];
    return [...names].map(([, file]) => basename(file ?? "")).sort();
  };
  const files = () => readdirSync(build, { recursive: true, encoding: "utf8" }).sort();
  const former = () => expect(readFileSync(join(build, "current.json"), "utf8")).toBe("the former record");
  return { root, build, native, libtorch, compiler, run, compiled, files, former };
}

test("a file that does not compile ends the build with its first error, and the former addon stays", async () => {
  const { run, former, files } = workshop(
    `case "$source" in */one.cc) echo "one.cc:1:1: error: 'Tensor' does not name a type" >&2; exit 1;; esac
sleep 0.2; touch "$out"`,
  );
  await expect(run()).rejects.toThrow(/^one\.cc does not compile\. .*\n {2}one\.cc:1:1: error: 'Tensor'/);
  former();
  expect(files().filter((name) => /\.(node|\d+)$/.test(name))).toEqual([]);
});

test("an addon that does not load leaves the former one, and what was compiled is not compiled again", async () => {
  const { native, run, former, files, compiled } = workshop('touch "$out"');
  await expect(run()).rejects.toThrow("The addon was built but does not load.");
  former();
  expect(files().filter((name) => name.endsWith(".node"))).toEqual([]);
  expect(compiled()).toEqual(["one.cc", "two.cc"]);

  await expect(run()).rejects.toThrow();
  expect(compiled()).toEqual(["one.cc", "two.cc"]);
  utimesSync(join(native, "one.cc"), 0, 0); // content decides, not time
  write(join(native, "two.cc"), "changed");
  await expect(run()).rejects.toThrow();
  expect(compiled()).toEqual(["one.cc", "two.cc", "two.cc"]);
  write(join(native, "common.h"), "changed");
  await expect(run()).rejects.toThrow();
  expect(compiled()).toHaveLength(5);
  await expect(run({ force: true })).rejects.toThrow();
  expect(compiled()).toHaveLength(7);
  expect(files().filter((name) => name.endsWith(".o"))).toHaveLength(2); // older ones are removed
});

test("an interrupted build leaves the former addon and no half-made file", async () => {
  const { run, former, files } = workshop('touch "$out"; sleep 60');
  const interrupt = new AbortController();
  setTimeout(() => interrupt.abort(new Error("interrupted")), 300);
  const started = Date.now();
  await expect(run({ signal: interrupt.signal })).rejects.toThrow("interrupted");
  expect(Date.now() - started).toBeLessThan(10_000);
  former();
  expect(files().filter((name) => /\.o|\.node/.test(name))).toEqual([]);
});

test("where CUDA's headers do not compile, the build goes on without them and says so", async () => {
  const { root, build, native, libtorch, compiler } = workshop(
    `case "$source" in */cuda.cc) echo "cuda.cc:1:1: error: no such type" >&2; exit 1;; esac; touch "$out"`,
  );
  write(join(native, "cuda.cc"), "cuda");
  write(join(native, "cuda-absent.cc"), "no cuda");
  const lines: string[] = [];
  const cuda = { includes: [root], missing: [], nccl: false };
  const report = { line: (text: string) => lines.push(text), step() {} };
  await expect(compile({ ...libtorch, cuda }, { build, native, compiler, report })).rejects.toThrow(
    "does not load",
  );
  expect(lines[1]).toContain("cuda.cc:1:1: error: no such type");
  expect(lines[1]).toContain("Going on without them: no CUDA streams, graphs and NCCL.");
});

/** The functions that the load test calls, and nothing else: a build that takes seconds. */
const SMALL_ADDON = `
#include <napi.h>
#include <ATen/ops/add.h>
#include <ATen/ops/full.h>
#include <torch/version.h>
static std::vector<at::Tensor> tensors;
static Napi::Value keep(Napi::Env env, at::Tensor tensor) {
  tensors.push_back(std::move(tensor));
  return Napi::Number::New(env, tensors.size() - 1);
}
static at::Tensor& held(const Napi::Value& slot) { return tensors[slot.As<Napi::Number>().Int32Value()]; }
static Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports["compiledVersion"] = Napi::String::New(env, TORCH_VERSION);
  exports["config"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), ""); });
  exports["fromArray"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    return keep(info.Env(), at::full({1}, info[0].As<Napi::Float32Array>()[0], at::kFloat));
  });
  exports["readInto"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    info[1].As<Napi::Float32Array>()[0] = *static_cast<float*>(held(info[0]).data_ptr());
  });
  exports["resolve"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) {
    auto out = Napi::Object::New(info.Env());
    out["call"] = Napi::Function::New(info.Env(), [](const Napi::CallbackInfo& info) {
      return keep(info.Env(), at::add(held(info[0]), held(info[1])));
    });
    return out;
  });
  return exports;
}
NODE_API_MODULE(small, init)
`;

const { found } = await locate();
const missing = found === undefined;
if (missing) console.warn("No libtorch was found: the build of a real addon is not tested.");

test.skipIf(missing)(
  "a real addon is built, tested and named in current.json",
  { timeout: 300_000 },
  async () => {
    const root = temporaryFolder();
    const [build, native] = [join(root, "build"), join(root, "native")];
    write(join(native, "small.cc"), SMALL_ADDON);
    const record = await compile(found!, { build, native });
    expect(JSON.parse(readFileSync(join(build, "current.json"), "utf8"))).toEqual(record);
    expect(record).toMatchObject({ version: found!.version, origin: found!.origin, library: found!.library });
    const addon = createRequire(import.meta.url)(join(build, record.addon)) as { compiledVersion: string };
    expect(addon.compiledVersion.split(".")[0]).toBe(found!.version.split(".")[0]);
  },
);
