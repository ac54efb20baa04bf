// Kernels compiled at run time: NVRTC and the driver as libtorch itself has them, through libcaffe2_nvrtc, which is loaded
// when the first kernel is compiled. Compiled only with CUDA's headers, as cuda.cc is; of them it takes the driver's types.
#include "common.h"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

#include <map>
#include <mutex>

namespace addon {

namespace {

using c10::DeviceIndex;
using c10::cuda::CUDAGuard;

// NVRTC's functions, declared here: nvrtc.h is in a package of its own, and all of its types are opaque.
using Program = void*;
struct Library {
  int (*createProgram)(Program*, const char* source, const char* name, int, const char* const*, const char* const*);
  int (*compileProgram)(Program, int count, const char* const* options);
  int (*logSize)(Program, size_t*);
  int (*log)(Program, char*);
  int (*cubinSize)(Program, size_t*);
  int (*cubin)(Program, char*);
  int (*destroyProgram)(Program*);
  const char* (*errorString)(int);
  decltype(&cuCtxGetCurrent) currentContext;
  decltype(&cuModuleLoadData) loadModule;
  decltype(&cuModuleGetFunction) function;
  decltype(&cuFuncSetAttribute) setAttribute;
  decltype(&cuLaunchKernel) launch;
  decltype(&cuGetErrorString) driverErrorString;
#if CUDA_VERSION >= 12030
  CUresult (*launchWith)(const CUlaunchConfig*, CUfunction, void**, void**);  // null where the driver is older
#endif

  // Both libraries come with this one. It lies beside libtorch, where the addon's own path leads.
  Library() {
    void* handle = dlopen("libcaffe2_nvrtc.so", RTLD_NOW | RTLD_LOCAL);
    if (!handle) throw std::runtime_error(std::string("kernels cannot be compiled here: ") + dlerror());
    const auto find = [handle](auto& pointer, const char* name, bool needed = true) {
      void* address = dlsym(handle, name);
      if (!address && needed) throw std::runtime_error(std::string("kernels cannot be compiled here: there is no ") + name);
      pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(address);
    };
    find(createProgram, "nvrtcCreateProgram");
    find(compileProgram, "nvrtcCompileProgram");
    find(logSize, "nvrtcGetProgramLogSize");
    find(log, "nvrtcGetProgramLog");
    find(cubinSize, "nvrtcGetCUBINSize");
    find(cubin, "nvrtcGetCUBIN");
    find(destroyProgram, "nvrtcDestroyProgram");
    find(errorString, "nvrtcGetErrorString");
    find(currentContext, "cuCtxGetCurrent");
    find(loadModule, "cuModuleLoadData");
    find(function, "cuModuleGetFunction");
    find(setAttribute, "cuFuncSetAttribute");
    find(launch, "cuLaunchKernel");
    find(driverErrorString, "cuGetErrorString");
#if CUDA_VERSION >= 12030
    find(launchWith, "cuLaunchKernelEx", false);
#endif
  }

  void check(CUresult result, const char* what) const {
    if (result == CUDA_SUCCESS) return;
    const char* text = nullptr;
    driverErrorString(result, &text);
    throw std::runtime_error(std::string("CUDA error: ") + what + ": " + (text ? text : "an unknown error"));
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

// The device's own context is this thread's after any call of the runtime that needs one.
void makeCurrent() {
  CUcontext context = nullptr;
  library().check(library().currentContext(&context), "no context");
  if (!context) C10_CUDA_CHECK(cudaFree(nullptr));
}

int attributeOf(cudaDeviceAttr which, DeviceIndex device) {
  int value = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

std::string machineCode(const std::string& source, std::vector<std::string> options, DeviceIndex device) {
  const auto& nvrtc = library();
  options.push_back(
      "--gpu-architecture=sm_" + std::to_string(attributeOf(cudaDevAttrComputeCapabilityMajor, device)) +
      std::to_string(attributeOf(cudaDevAttrComputeCapabilityMinor, device)));
  std::vector<const char*> pointers;
  for (const auto& option : options) pointers.push_back(option.c_str());
  Program program = nullptr;
  if (const int code = nvrtc.createProgram(&program, source.c_str(), "kernel.cu", 0, nullptr, nullptr))
    throw std::runtime_error(std::string("the kernels' source was refused: ") + nvrtc.errorString(code));
  const std::unique_ptr<void, void (*)(void*)> owner(program, [](void* own) { library().destroyProgram(&own); });
  const int code = nvrtc.compileProgram(program, static_cast<int>(pointers.size()), pointers.data());
  size_t size = 0;
  if (code) {
    nvrtc.logSize(program, &size);
    std::string log(size, '\0');
    if (size > 0) nvrtc.log(program, log.data());
    throw std::runtime_error(std::string("the kernels do not compile: ") + nvrtc.errorString(code) + "\n" + log.c_str());
  }
  nvrtc.cubinSize(program, &size);
  std::string binary(size, '\0');
  nvrtc.cubin(program, binary.data());
  return binary;
}

// Of the whole process, by device and all that decides the code. Never unloaded: a recorded graph may hold its kernels.
CUmodule moduleFor(const std::string& source, const std::vector<std::string>& options, DeviceIndex device) {
  static std::mutex mutex;
  static std::map<std::string, CUmodule> modules;
  std::string key = std::to_string(device) + '\0' + source;
  for (const auto& option : options) key += '\0' + option;
  const std::lock_guard<std::mutex> lock(mutex);
  auto& module = modules[key];
  if (!module) {
    const auto binary = machineCode(source, options, device);
    library().check(library().loadModule(&module, binary.data()), "the compiled kernels cannot be loaded");
  }
  return module;
}

struct Kernel {
  CUfunction function;
  DeviceIndex device;
};

// (source, options, names, index of the device) -> kernels, in the order of the names
Napi::Value compileKernels(const Napi::CallbackInfo& info) {
  const auto device = static_cast<DeviceIndex>(slotOf(info[3]));
  const CUDAGuard guard(device);
  makeCurrent();
  std::vector<std::string> options;
  const auto given = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < given.Length(); i++) options.push_back(given.Get(i).As<Napi::String>().Utf8Value());
  const auto module = moduleFor(info[0].As<Napi::String>().Utf8Value(), options, device);
  const auto names = info[2].As<Napi::Array>();
  auto kernels = Napi::Array::New(info.Env());
  for (uint32_t i = 0; i < names.Length(); i++) {
    const auto name = names.Get(i).As<Napi::String>().Utf8Value();
    auto* kernel = new Kernel{nullptr, device};
    kernels.Set(i, Napi::External<Kernel>::New(info.Env(), kernel, [](Napi::Env, Kernel* own) { delete own; }));
    library().check(library().function(&kernel->function, module, name.c_str()), ("there is no kernel " + name).c_str());
  }
  return kernels;
}

// (kernel, [grid x, y, z, block x, y, z, shared bytes, dependent], one letter an argument, numbers): on the current
// stream. t: slot of a tensor, or -1 for a null pointer; i: int; l: long long; f: float; d: double
Napi::Value launchKernel(const Napi::CallbackInfo& info) {
  const auto& kernel = *info[0].As<Napi::External<Kernel>>().Data();
  const auto sizes = info[1].As<Napi::Int32Array>();
  const auto kinds = info[2].As<Napi::String>().Utf8Value();
  const auto numbers = info[3].As<Napi::Float64Array>();
  const auto& slots = Environment::of(info.Env()).slots;
  union Argument {
    void* t;
    int i;
    long long l;
    float f;
    double d;
  };
  std::vector<Argument> values(kinds.size());
  std::vector<void*> pointers(kinds.size());
  for (size_t i = 0; i < kinds.size(); i++) {
    auto& value = values[i];
    pointers[i] = &value;
    switch (kinds[i]) {
      case 't': {
        value.t = nullptr;
        if (numbers[i] < 0) break;
        const auto& tensor = slots.get(static_cast<int32_t>(numbers[i]));
        if (!tensor.is_cuda() || tensor.device().index() != kernel.device || !tensor.is_contiguous())
          throw std::runtime_error(
              "argument " + std::to_string(i) + " of the kernel must be contiguous and on cuda:" +
              std::to_string(int(kernel.device)) + ", it is " + (tensor.is_contiguous() ? "" : "not contiguous, ") +
              "on " + tensor.device().str());
        value.t = tensor.data_ptr();
        break;
      }
      case 'i':
        value.i = static_cast<int>(numbers[i]);
        break;
      case 'l':
        value.l = static_cast<long long>(numbers[i]);
        break;
      case 'f':
        value.f = static_cast<float>(numbers[i]);
        break;
      default:
        value.d = numbers[i];
    }
  }
  const CUDAGuard guard(kernel.device);
  makeCurrent();
  const auto& driver = library();
  CUstream stream = c10::cuda::getCurrentCUDAStream(kernel.device).stream();
  const auto size = [&sizes](size_t i) { return static_cast<unsigned>(sizes[i]); };
  const auto shared = size(6);
  if (shared > 48 * 1024)
    driver.check(
        driver.setAttribute(kernel.function, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, static_cast<int>(shared)),
        "so much shared memory is not there");
#if CUDA_VERSION >= 12030
  if (sizes[7] && driver.launchWith) {
    CUlaunchAttribute early{};
    early.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION;
    early.value.programmaticStreamSerializationAllowed = 1;
    CUlaunchConfig config{};
    config.gridDimX = size(0);
    config.gridDimY = size(1);
    config.gridDimZ = size(2);
    config.blockDimX = size(3);
    config.blockDimY = size(4);
    config.blockDimZ = size(5);
    config.sharedMemBytes = shared;
    config.hStream = stream;
    config.attrs = &early;
    config.numAttrs = 1;
    driver.check(driver.launchWith(&config, kernel.function, pointers.data(), nullptr), "a kernel cannot be launched");
    return info.Env().Undefined();
  }
#endif
  driver.check(
      driver.launch(
          kernel.function, size(0), size(1), size(2), size(3), size(4), size(5), shared, stream, pointers.data(), nullptr),
      "a kernel cannot be launched");
  return info.Env().Undefined();
}

}  // namespace

void defineCudaKernels(Napi::Object cuda) {
  define<compileKernels>(cuda, "compileKernels");
  define<launchKernel>(cuda, "launchKernel");
}

}  // namespace addon

#else

namespace addon {

void defineCudaKernels(Napi::Object) {}

}  // namespace addon

#endif
