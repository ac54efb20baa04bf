/** CUDA C: linear layers of a few rows, which cost what reading their weights costs, with what stands before and after them. */

/**
 * A warp computes EACH outputs of all rows, or with SPLIT several warps do, each over a part of the inputs. All weights that a
 * thread needs are asked for at once, before anything else is looked at: a kernel launched early has them under
 * way before its predecessor is done.
 *
 * Defines: ROWS, LINEAR_THREADS, LINEAR_BOUNDS and STAGED (see "Tuning"), WIDTH, MLP (width inside the feed-forward part), CODES, and for each of
 * QKV, PROJ, FC1, FC2 and HEAD_OUT the numbers _EACH and _SPLIT.
 */
export const linearSource = `
#define LINEAR_WARPS (LINEAR_THREADS / 32)
enum Kind { NORMED = 1, GELU = 2, GATED = 4, WIDE = 8 };

// KIND: NORMED: the input is LayerNorm of x, else T [ROWS, INPUT]. GATED: x += gate * output. WIDE: the output is float, else T.
template <int INPUT, int OUTPUT, int EACH, int SPLIT, int KIND>
__device__ __forceinline__ void linear(
    const T* input, float* x, const T* weight, const T* bias, const Modulation& m, int partA, int partB, void* output) {
  constexpr int CHUNKS = INPUT / VEC;
  constexpr int SHARE = (CHUNKS + SPLIT - 1) / SPLIT;
  constexpr int LOADS = (SHARE + 31) / 32;
  static_assert(INPUT % VEC == 0 && LINEAR_WARPS % SPLIT == 0 && EACH * ROWS <= 32, "sizes");
  __shared__ float sums[LINEAR_WARPS][EACH * ROWS];
  const int share = WARP % SPLIT;
  const int firstOutput = (blockIdx.x * (LINEAR_WARPS / SPLIT) + WARP / SPLIT) * EACH;
  const int firstChunk = share * SHARE;
  const int chunks = CHUNKS - firstChunk < SHARE ? CHUNKS - firstChunk : SHARE;

  uint4 w[EACH][LOADS];
#pragma unroll
  for (int e = 0; e < EACH; e++)
#pragma unroll
    for (int i = 0; i < LOADS; i++)
      if (LANE + 32 * i < chunks && firstOutput + e < OUTPUT)
        w[e][i] = stream(weight + (size_t)(firstOutput + e) * INPUT + (firstChunk + LANE + 32 * i) * VEC);
      else
        w[e][i] = make_uint4(0, 0, 0, 0);
  // Later a lane finishes one output of one row.
  const int finished = firstOutput + LANE / ROWS, finishedRow = LANE % ROWS;
  const bool finishes = share == 0 && LANE < EACH * ROWS && finished < OUTPUT;
  const float offset = finishes ? widen(bias[finished]) : 0.f;
  const float gate = (KIND & GATED) && finishes ? widen(m.part(finishedRow, partA)[finished]) : 0.f;
  typedef Norm<ROWS, LINEAR_THREADS> Rows;
  Rows norm;
  if (KIND & NORMED) norm.prepare(m, 0, partA, partB);
  begin();
  const float before = (KIND & GATED) && finishes ? x[finishedRow * OUTPUT + finished] : 0.f;

  __shared__ __align__(16) float normed[KIND & NORMED ? ROWS * WIDTH : 4];
  if (KIND & NORMED) {
    __shared__ float scratch[2 * LINEAR_WARPS * ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int i = 0; i < Rows::EACH; i++)
        if (norm.has(i)) norm.value[r][i] = x[r * WIDTH + LINEAR_THREADS * i + threadIdx.x];
    norm.compute(scratch);
#pragma unroll
    for (int r = 0; r < ROWS; r++)
#pragma unroll
      for (int i = 0; i < Rows::EACH; i++)
        if (norm.has(i)) normed[r * WIDTH + LINEAR_THREADS * i + threadIdx.x] = norm.value[r][i];
    __syncthreads();
  }

  // Every thread asks for its part of the input at once, where that fits into shared memory.
  constexpr bool STAGES = STAGED && !(KIND & NORMED) && ROWS * INPUT * sizeof(T) <= 32 * 1024;
  __shared__ __align__(16) T staged[STAGES ? ROWS * INPUT : VEC];
  if (STAGES) {
    constexpr int PARTS_EACH = (ROWS * CHUNKS + LINEAR_THREADS - 1) / LINEAR_THREADS;
    uint4 loaded[PARTS_EACH];
#pragma unroll
    for (int i = 0; i < PARTS_EACH; i++) {
      const int at = threadIdx.x + LINEAR_THREADS * i;
      if (at < ROWS * CHUNKS) loaded[i] = chunk(input + at * VEC);
    }
#pragma unroll
    for (int i = 0; i < PARTS_EACH; i++) {
      const int at = threadIdx.x + LINEAR_THREADS * i;
      if (at < ROWS * CHUNKS) reinterpret_cast<uint4*>(staged)[at] = loaded[i];
    }
    __syncthreads();
  }

  float sum[EACH][ROWS];
#pragma unroll
  for (int e = 0; e < EACH; e++)
#pragma unroll
    for (int r = 0; r < ROWS; r++) sum[e][r] = 0;
#pragma unroll
  for (int i = 0; i < LOADS; i++) {
    if (LANE + 32 * i >= chunks) continue;
    const int at = (firstChunk + LANE + 32 * i) * VEC;
    float in[ROWS][VEC];
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      if (KIND & NORMED) {
#pragma unroll
        for (int j = 0; j < VEC; j += 4) {
          const float4 four = *reinterpret_cast<const float4*>(normed + r * WIDTH + at + j);
          in[r][j] = four.x;
          in[r][j + 1] = four.y;
          in[r][j + 2] = four.z;
          in[r][j + 3] = four.w;
        }
      } else {
        spread(chunk((STAGES ? staged : input) + r * INPUT + at), in[r]);
      }
    }
#pragma unroll
    for (int e = 0; e < EACH; e++) {
      float factors[VEC];
      spread(w[e][i], factors);
#pragma unroll
      for (int r = 0; r < ROWS; r++)
#pragma unroll
        for (int j = 0; j < VEC; j++) sum[e][r] += factors[j] * in[r][j];
    }
  }
#pragma unroll
  for (int e = 0; e < EACH; e++)
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      const float all = warpSum(sum[e][r]);
      if (LANE == 0) sums[WARP][e * ROWS + r] = all;
    }
  if (SPLIT > 1)
    __syncthreads();
  else
    __syncwarp();
  if (!finishes) return;
  float value = offset;
#pragma unroll
  for (int s = 0; s < SPLIT; s++) value += sums[WARP + s][LANE];
  if (KIND & GELU) value = 0.5f * value * (1.f + erff(value * 0.70710678118654752f));
  const int at = finishedRow * OUTPUT + finished;
  if (KIND & GATED)
    x[at] = before + gate * value;
  else if (KIND & WIDE)
    static_cast<float*>(output)[at] = value;
  else
    static_cast<T*>(output)[at] = narrowed(value);
}

#define LINEAR extern "C" __global__ void __launch_bounds__(LINEAR_BOUNDS)

LINEAR qkvLinear(float* x, const T* table, const long long* condition, const int* state, int partScale, int partShift,
                 const T* weight, const T* bias, T* out) {
  linear<WIDTH, 3 * WIDTH, QKV_EACH, QKV_SPLIT, NORMED>(
      nullptr, x, weight, bias, {table, condition, state}, partScale, partShift, out);
}
LINEAR projLinear(const T* input, float* x, const T* table, const long long* condition, const int* state, int partGate,
                  const T* weight, const T* bias) {
  linear<WIDTH, WIDTH, PROJ_EACH, PROJ_SPLIT, GATED>(
      input, x, weight, bias, {table, condition, state}, partGate, 0, nullptr);
}
LINEAR fc1Linear(float* x, const T* table, const long long* condition, const int* state, int partScale, int partShift,
                 const T* weight, const T* bias, T* out) {
  linear<WIDTH, MLP, FC1_EACH, FC1_SPLIT, NORMED | GELU>(
      nullptr, x, weight, bias, {table, condition, state}, partScale, partShift, out);
}
LINEAR fc2Linear(const T* input, float* x, const T* table, const long long* condition, const int* state, int partGate,
                 const T* weight, const T* bias) {
  linear<MLP, WIDTH, FC2_EACH, FC2_SPLIT, GATED>(
      input, x, weight, bias, {table, condition, state}, partGate, 0, nullptr);
}
LINEAR headLinear(float* x, const T* table, const long long* condition, const int* state, int partScale, int partShift,
                  const T* weight, const T* bias, float* out) {
  linear<WIDTH, CODES, HEAD_OUT_EACH, HEAD_OUT_SPLIT, NORMED | WIDE>(
      nullptr, x, weight, bias, {table, condition, state}, partScale, partShift, out);
}
`;
