// Gradients, and the modes of the calling thread: grad, inference, autocast.
#include "common.h"

#include <ATen/Functions.h>
#include <ATen/autocast_mode.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/variable.h>

namespace addon {

namespace {

bool flag(const Napi::CallbackInfo& info, size_t i) { return info[i].As<Napi::Boolean>().Value(); }

// (outputs, gradients or -1, retain graph, create graph, inputs: empty for every leaf)
Napi::Value backward(const Napi::CallbackInfo& info) {
  torch::autograd::backward(
      tensorsOf(info, 0), tensorsOf(info, 1), flag(info, 2), flag(info, 3), tensorsOf(info, 4));
  return info.Env().Undefined();
}

// (outputs, inputs, gradients or -1, retain graph, create graph) -> slots, -1 where an output does not depend on it
Napi::Value grad(const Napi::CallbackInfo& info) {
  return slotsFor(
      info,
      torch::autograd::grad(
          tensorsOf(info, 0), tensorsOf(info, 1), tensorsOf(info, 2), flag(info, 3), flag(info, 4), true));
}

Napi::Value requiresGrad(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorOf(info, 0).requires_grad());
}
Napi::Value setRequiresGrad(const Napi::CallbackInfo& info) {
  tensorOf(info, 0).requires_grad_(flag(info, 1));
  return info.Env().Undefined();
}
Napi::Value isLeaf(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), tensorOf(info, 0).is_leaf());
}
// slot -> slot of its gradient, -1 where there is none
Napi::Value gradOf(const Napi::CallbackInfo& info) {
  const auto& gradient = tensorOf(info, 0).grad();
  return gradient.defined() ? slotFor(info, gradient) : Napi::Number::New(info.Env(), -1);
}
Napi::Value setGrad(const Napi::CallbackInfo& info) {
  const int32_t slot = slotOf(info[1]);
  tensorOf(info, 0).mutable_grad() = slot < 0 ? at::Tensor() : tensorOf(info, 1);
  return info.Env().Undefined();
}

Napi::Value gradEnabled(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), c10::GradMode::is_enabled());
}
Napi::Value setGradEnabled(const Napi::CallbackInfo& info) {
  c10::GradMode::set_enabled(flag(info, 0));
  return info.Env().Undefined();
}
Napi::Value enterInference(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).inference.push_back(std::make_unique<c10::InferenceMode>(true));
  return info.Env().Undefined();
}
Napi::Value leaveInference(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).inference.pop_back();
  return info.Env().Undefined();
}

// The switch is a pair of functions a device in old versions, one function of the device in new ones.
bool autocastEnabled(c10::DeviceType device) {
#if LIBTORCH_AT_LEAST(2, 4)
  return at::autocast::is_autocast_enabled(device);
#else
  return device == c10::DeviceType::CPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
#endif
}
at::ScalarType autocastType(c10::DeviceType device) {
#if LIBTORCH_AT_LEAST(2, 4)
  return at::autocast::get_autocast_dtype(device);
#else
  return device == c10::DeviceType::CPU ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
#endif
}
// The type first: where it is refused, nothing has changed.
void setAutocast(c10::DeviceType device, bool enabled, at::ScalarType dtype) {
#if LIBTORCH_AT_LEAST(2, 4)
  at::autocast::set_autocast_dtype(device, dtype);
  at::autocast::set_autocast_enabled(device, enabled);
#else
  if (device == c10::DeviceType::CPU) {
    at::autocast::set_autocast_cpu_dtype(dtype);
    at::autocast::set_cpu_enabled(enabled);
  } else {
    at::autocast::set_autocast_gpu_dtype(dtype);
    at::autocast::set_enabled(enabled);
  }
#endif
}

// (device, enabled, dtype code) -> [was enabled, its dtype code]
Napi::Value enterAutocast(const Napi::CallbackInfo& info) {
  const auto device = c10::Device(info[0].As<Napi::String>().Utf8Value()).type();
  auto before = Napi::Array::New(info.Env(), 2);
  before.Set(uint32_t{0}, Napi::Boolean::New(info.Env(), autocastEnabled(device)));
  before.Set(uint32_t{1}, static_cast<double>(autocastType(device)));
  setAutocast(device, flag(info, 1), static_cast<at::ScalarType>(slotOf(info[2])));
  at::autocast::increment_nesting();
  return before;
}
Napi::Value leaveAutocast(const Napi::CallbackInfo& info) {
  const auto device = c10::Device(info[0].As<Napi::String>().Utf8Value()).type();
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  setAutocast(device, flag(info, 1), static_cast<at::ScalarType>(slotOf(info[2])));
  return info.Env().Undefined();
}

// Autocast keeps casts of weights for the length of its outermost scope; casts made without grad must not be kept.
Napi::Value setAutocastCache(const Napi::CallbackInfo& info) {
  const bool before = at::autocast::is_autocast_cache_enabled();
  at::autocast::set_autocast_cache_enabled(flag(info, 0));
  return Napi::Boolean::New(info.Env(), before);
}

}  // namespace

void defineAutograd(Napi::Env, Napi::Object exports) {
  define<backward>(exports, "backward");
  define<grad>(exports, "grad");
  define<requiresGrad>(exports, "requiresGrad");
  define<setRequiresGrad>(exports, "setRequiresGrad");
  define<isLeaf>(exports, "isLeaf");
  define<gradOf>(exports, "gradOf");
  define<setGrad>(exports, "setGrad");
  define<gradEnabled>(exports, "gradEnabled");
  define<setGradEnabled>(exports, "setGradEnabled");
  define<enterInference>(exports, "enterInference");
  define<leaveInference>(exports, "leaveInference");
  define<enterAutocast>(exports, "enterAutocast");
  define<leaveAutocast>(exports, "leaveAutocast");
  define<setAutocastCache>(exports, "setAutocastCache");
}

}  // namespace addon
