// What every file of the addon shares: the state of one JavaScript environment, and how C++ errors become JavaScript's.
#pragma once
#include <napi.h>

#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/InferenceMode.h>
#include <torch/version.h>
#if __has_include(<c10/util/Optional.h>)
#include <c10/util/Optional.h>
#endif

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#define LIBTORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) || (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

namespace addon {

// A type of its own in old versions, std::optional in new ones.
#if __has_include(<c10/util/Optional.h>)
template <class T>
using Optional = c10::optional<T>;
#else
template <class T>
using Optional = std::optional<T>;
#endif

// Tensors by number. A number that was released is given out again: only TypeScript's Tensor may hold one.
class Slots {
 public:
  int32_t put(at::Tensor tensor);
  const at::Tensor& get(int32_t slot) const;
  bool holds(int32_t slot) const {
    return slot >= 0 && slot < static_cast<int32_t>(tensors_.size()) && tensors_[slot].defined();
  }
  void release(int32_t slot);
  size_t live() const { return tensors_.size() - free_.size(); }
  // Bytes of the distinct storages that live tensors hold.
  int64_t bytes() const;

 private:
  std::vector<at::Tensor> tensors_;
  std::vector<int32_t> free_;
};

// Slots of a list on their way to JavaScript: in the environment's array `listed`, and JavaScript is told how many; a list
// that is longer than it in an array of its own. Making an array for each list takes as long as a small operator.
class SlotList {
 public:
  SlotList(Napi::Env env, size_t length);
  void add(int32_t slot) { slots_[count_++] = slot; }
  napi_value value() const;

 private:
  Napi::Env env_;
  Napi::Int32Array own_;  // empty for a list that fits
  int32_t* slots_;
  int32_t count_ = 0;
};

struct Operator;

// Everything that belongs to one environment (the main thread or one worker). No state is global.
struct Environment {
  Slots slots;
  Napi::Reference<Napi::Int32Array> listed;
  int32_t* listedSlots = nullptr;
  std::vector<std::unique_ptr<Operator>> operators;
  std::vector<std::unique_ptr<c10::InferenceMode>> inference;
  ~Environment();
  static Environment& of(napi_env env) {
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    return *static_cast<Environment*>(data);
  }
};

// A sentence for a C++ error: PyTorch's own, without the C++ stack.
std::string sentence(const std::exception& error);

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return function(info);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(info.Env(), sentence(error));
  }
}

template <Function function>
void define(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<guarded<function>>(exports.Env(), name));
}

// Arguments of the functions that are not operators. TypeScript has checked their types.
inline int32_t slotOf(const Napi::Value& value) { return value.As<Napi::Number>().Int32Value(); }
inline const at::Tensor& tensorOf(const Napi::CallbackInfo& info, size_t i) {
  return Environment::of(info.Env()).slots.get(slotOf(info[i]));
}
inline Napi::Value slotFor(const Napi::CallbackInfo& info, at::Tensor tensor) {
  return Napi::Number::New(info.Env(), Environment::of(info.Env()).slots.put(std::move(tensor)));
}
// An Int32Array of slots; -1 stands for an undefined tensor.
std::vector<at::Tensor> tensorsOf(const Napi::CallbackInfo& info, size_t i);
Napi::Value slotsFor(const Napi::CallbackInfo& info, const std::vector<at::Tensor>& tensors);

void defineAllocator();  // once a process
void keepLargePieces();
void defineTensor(Napi::Env, Napi::Object exports);
void defineOperator(Napi::Env, Napi::Object exports);
void defineAutograd(Napi::Env, Napi::Object exports);
void defineRuntime(Napi::Env, Napi::Object exports);
void defineDropout(Napi::Env, Napi::Object exports);
void defineC10d(Napi::Env, Napi::Object exports);  // c10d.cc
void defineCuda(Napi::Env, Napi::Object exports);         // cuda.cc, or cuda-absent.cc without CUDA's headers
void defineCudaKernels(Napi::Object cuda);  // cuda-kernel.cc, with CUDA's headers only

}  // namespace addon
