// What the files about several processes share: handles to C++ objects, and the process group.
#pragma once
#include "common.h"

#include <torch/csrc/distributed/c10d/Store.hpp>
#if LIBTORCH_AT_LEAST(2, 0)
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

namespace addon {

#if LIBTORCH_AT_LEAST(2, 0)
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

// A C++ object in JavaScript's hands, freed when it is closed or, at the latest, when the environment ends.
template <class T>
Napi::Value handle(const Napi::CallbackInfo& info, std::shared_ptr<T> object) {
  return Napi::External<std::shared_ptr<T>>::New(
      info.Env(), new std::shared_ptr<T>(std::move(object)), [](Napi::Env, std::shared_ptr<T>* held) { delete held; });
}
template <class T>
const std::shared_ptr<T>& held(const Napi::CallbackInfo& info, size_t i) {
  const auto& object = *info[i].As<Napi::External<std::shared_ptr<T>>>().Data();
  if (!object) throw std::runtime_error("it was closed");
  return object;
}
template <class T>
Napi::Value closeHandle(const Napi::CallbackInfo& info) {
  info[0].As<Napi::External<std::shared_ptr<T>>>().Data()->reset();
  return info.Env().Undefined();
}

// The processes that work together: gloo for tensors on the CPU, NCCL for those on CUDA where it was asked for.
class Group {
 public:
  Group(c10::intrusive_ptr<Backend> gloo, c10::intrusive_ptr<Backend> nccl)
      : size(gloo->getSize()), gloo_(std::move(gloo)), nccl_(std::move(nccl)) {}
  Backend& host() {
    if (!gloo_) throw std::runtime_error("the process group was closed");
    return *gloo_;
  }
  Backend& of(const at::Tensor& tensor) { return nccl_ && tensor.is_cuda() ? *nccl_ : host(); }
  // Ends the connections, also while others still hold the group.
  void close() {
    nccl_.reset();
    gloo_.reset();
  }
  const int size;

 private:
  c10::intrusive_ptr<Backend> gloo_;
  c10::intrusive_ptr<Backend> nccl_;
};

void defineAveraging(Napi::Env, Napi::Object exports);  // averaging.cc

}  // namespace addon
