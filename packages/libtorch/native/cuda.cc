// Streams, events, graphs and memory of CUDA devices: with cuda-kernel.cc the only file that includes CUDA's headers, of
// which it needs cuda_runtime_api.h alone. A stream, event or graph goes to JavaScript as an External, which src/cuda wraps.
#include "common.h"

#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <mutex>

namespace addon {

namespace {

using c10::DeviceIndex;
using c10::cuda::CUDAGuard;
using c10::cuda::CUDAStream;
namespace allocator = c10::cuda::CUDACachingAllocator;

// What an External owns. One base, so that a wrong one is told by its type.
struct Held {
  virtual ~Held() = default;
};

struct Stream final : Held {
  static constexpr auto what = "stream";
  CUDAStream stream;
  explicit Stream(CUDAStream own) : stream(own) {}
};

// The device and its stream that were current before another stream was entered.
struct Before final : Held {
  static constexpr auto what = "stream that was entered";
  CUDAStream stream;
  DeviceIndex device;
  Before(CUDAStream own, DeviceIndex index) : stream(own), device(index) {}
};

// Belongs to the device of the stream that records it first, so it is made only then.
struct Event final : Held {
  static constexpr auto what = "event";
  cudaEvent_t event = nullptr;
  DeviceIndex device = -1;
  const bool timing;
  explicit Event(bool times) : timing(times) {}
  ~Event() override {
    if (event) (void)cudaEventDestroy(event);
  }
};

// PyTorch's graph. From 2.14 on it gives everything back by itself where a capture fails.
struct CapturedWork : at::cuda::CUDAGraph {
#if !LIBTORCH_AT_LEAST(2, 14)
  // The allocator must stop to hand out the graph's own memory, or it takes the capture for one still under way.
  void giveUp() {
#if LIBTORCH_AT_LEAST(2, 5)
    try {
      allocator::endAllocateToPool(capture_dev_, mempool_id_);
      allocator::releasePool(capture_dev_, mempool_id_);
    } catch (const c10::Error&) {
      // It had stopped already.
    }
#endif
  }
#endif
};

struct Graph final : Held {
  static constexpr auto what = "graph";
  std::unique_ptr<CapturedWork> graph = std::make_unique<CapturedWork>();
  bool unfinished = false;
  // Before 2.14 a pointer to the graph of a failed capture may stay in a table of PyTorch's: better a small leak.
  ~Graph() override {
#if !LIBTORCH_AT_LEAST(2, 14)
    if (unfinished) (void)graph.release();
#endif
  }
};

template <class T, class... Arguments>
Napi::Value hand(const Napi::CallbackInfo& info, Arguments... arguments) {
  return Napi::External<Held>::New(
      info.Env(), new T(arguments...), [](Napi::Env, Held* object) { delete object; });
}

template <class T>
T& held(const Napi::CallbackInfo& info, size_t i) {
  auto* object = info[i].IsExternal() ? dynamic_cast<T*>(info[i].As<Napi::External<Held>>().Data()) : nullptr;
  if (!object) throw std::runtime_error(std::string("a CUDA ") + T::what + " is wanted here");
  return *object;
}

bool flag(const Napi::CallbackInfo& info, size_t i) { return info[i].ToBoolean().Value(); }

// The index of "cuda:1"; of "cuda" the current one. Everything starts here, so here is CUDA made ready.
DeviceIndex deviceOf(const Napi::CallbackInfo& info, size_t i) {
  const int count = c10::cuda::device_count();
  if (count == 0) throw std::runtime_error("there is no CUDA device here");
  const c10::Device device(info[i].IsString() ? info[i].As<Napi::String>().Utf8Value() : "cuda");
  if (!device.is_cuda()) throw std::runtime_error(device.str() + " is no CUDA device");
  if (device.index() >= count)
    throw std::runtime_error(
        device.str() + " is not there: this machine has " + std::to_string(count) + " CUDA device(s), from cuda:0");
  // The call that does this has had two names; making a tensor does it in every version.
  static std::once_flag ready;
  std::call_once(ready, [] { at::empty({0}, at::TensorOptions().device(c10::kCUDA)); });
  return device.has_index() ? device.index() : c10::cuda::current_device();
}

Napi::Value synchronize(const Napi::CallbackInfo& info) {
  const CUDAGuard guard(deviceOf(info, 0));
  c10::cuda::device_synchronize();
  return info.Env().Undefined();
}

// 0, 1, 2: waiting for the device goes unnoticed, gives a warning, is an error
Napi::Value setSyncDebug(const Napi::CallbackInfo& info) {
  deviceOf(info, 1);
  c10::cuda::warning_state().set_sync_debug_mode(static_cast<c10::cuda::SyncDebugMode>(slotOf(info[0])));
  return info.Env().Undefined();
}

// (device, high priority) -> stream of the pool
Napi::Value stream(const Napi::CallbackInfo& info) {
  const auto device = deviceOf(info, 0);
  return hand<Stream>(info, c10::cuda::getStreamFromPool(flag(info, 1), device));
}
Napi::Value currentStream(const Napi::CallbackInfo& info) {
  return hand<Stream>(info, c10::cuda::getCurrentCUDAStream(deviceOf(info, 0)));
}
// stream -> what leaveStream takes to undo it
Napi::Value enterStream(const Napi::CallbackInfo& info) {
  const auto own = held<Stream>(info, 0).stream;
  const auto before = hand<Before>(
      info, c10::cuda::getCurrentCUDAStream(own.device_index()), DeviceIndex(c10::cuda::current_device()));
  c10::cuda::set_device(own.device_index());
  c10::cuda::setCurrentCUDAStream(own);
  return before;
}
Napi::Value leaveStream(const Napi::CallbackInfo& info) {
  const auto& before = held<Before>(info, 0);
  c10::cuda::setCurrentCUDAStream(before.stream);
  c10::cuda::set_device(before.device);
  return info.Env().Undefined();
}
Napi::Value synchronizeStream(const Napi::CallbackInfo& info) {
  held<Stream>(info, 0).stream.synchronize();
  return info.Env().Undefined();
}
// Whether all of its work is done.
Napi::Value queryStream(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), held<Stream>(info, 0).stream.query());
}
// (slot, stream): the tensor's memory is not given out again before the stream's work so far is done
Napi::Value recordStream(const Napi::CallbackInfo& info) {
  const auto& tensor = tensorOf(info, 0);
  if (!tensor.is_cuda()) throw std::runtime_error("only a tensor on a CUDA device can be used by a stream");
  allocator::recordStream(tensor.storage().data_ptr(), held<Stream>(info, 1).stream);
  return info.Env().Undefined();
}

Napi::Value event(const Napi::CallbackInfo& info) {
  deviceOf(info, 1);
  return hand<Event>(info, flag(info, 0));
}
// (event, stream)
Napi::Value recordEvent(const Napi::CallbackInfo& info) {
  auto& own = held<Event>(info, 0);
  const auto& on = held<Stream>(info, 1).stream;
  const CUDAGuard guard(on.device_index());
  if (!own.event) {
    C10_CUDA_CHECK(cudaEventCreateWithFlags(&own.event, own.timing ? cudaEventDefault : cudaEventDisableTiming));
    own.device = on.device_index();
  }
  if (own.device != on.device_index())
    throw std::runtime_error("an event can only be recorded again on the device where it was recorded first");
  C10_CUDA_CHECK(cudaEventRecord(own.event, on.stream()));
  return info.Env().Undefined();
}
// (event, stream): the stream's further work waits for the event; for one never recorded there is nothing to wait for
Napi::Value waitEvent(const Napi::CallbackInfo& info) {
  const auto& own = held<Event>(info, 0);
  const auto& on = held<Stream>(info, 1).stream;
  if (!own.event) return info.Env().Undefined();
  const CUDAGuard guard(on.device_index());
  C10_CUDA_CHECK(cudaStreamWaitEvent(on.stream(), own.event, 0));
  return info.Env().Undefined();
}
Napi::Value synchronizeEvent(const Napi::CallbackInfo& info) {
  const auto& own = held<Event>(info, 0);
  if (own.event) C10_CUDA_CHECK(cudaEventSynchronize(own.event));
  return info.Env().Undefined();
}
// (event, later event) -> milliseconds between them; waits for both
Napi::Value elapsed(const Napi::CallbackInfo& info) {
  const auto& from = held<Event>(info, 0);
  const auto& to = held<Event>(info, 1);
  if (!from.timing || !to.timing) throw std::runtime_error("both events must have been made with timing");
  if (!from.event || !to.event) throw std::runtime_error("both events must have been recorded");
  const CUDAGuard guard(from.device);
  C10_CUDA_CHECK(cudaEventSynchronize(from.event));
  C10_CUDA_CHECK(cudaEventSynchronize(to.event));
  float milliseconds = 0;
  C10_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, from.event, to.event));
  return Napi::Number::New(info.Env(), milliseconds);
}

Napi::Value graph(const Napi::CallbackInfo& info) {
  deviceOf(info, 0);
  return hand<Graph>(info);
}
// (graph, graph whose memory it shares or undefined, capture mode), on the current stream. PyTorch registers the
// device's default generator with the capture, and there is no other here; but it must have been made before.
Napi::Value captureBegin(const Napi::CallbackInfo& info) {
  auto& own = held<Graph>(info, 0);
  decltype(own.graph->pool()) pool{0, 0};
  if (info[1].IsExternal()) pool = held<Graph>(info, 1).graph->pool();
  (void)at::globalContext().defaultGenerator(c10::Device(c10::kCUDA, c10::cuda::current_device()));
  own.unfinished = true;
#if LIBTORCH_AT_LEAST(2, 1)
  own.graph->capture_begin(pool, static_cast<cudaStreamCaptureMode>(slotOf(info[2])));
#else
  own.graph->capture_begin(pool);
#endif
  return info.Env().Undefined();
}
Napi::Value captureEnd(const Napi::CallbackInfo& info) {
  auto& own = held<Graph>(info, 0);
#if LIBTORCH_AT_LEAST(2, 14)
  own.graph->capture_end();
#else
  try {
    own.graph->capture_end();
  } catch (...) {
    own.graph->giveUp();
    throw;
  }
#endif
  own.unfinished = false;
  return info.Env().Undefined();
}
Napi::Value replay(const Napi::CallbackInfo& info) {
  held<Graph>(info, 0).graph->replay();
  return info.Env().Undefined();
}
Napi::Value resetGraph(const Napi::CallbackInfo& info) {
  auto& own = held<Graph>(info, 0);
  if (!own.unfinished || LIBTORCH_AT_LEAST(2, 14)) own.graph->reset();
  return info.Env().Undefined();
}

// device -> bytes: [of living tensors, their peak, held by the allocator, its peak, free on the device, its total]
Napi::Value memory(const Napi::CallbackInfo& info) {
  const auto device = deviceOf(info, 0);
  const auto statistics = allocator::getDeviceStats(device);
  const CUDAGuard guard(device);
  size_t free = 0;
  size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const double bytes[] = {
      static_cast<double>(statistics.allocated_bytes[0].current), static_cast<double>(statistics.allocated_bytes[0].peak),
      static_cast<double>(statistics.reserved_bytes[0].current),  static_cast<double>(statistics.reserved_bytes[0].peak),
      static_cast<double>(free),                                  static_cast<double>(total)};
  auto out = Napi::Array::New(info.Env(), std::size(bytes));
  for (uint32_t i = 0; i < std::size(bytes); i++) out.Set(i, bytes[i]);
  return out;
}
Napi::Value resetPeakMemory(const Napi::CallbackInfo& info) {
  allocator::resetPeakStats(deviceOf(info, 0));
  return info.Env().Undefined();
}
Napi::Value emptyCache(const Napi::CallbackInfo& info) {
  deviceOf(info, 0);
  allocator::emptyCache();
  return info.Env().Undefined();
}

int attribute(cudaDeviceAttr which, DeviceIndex device) {
  int value = 0;
  C10_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

// device -> [name, bytes, compute capability's two numbers, multiprocessors, bytes of L2 cache, memory clock in kHz,
// bus width in bits]; the last two are 0 where the driver does not tell
Napi::Value properties(const Napi::CallbackInfo& info) {
  const auto device = deviceOf(info, 0);
  cudaDeviceProp all{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&all, device));
  auto out = Napi::Array::New(info.Env());
  uint32_t i = 0;
  out.Set(i++, static_cast<const char*>(all.name));
  out.Set(i++, static_cast<double>(all.totalGlobalMem));
  for (const auto which :
       {cudaDevAttrComputeCapabilityMajor, cudaDevAttrComputeCapabilityMinor, cudaDevAttrMultiProcessorCount,
        cudaDevAttrL2CacheSize, cudaDevAttrMemoryClockRate, cudaDevAttrGlobalMemoryBusWidth})
    out.Set(i++, static_cast<double>(attribute(which, device)));
  return out;
}

// "cuda" or "cuda:1" -> its number
Napi::Value deviceIndex(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(deviceOf(info, 0)));
}

}  // namespace

void defineCuda(Napi::Env env, Napi::Object exports) {
  // Headers of another CUDA than libtorch's own would describe other functions and structures: as good as none.
  int running = 0;
  if (cudaRuntimeGetVersion(&running) != cudaSuccess || running / 1000 != CUDART_VERSION / 1000) return;
  auto cuda = Napi::Object::New(env);
  define<synchronize>(cuda, "synchronize");
  define<setSyncDebug>(cuda, "setSyncDebug");
  define<stream>(cuda, "stream");
  define<currentStream>(cuda, "currentStream");
  define<enterStream>(cuda, "enterStream");
  define<leaveStream>(cuda, "leaveStream");
  define<synchronizeStream>(cuda, "synchronizeStream");
  define<queryStream>(cuda, "queryStream");
  define<recordStream>(cuda, "recordStream");
  define<event>(cuda, "event");
  define<recordEvent>(cuda, "recordEvent");
  define<waitEvent>(cuda, "waitEvent");
  define<synchronizeEvent>(cuda, "synchronizeEvent");
  define<elapsed>(cuda, "elapsed");
  define<graph>(cuda, "graph");
  define<captureBegin>(cuda, "captureBegin");
  define<captureEnd>(cuda, "captureEnd");
  define<replay>(cuda, "replay");
  define<resetGraph>(cuda, "resetGraph");
  define<memory>(cuda, "memory");
  define<resetPeakMemory>(cuda, "resetPeakMemory");
  define<emptyCache>(cuda, "emptyCache");
  define<properties>(cuda, "properties");
  define<deviceIndex>(cuda, "deviceIndex");
  defineCudaKernels(cuda);
  exports.Set("cuda", cuda);
}

}  // namespace addon
