/**
 * Runs CUDA C on the CPU, for tests where there is no GPU: the source is compiled as C++, the threads of a block are
 * fibers that take turns between barriers, forwards or backwards, so that a missing barrier shows. A barrier that not every
 * thread reaches is an error. Slow, and blind to the memory model of a GPU.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { cuda } from "libtorch";
import { Tensor } from "libtorch";
import type { Compile } from "../engines/torch/kernels/program.js";

const require = createRequire(import.meta.url);
/** Beside libtorch, which needs the headers itself. */
const headers = (): string =>
  join(
    dirname(require.resolve("node-api-headers/package.json", { paths: [require.resolve("libtorch")] })),
    "include",
  );

/** Whether there is a C++ compiler to emulate with. */
export const canEmulate = ((): boolean => {
  try {
    execFileSync("g++", ["--version"], { stdio: "ignore" });
    headers();
    return process.platform === "linux";
  } catch {
    return false;
  }
})();

const before = `
#include <node_api.h>
#include <setjmp.h>
#include <ucontext.h>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#define EMULATED 1
#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __align__(n) __attribute__((aligned(n)))
#define __launch_bounds__(...)
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(16) float4 { float x, y, z, w; };
struct Index { unsigned x, y, z; };
static Index threadIdx, blockIdx, gridDim;
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
static inline float __uint_as_float(unsigned v) { float f; memcpy(&f, &v, 4); return f; }
static inline float __int_as_float(int v) { return __uint_as_float(v); }
static inline unsigned __float_as_uint(float f) { unsigned v; memcpy(&v, &f, 4); return v; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float rsqrtf(float v) { return 1 / sqrtf(v); }

enum State { READY, AT_BLOCK, AT_WARP, DONE };
// Made by makecontext, switched by setjmp, which asks nothing of the operating system.
struct Fiber { ucontext_t context; jmp_buf at; bool begun; std::vector<char> stack; State state; };
static std::vector<Fiber> fibers;
static ucontext_t maker;
static jmp_buf scheduler;
static size_t running;
static float exchanged[2048];
static void pause(State state) {
  const size_t self = running;
  fibers[self].state = state;
  if (_setjmp(fibers[self].at) == 0) _longjmp(scheduler, 1);
}
static inline void __syncthreads() { pause(AT_BLOCK); }
static inline void __syncwarp() { pause(AT_WARP); }
template <class F> static inline float together(float v, F f) {
  exchanged[running] = v;
  const size_t first = running / 32 * 32;
  pause(AT_WARP);
  float all = exchanged[first];
  for (size_t i = first + 1; i < first + 32; i++) all = f(all, exchanged[i]);
  pause(AT_WARP);
  return all;
}
static inline float warpSum(float v) { return together(v, [](float a, float b) { return a + b; }); }
static inline float warpMax(float v) { return together(v, [](float a, float b) { return fmaxf(a, b); }); }
static inline void waitForPredecessor() {}
static inline void letSuccessorStart() {}
static inline void prefetch(const char* from, int bytes) {
  if ((uintptr_t)from % 16 || bytes % 16 || bytes <= 0) { fprintf(stderr, "bytes ahead are not aligned\\n"); abort(); }
  (void)*(volatile const char*)from, (void)*(volatile const char*)(from + bytes - 1);
}
template <class N> static inline uint4 stream(const N* from) {
  if ((uintptr_t)from % 16) { fprintf(stderr, "a load of 16 bytes is not aligned\\n"); abort(); }
  return *reinterpret_cast<const uint4*>(from);
}
`;

/** Values come as 8 bytes each, in the types of the kernel's own parameters; backwards: the order of turns. */
const after = `
template <auto kernel> struct Call;
template <class... A, void (*kernel)(A...)> struct Call<kernel> {
  static const char* values;
  template <size_t... I> static void apply(std::index_sequence<I...>) {
    kernel(*reinterpret_cast<const std::remove_const_t<A>*>(values + 8 * I)...);
  }
  static void thread() {
    apply(std::index_sequence_for<A...>());
    fibers[running].state = DONE;
    _longjmp(scheduler, 1);
  }
};
template <class... A, void (*kernel)(A...)> const char* Call<kernel>::values = nullptr;

static void __attribute__((noinline)) resume(Fiber& fiber) {
  if (_setjmp(scheduler)) return;
  if (fiber.begun) _longjmp(fiber.at, 1);
  fiber.begun = true;
  swapcontext(&maker, &fiber.context);
}

static std::string runBlock(void (*thread)(), size_t count, bool backwards) {
  fibers.resize(count);
  for (auto& fiber : fibers) {
    fiber.stack.resize(65536);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.data();
    fiber.context.uc_stack.ss_size = fiber.stack.size();
    fiber.context.uc_link = nullptr;
    fiber.begun = false;
    makecontext(&fiber.context, thread, 0);
    fiber.state = READY;
  }
  for (;;) {
    bool ran = false;
    for (size_t turn = 0; turn < count; turn++) {
      const size_t i = backwards ? count - 1 - turn : turn;
      if (fibers[i].state != READY) continue;
      running = i;
      threadIdx = {(unsigned)i, 0, 0};
      resume(fibers[i]);
      ran = true;
    }
    size_t done = 0, atBlock = 0;
    for (const auto& fiber : fibers) done += fiber.state == DONE, atBlock += fiber.state == AT_BLOCK;
    if (done == count) return "";
    bool released = false;
    for (size_t warp = 0; warp < count; warp += 32) {
      bool all = true;
      for (size_t i = warp; i < warp + 32; i++) all = all && (fibers[i].state == AT_WARP);
      if (!all) continue;
      for (size_t i = warp; i < warp + 32; i++) fibers[i].state = READY;
      released = true;
    }
    if (released) continue;
    if (atBlock + done == count && (done == 0 || atBlock > 0)) {
      for (auto& fiber : fibers) if (fiber.state == AT_BLOCK) fiber.state = READY;
      continue;
    }
    if (!ran) return "not every thread reaches the barrier";
  }
}

template <auto kernel> static std::string run(const char* values, size_t grid, size_t block, bool backwards) {
  if (block % 32) return "blocks are whole warps here";
  Call<kernel>::values = values;
  for (size_t b = 0; b < grid; b++) {
    gridDim = {(unsigned)grid, 1, 1};
    blockIdx = {(unsigned)(backwards ? grid - 1 - b : b), 0, 0};
    const auto error = runBlock(Call<kernel>::thread, block, backwards);
    if (!error.empty()) return error;
  }
  return "";
}

// (name, values, grid, block, backwards); and (typed array) -> its address as 8 bytes in a BigInt
static napi_value launch(napi_env env, napi_callback_info info) {
  size_t count = 5;
  napi_value args[5];
  napi_get_cb_info(env, info, &count, args, nullptr, nullptr);
  char name[64];
  size_t length;
  napi_get_value_string_utf8(env, args[0], name, sizeof name, &length);
  void* values;
  napi_get_typedarray_info(env, args[1], nullptr, nullptr, &values, nullptr, nullptr);
  int32_t grid, block;
  bool backwards;
  napi_get_value_int32(env, args[2], &grid);
  napi_get_value_int32(env, args[3], &block);
  napi_get_value_bool(env, args[4], &backwards);
  std::string error = "there is no such kernel";
  dispatch(name, (const char*)values, grid, block, backwards, error);
  if (!error.empty()) napi_throw_error(env, nullptr, (std::string(name) + ": " + error).c_str());
  return nullptr;
}
static napi_value address(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value array, out;
  napi_get_cb_info(env, info, &count, &array, nullptr, nullptr);
  void* data;
  napi_get_typedarray_info(env, array, nullptr, nullptr, &data, nullptr, nullptr);
  napi_create_bigint_uint64(env, (uint64_t)data, &out);
  return out;
}
NAPI_MODULE_INIT() {
  napi_value f;
  napi_create_function(env, "launch", NAPI_AUTO_LENGTH, launch, nullptr, &f);
  napi_set_named_property(env, exports, "launch", f);
  napi_create_function(env, "address", NAPI_AUTO_LENGTH, address, nullptr, &f);
  napi_set_named_property(env, exports, "address", f);
  return exports;
}
`;

interface Emulated {
  launch(name: string, values: BigInt64Array, grid: number, block: number, backwards: boolean): void;
  address(array: ArrayBufferView): bigint;
}

/** In place of `cuda.compileKernels`, for contiguous CPU tensors. */
export const emulate =
  (backwards = false): Compile =>
  (source, kernels, { defines = {} }) => {
    const folder = mkdtempSync(join(tmpdir(), "rarity-kernels-"));
    try {
      const names = Object.keys(kernels);
      const dispatch = names
        .map((name) => `if (name == "${name}") error = run<${name}>(values, grid, block, backwards);`)
        .join("\n  ");
      const dispatcher =
        "static void dispatch(const std::string& name, const char* values, size_t grid, size_t block, bool backwards, " +
        `std::string& error) {\n  ${dispatch}\n}\n`;
      const macros = Object.entries(defines).map(([name, value]) => `#define ${name} ${value}\n`);
      const [first, second] = after.split("// (name, values");
      const file = join(folder, "kernels.cc");
      writeFileSync(
        file,
        [before, ...macros, source, first, dispatcher, `// (name, values${second}`].join("\n"),
      );
      const addon = join(folder, "kernels.node");
      // No contraction of a * b + c: what must be rounded in between is.
      const flags = [
        "-std=c++17",
        "-O1",
        "-shared",
        "-fPIC",
        "-ffp-contract=off",
        "-fno-gnu-unique", // else shared memory of one program's templates would be that of all
        "-w",
        "-U_FORTIFY_SOURCE",
        `-I${headers()}`,
      ];
      execFileSync("g++", [...flags, file, "-o", addon], { stdio: ["ignore", "ignore", "pipe"] });
      const emulated = require(addon) as Emulated;
      const made = names.map((name) => {
        const parameters = kernels[name]!;
        const launch = ({ grid, block }: cuda.LaunchOptions, ...args: cuda.KernelArgument[]): void => {
          if (args.length !== parameters.length) throw new TypeError(`${name} got ${args.length} arguments`);
          const values = packed(emulated, parameters, args);
          emulated.launch(name, values, grid as number, block as number, backwards);
        };
        return [name, { launch }] as const;
      });
      return Object.fromEntries(made);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

function packed(
  emulated: Emulated,
  parameters: readonly cuda.ParameterType[],
  args: readonly cuda.KernelArgument[],
): BigInt64Array {
  const values = new BigInt64Array(args.length);
  const view = new DataView(values.buffer);
  for (const [i, value] of args.entries()) {
    const type = parameters[i]!;
    if (type === "tensor") {
      if (value !== null && !(value instanceof Tensor)) throw new TypeError(`argument ${i} is no tensor`);
      values[i] = value === null ? 0n : emulated.address(value.memory());
    } else if (typeof value !== "number") throw new TypeError(`argument ${i} is no number`);
    else if (type === "int") view.setInt32(8 * i, value, true);
    else if (type === "long") values[i] = BigInt(value);
    else if (type === "float") view.setFloat32(8 * i, value, true);
    else view.setFloat64(8 * i, value, true);
  }
  return values;
}
