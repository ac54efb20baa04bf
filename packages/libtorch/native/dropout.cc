// Factors of dropout on CPUs. PyTorch draws them there with bernoulli_, which takes longer than all else around it: in a small
// transformer a quarter of a training step.
#include "common.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <cstring>

// The same loops compiled for wider registers too, and chosen when the addon is loaded.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_WIDE_REGISTERS __attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define FOR_WIDE_REGISTERS
#endif

namespace addon {

namespace {

constexpr int64_t kBlock = 1024;  // numbers, of 16 random bits each

// Random bits as a function of seed and place (SplitMix64, Steele et al. 2014), so that threads do not matter.
FOR_WIDE_REGISTERS void draw(uint64_t* words, int64_t count, uint64_t seed) {
  for (int64_t i = 0; i < count; i++) {
    uint64_t z = seed + static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    words[i] = z ^ (z >> 31);
  }
}

// The bits of `kept` where a random number is not below `bound`, else those of 0.
FOR_WIDE_REGISTERS void choose32(const uint16_t* random, uint32_t* out, int64_t count, uint32_t bound, uint32_t kept) {
  for (int64_t i = 0; i < count; i++) out[i] = random[i] < bound ? 0 : kept;
}
FOR_WIDE_REGISTERS void choose16(const uint16_t* random, uint16_t* out, int64_t count, uint32_t bound, uint16_t kept) {
  for (int64_t i = 0; i < count; i++) out[i] = random[i] < bound ? 0 : kept;
}

// slot of x, share -> slot of factors, in x's type and order of memory; seeded by one draw of the default generator
Napi::Value dropoutFactors(const Napi::CallbackInfo& info) {
  const at::Tensor& x = tensorOf(info, 0);
  const double share = info[1].As<Napi::Number>().DoubleValue();
  TORCH_CHECK(x.device().is_cpu(), "they are drawn on CPUs only, and x is on ", x.device());
  TORCH_CHECK(x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16, "x must be float32 or bfloat16, it is ",
              x.scalar_type());
  const auto bound = static_cast<uint32_t>(std::lround(share * 65536));
  // What is dropped is a multiple of 1/65536; what is kept makes up for just that.
  const float factor = bound >= 65536 ? 0.0f : static_cast<float>(65536.0 / (65536.0 - bound));
  at::Tensor factors = at::empty_like(x.detach());
  const int64_t count = factors.numel();
  uint64_t seed;
  {
    auto generator = at::detail::getDefaultCPUGenerator();
    std::lock_guard<std::mutex> lock(generator.mutex());
    seed = at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
  }
  void* const data = factors.data_ptr();
  const bool wide = x.scalar_type() == at::kFloat;
  uint32_t kept32;
  std::memcpy(&kept32, &factor, sizeof kept32);
  const uint16_t kept16 = c10::BFloat16(factor).x;
  at::parallel_for(0, (count + kBlock - 1) / kBlock, 16, [&](int64_t begin, int64_t end) {
    alignas(64) uint64_t words[kBlock / 4];
    for (int64_t block = begin; block < end; block++) {
      const int64_t first = block * kBlock;
      const int64_t some = std::min(kBlock, count - first);
      draw(words, kBlock / 4, seed + static_cast<uint64_t>(first / 4) * 0x9e3779b97f4a7c15ULL);
      uint16_t random[kBlock];
      std::memcpy(random, words, sizeof random);
      if (wide) choose32(random, static_cast<uint32_t*>(data) + first, some, bound, kept32);
      else choose16(random, static_cast<uint16_t*>(data) + first, some, bound, kept16);
    }
  });
  return slotFor(info, std::move(factors));
}

}  // namespace

void defineDropout(Napi::Env, Napi::Object exports) { define<dropoutFactors>(exports, "dropoutFactors"); }

}  // namespace addon
