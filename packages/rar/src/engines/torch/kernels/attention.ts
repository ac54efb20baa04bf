/** CUDA C: attention of one new position over the cache, with the norms of query and key, and their entry into the cache. */

/**
 * A block computes one head of one row. The cache of a head is one run of 16-byte chunks, which threads read side by
 * side: a thread always has the same part of the head, of every PLACES-th position, for THREADS is a multiple of the parts.
 *
 * Defines: ROWS, HEADS, HEAD (its width), POSITIONS (room in the cache), ATTENTION_PLACES, ATTENTION_AHEAD (loads before the first is used),
 * VALUES_AHEAD (see "Tuning").
 */
export const attentionSource = `
#define PARTS_OF_HEAD (HEAD / VEC)
#define PLACES ATTENTION_PLACES
#define ATTENTION_THREADS (PARTS_OF_HEAD * PLACES)
#define PADDED (PARTS_OF_HEAD | 1) // an odd step touches every bank of shared memory
#define LARGER(a, b) ((a) > (b) ? (a) : (b))

extern "C" __global__ void __launch_bounds__(ATTENTION_THREADS) attention(
    const T* qkv, const T* qWeight, const T* qBias, const T* kWeight, const T* kBias, T* keys, T* values, const int* state,
    T* out) {
  constexpr int WARPS = ATTENTION_THREADS / 32;
  constexpr int LOADS = ATTENTION_AHEAD;
  constexpr int NUMBERS = (HEAD + 31) / 32;
  static_assert(WARPS >= 3 && ATTENTION_THREADS % 32 == 0 && HEAD % VEC == 0, "sizes");
  __shared__ float fresh[3][HEAD]; // query, key and value of the new position
  __shared__ float products[LARGER(POSITIONS * PADDED, PLACES * HEAD)];
  __shared__ float weights[POSITIONS];
  __shared__ float scratch[2][WARPS];
  const int row = blockIdx.x / HEADS, head = blockIdx.x % HEADS;
  const int part = threadIdx.x % PARTS_OF_HEAD, first = threadIdx.x / PARTS_OF_HEAD;
  const int position = state[0];
  T* ownKeys = keys + (size_t)blockIdx.x * POSITIONS * HEAD;
  T* ownValues = values + (size_t)blockIdx.x * POSITIONS * HEAD;

  // Positions before the new one were written by earlier steps: they need not wait for the kernel before.
  uint4 loaded[LOADS];
#pragma unroll
  for (int i = 0; i < LOADS; i++) {
    const int p = first + i * PLACES;
    if (p < position) loaded[i] = chunk(ownKeys + p * HEAD + part * VEC);
  }
  if (VALUES_AHEAD && position > 0) prefetch(reinterpret_cast<const char*>(ownValues), position * HEAD * sizeof(T));
  begin();

  if (WARP < 3) {
    const T* source = qkv + ((size_t)row * 3 + WARP) * WIDTH + head * HEAD;
    float v[NUMBERS];
    float sum = 0;
#pragma unroll
    for (int i = 0; i < NUMBERS; i++) {
      v[i] = LANE + 32 * i < HEAD ? widen(source[LANE + 32 * i]) : 0.f;
      sum += v[i];
    }
    if (WARP < 2) {
      const float mean = warpSum(sum) / HEAD;
      float squares = 0;
#pragma unroll
      for (int i = 0; i < NUMBERS; i++)
        if (LANE + 32 * i < HEAD) {
          v[i] -= mean;
          squares += v[i] * v[i];
        }
      const float factor = rsqrtf(warpSum(squares) / HEAD + EPSILON);
      const T* weight = WARP == 0 ? qWeight : kWeight;
      const T* bias = WARP == 0 ? qBias : kBias;
#pragma unroll
      for (int i = 0; i < NUMBERS; i++)
        if (LANE + 32 * i < HEAD) v[i] = v[i] * factor * widen(weight[LANE + 32 * i]) + widen(bias[LANE + 32 * i]);
    }
#pragma unroll
    for (int i = 0; i < NUMBERS; i++) {
      const int at = LANE + 32 * i;
      if (at >= HEAD) continue;
      const T stored = narrowed(v[i]);
      if (WARP > 0) (WARP == 1 ? ownKeys : ownValues)[position * HEAD + at] = stored;
      fresh[WARP][at] = WARP == 0 ? v[i] : widen(stored);
    }
  }
  __syncthreads();

  float query[VEC];
#pragma unroll
  for (int j = 0; j < VEC; j++) query[j] = fresh[0][part * VEC + j];
  for (int start = first; start < position; start += LOADS * PLACES) {
    if (start != first) {
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        const int p = start + i * PLACES;
        if (p < position) loaded[i] = chunk(ownKeys + p * HEAD + part * VEC);
      }
    }
#pragma unroll
    for (int i = 0; i < LOADS; i++) {
      const int p = start + i * PLACES;
      if (p >= position) continue;
      float k[VEC];
      spread(loaded[i], k);
      float sum = 0;
#pragma unroll
      for (int j = 0; j < VEC; j++) sum += query[j] * k[j];
      products[p * PADDED + part] = sum;
    }
  }
  if (first == 0) {
    float sum = 0;
#pragma unroll
    for (int j = 0; j < VEC; j++) sum += query[j] * fresh[1][part * VEC + j];
    products[position * PADDED + part] = sum;
  }
#pragma unroll
  for (int i = 0; i < LOADS; i++) { // on their way while the softmax is computed
    const int p = first + i * PLACES;
    if (p < position) loaded[i] = chunk(ownValues + p * HEAD + part * VEC);
  }
  __syncthreads();

  float largest = -INFINITE;
  for (int p = threadIdx.x; p <= position; p += ATTENTION_THREADS) {
    float sum = 0;
#pragma unroll
    for (int j = 0; j < PARTS_OF_HEAD; j++) sum += products[p * PADDED + j];
    weights[p] = sum;
    largest = fmaxf(largest, sum);
  }
  largest = warpMax(largest);
  if (LANE == 0) scratch[0][WARP] = largest;
  __syncthreads();
  for (int w = 0; w < WARPS; w++) largest = fmaxf(largest, scratch[0][w]);
  float total[1] = {0};
  for (int p = threadIdx.x; p <= position; p += ATTENTION_THREADS) {
    const float weight = expf(weights[p] - largest);
    weights[p] = weight;
    total[0] += weight;
  }
  blockSums<1, WARPS>(total, scratch[1]); // its barrier also closes weights and products

  float sums[VEC];
#pragma unroll
  for (int j = 0; j < VEC; j++) sums[j] = first == 0 ? weights[position] * fresh[2][part * VEC + j] : 0.f;
  for (int start = first; start < position; start += LOADS * PLACES) {
    if (start != first) {
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        const int p = start + i * PLACES;
        if (p < position) loaded[i] = chunk(ownValues + p * HEAD + part * VEC);
      }
    }
#pragma unroll
    for (int i = 0; i < LOADS; i++) {
      const int p = start + i * PLACES;
      if (p >= position) continue;
      float v[VEC];
      spread(loaded[i], v);
#pragma unroll
      for (int j = 0; j < VEC; j++) sums[j] += weights[p] * v[j];
    }
  }
#pragma unroll
  for (int j = 0; j < VEC; j++) products[first * HEAD + part * VEC + j] = sums[j];
  __syncthreads();
  for (int at = threadIdx.x; at < HEAD; at += ATTENTION_THREADS) {
    float sum = 0;
    for (int i = 0; i < PLACES; i++) sum += products[i * HEAD + at];
    out[(size_t)row * WIDTH + head * HEAD + at] = narrowed(sum / total[0]);
  }
}
`;
