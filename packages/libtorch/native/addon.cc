// Entry of the addon: one Environment for each JavaScript environment that loads it.
#include "common.h"
#include "operator.h"

#include <c10/util/Exception.h>

namespace addon {

Environment::~Environment() = default;

std::string sentence(const std::exception& error) {
  const auto* own = dynamic_cast<const c10::Error*>(&error);
  std::string text = own ? own->what_without_backtrace() : error.what();
  // Newer versions append the C++ stack even so.
  for (const char* tail : {"\nException raised from", "\nC++ CapturedTraceback"}) {
    const auto at = text.find(tail);
    if (at != std::string::npos) text.resize(at);
  }
  // Pages on how PyTorch itself is built follow where a kind of device is not there.
  for (const char* advice : {" This could be because", " PyTorch splits its backend"}) {
    const auto at = text.find(advice);
    if (at != std::string::npos) text = text.substr(0, at) + " This build of libtorch has no such device.";
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  if (text.find("CUDA error") != std::string::npos)
    text += " (CUDA reports late: run again with CUDA_LAUNCH_BLOCKING=1 to see the call that failed)";
  return text;
}

static Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment());
  defineAllocator();
  exports.Set("compiledVersion", TORCH_VERSION);
  defineTensor(env, exports);
  defineOperator(env, exports);
  defineAutograd(env, exports);
  defineRuntime(env, exports);
  defineDropout(env, exports);
  defineC10d(env, exports);
  defineCuda(env, exports);
  return exports;
}

NODE_API_MODULE(libtorch, init)

}  // namespace addon
