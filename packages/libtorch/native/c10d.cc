#include "common.h"
namespace addon {
void defineC10d(Napi::Env, Napi::Object) {}
}  // namespace addon
