/** CUDA C: drawing the token of every image, as `draw.ts` and `noise.ts` next door do it with many operators. */

/**
 * A block draws for one image: guidance, division by the temperature, Gumbel noise from Philox, the first of the largest.
 * The place is the one after the last position's, and then that position's successor is the one to embed. Defines: CODES.
 */
export const drawSource = `
#define DRAW_THREADS 256

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

// factors: by place. temperature 0: the likeliest. words: of the seed, low then high; then of each image's index, the high one
// with the domain. tokens: [places, images]. broken: set to 1 where a logit is not finite
extern "C" __global__ void __launch_bounds__(DRAW_THREADS) draw(
    const float* logits, int guided, const float* factors, const double* temperatures, const int* words, int* state,
    long long* tokens, int* broken) {
  constexpr int EACH = (CODES + DRAW_THREADS - 1) / DRAW_THREADS;
  __shared__ float scratch[DRAW_THREADS / 32];
  __shared__ double values[DRAW_THREADS];
  __shared__ int codes[DRAW_THREADS];
  const int image = blockIdx.x, images = gridDim.x;
  waitForPredecessor();
  letSuccessorStart();
  const int place = state[0] - 1;
  if (image == 0 && threadIdx.x == 0) state[2] = place + 2;
  const float factor = factors[place];
  const double temperature = temperatures[0];
  float row[EACH];
  float largest = -INFINITE;
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    const int code = threadIdx.x + i * DRAW_THREADS;
    if (code >= CODES) continue;
    row[i] = logits[(size_t)image * CODES + code];
    if (guided) {
      const float without = logits[(size_t)(images + image) * CODES + code];
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
      const unsigned word = philoxWord(code / 4, place, words[2 + 2 * image], words[3 + 2 * image], words[0], words[1], code % 4);
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
  if (threadIdx.x == 0) tokens[(size_t)place * images + image] = codes[0] < CODES ? codes[0] : 0;
}
`;
