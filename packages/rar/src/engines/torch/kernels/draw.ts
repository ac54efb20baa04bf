/** CUDA C: drawing the token of every image, as `draw.ts` and `noise.ts` next door do it with many operators. */

/**
 * A block draws for one image: guidance, division by the temperature, Gumbel noise from Philox, the first of the largest.
 * Logits that are not finite are counted. Defines: CODES, LOGIT (the logits' type: float, or unsigned short for bfloat16).
 */
export const drawSource = `
#define DRAW_THREADS 256

__device__ __forceinline__ float logit(float v) { return v; }
__device__ __forceinline__ float logit(unsigned short v) { return __uint_as_float((unsigned)v << 16); }

// Philox 4x32-10 (Salmon et al. 2011): the word of one lane.
__device__ __forceinline__ unsigned philoxWord(unsigned a, unsigned b, unsigned c, unsigned d, unsigned keyA, unsigned keyB, int lane) {
#pragma unroll
  for (int round = 0; round < 10; round++) {
    const unsigned long long first = 0xd2511f53ull * a, second = 0xcd9e8d57ull * c;
    a = (unsigned)(second >> 32) ^ b ^ keyA;
    c = (unsigned)(first >> 32) ^ d ^ keyB;
    b = (unsigned)second;
    d = (unsigned)first;
    keyA += 0x9e3779b9u;
    keyB += 0xbb67ae85u;
  }
  return lane == 0 ? a : lane == 1 ? b : lane == 2 ? c : d;
}

// indices: by image, low word then high word with the domain. temperature 0: the likeliest. tokens: [images]
extern "C" __global__ void __launch_bounds__(DRAW_THREADS) draw(
    const LOGIT* logits, int images, int guided, float factor, double temperature, int place, int seedLow, int seedHigh,
    const int* indices, long long* tokens, int* broken) {
  constexpr int EACH = (CODES + DRAW_THREADS - 1) / DRAW_THREADS;
  __shared__ float scratch[DRAW_THREADS / 32];
  __shared__ double values[DRAW_THREADS];
  __shared__ int codes[DRAW_THREADS];
  const int image = blockIdx.x;
  float row[EACH];
  float largest = -INFINITE;
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    const int code = threadIdx.x + i * DRAW_THREADS;
    if (code >= CODES) continue;
    row[i] = logit(logits[(size_t)image * CODES + code]);
    if (guided) {
      const float without = logit(logits[(size_t)(images + image) * CODES + code]);
      // rounded at each step, as operators do it
      row[i] = __fadd_rn(without, __fmul_rn(__fsub_rn(row[i], without), factor));
    }
    if (!(fabsf(row[i]) < INFINITE)) broken[0] = 1;
    largest = fmaxf(largest, row[i]);
  }
  largest = warpMax(largest);
  if (LANE == 0) scratch[WARP] = largest;
  __syncthreads();
  for (int w = 0; w < DRAW_THREADS / 32; w++) largest = fmaxf(largest, scratch[w]);
  double best = -INFINITE;
  int chosen = CODES;
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    const int code = threadIdx.x + i * DRAW_THREADS;
    if (code >= CODES) continue;
    double value = row[i];
    if (temperature != 0) {
      const unsigned word = philoxWord(code / 4, place, indices[2 * image], indices[2 * image + 1], seedLow, seedHigh, code % 4);
      const double u = (word + 0.5) * 2.3283064365386963e-10; // 2^-32
      value = ((double)row[i] - (double)largest) / temperature + -log(-log(u));
    }
    if (value > best) {
      best = value;
      chosen = code;
    }
  }
  values[threadIdx.x] = best;
  codes[threadIdx.x] = chosen;
  for (int half = DRAW_THREADS / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= half) continue;
    const double other = values[threadIdx.x + half];
    const int code = codes[threadIdx.x + half];
    if (other > values[threadIdx.x] || (other == values[threadIdx.x] && code < codes[threadIdx.x])) {
      values[threadIdx.x] = other;
      codes[threadIdx.x] = code;
    }
  }
  if (threadIdx.x == 0) tokens[image] = codes[0] < CODES ? codes[0] : 0;
}
`;
