// Threads, devices, random generators and what the library says of itself.
#include "common.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/core/Generator.h>
#include <torch/cuda.h>

#ifdef __GLIBC__
#include <malloc.h>

#include <limits>
#endif

namespace addon {

namespace {

Napi::Value config(const Napi::CallbackInfo& info) { return Napi::String::New(info.Env(), at::show_config()); }
Napi::Value parallelInfo(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), at::get_parallel_info());
}
Napi::Value threads(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), at::get_num_threads()); }
Napi::Value setThreads(const Napi::CallbackInfo& info) {
  at::set_num_threads(slotOf(info[0]));
  return info.Env().Undefined();
}
Napi::Value cudaDevices(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(at::hasCUDA() ? torch::cuda::device_count() : 0));
}

const at::Generator& generatorOf(const Napi::Value& value) {
  const c10::Device device(value.As<Napi::String>().Utf8Value());
  return at::globalContext().defaultGenerator(device);
}

Napi::Value manualSeed(const Napi::CallbackInfo& info) {
  at::manual_seed(static_cast<uint64_t>(info[0].As<Napi::Number>().Int64Value()));
  return info.Env().Undefined();
}
// device -> slot of a byte tensor
Napi::Value generatorState(const Napi::CallbackInfo& info) {
  auto generator = generatorOf(info[0]);
  std::lock_guard<std::mutex> lock(generator.mutex());
  return slotFor(info, generator.get_state());
}
Napi::Value setGeneratorState(const Napi::CallbackInfo& info) {
  auto generator = generatorOf(info[0]);
  std::lock_guard<std::mutex> lock(generator.mutex());
  generator.set_state(tensorOf(info, 1));
  return info.Env().Undefined();
}

// TF32 in float32 products and convolutions on CUDA; elsewhere without effect.
Napi::Value allowTF32(const Napi::CallbackInfo& info) {
  const bool allow = info[0].As<Napi::Boolean>().Value();
  at::globalContext().setAllowTF32CuBLAS(allow);
  at::globalContext().setAllowTF32CuDNN(allow);
  return info.Env().Undefined();
}

// For large tensors in allocator.cc, for the rest in glibc's allocator, which gives memory back to the system at every free.
Napi::Value keepFreedMemory(const Napi::CallbackInfo& info) {
  keepLargePieces();
#ifdef __GLIBC__
  const bool kept = mallopt(M_MMAP_THRESHOLD, 1 << 30) == 1 && mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max()) == 1;
#else
  const bool kept = false;
#endif
  return Napi::Boolean::New(info.Env(), kept);
}

}  // namespace

void defineRuntime(Napi::Env, Napi::Object exports) {
  define<config>(exports, "config");
  define<parallelInfo>(exports, "parallelInfo");
  define<threads>(exports, "threads");
  define<setThreads>(exports, "setThreads");
  define<cudaDevices>(exports, "cudaDevices");
  define<manualSeed>(exports, "manualSeed");
  define<generatorState>(exports, "generatorState");
  define<setGeneratorState>(exports, "setGeneratorState");
  define<allowTF32>(exports, "allowTF32");
  define<keepFreedMemory>(exports, "keepFreedMemory");
}

}  // namespace addon
