// In place of cuda.cc where CUDA's headers were not found: CUDA tensors still work, streams and graphs do not.
#include "common.h"

namespace addon {

void defineCuda(Napi::Env, Napi::Object) {}

}  // namespace addon
