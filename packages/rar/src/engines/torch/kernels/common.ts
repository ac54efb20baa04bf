/** CUDA C that the kernels of a decode step share: the two number types, sums over warps and blocks, modulation. */

/**
 * Defines: BF16 (1, or 0 for float32), WIDTH, PARTS and CHUNK of the modulation's table, EARLY (see "Tuning").
 * No header is included, for a machine may have the run-time compiler alone.
 *
 * Sums over a warp are the only place where threads talk without shared memory; EMULATED gives its own.
 */
export const commonSource = `
#if BF16
typedef unsigned short T; // the bits
#define VEC 8 // numbers of 16 bytes
__device__ __forceinline__ float widen(T v) { return __uint_as_float((unsigned)v << 16); }
__device__ __forceinline__ T narrowed(float v) { // to the nearest, to even in the middle; NaN stays
  const unsigned bits = __float_as_uint(v);
  return v != v ? 0x7fff : (T)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
__device__ __forceinline__ void spread(uint4 c, float* out) {
  const unsigned words[4] = {c.x, c.y, c.z, c.w};
#pragma unroll
  for (int i = 0; i < 4; i++) {
    out[2 * i] = __uint_as_float(words[i] << 16);
    out[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
  }
}
#else
typedef float T;
#define VEC 4
__device__ __forceinline__ float widen(T v) { return v; }
__device__ __forceinline__ T narrowed(float v) { return v; }
__device__ __forceinline__ void spread(uint4 c, float* out) {
  out[0] = __uint_as_float(c.x);
  out[1] = __uint_as_float(c.y);
  out[2] = __uint_as_float(c.z);
  out[3] = __uint_as_float(c.w);
}
#endif

#define EPSILON 1e-6f
#define INFINITE __int_as_float(0x7f800000)
#define LANE ((int)threadIdx.x % 32)
#define WARP ((int)threadIdx.x / 32)

__device__ __forceinline__ uint4 chunk(const T* from) { return *reinterpret_cast<const uint4*>(from); }

#ifndef EMULATED
__device__ __forceinline__ float warpSum(float v) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) v += __shfl_xor_sync(0xffffffffu, v, mask);
  return v;
}
__device__ __forceinline__ float warpMax(float v) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, mask));
  return v;
}
// Weights are read once a step: past the first cache.
__device__ __forceinline__ uint4 stream(const T* from) {
  uint4 v;
  asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "l"(from));
  return v;
}
// Launched before its predecessor is done, a kernel waits here before it reads what that one wrote; see "dependent".
__device__ __forceinline__ void waitForPredecessor() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
// From here on the next kernel may start; what it reads of this one it still waits for.
__device__ __forceinline__ void letSuccessorStart() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;");
#endif
}
// Asks the memory for what a later kernel reads, up to the second cache. All threads call it; nothing waits for it. Multiples of 16 bytes.
__device__ __forceinline__ void prefetch(const char* from, int bytes) {
#if __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ >= 12
  if (threadIdx.x == 0) asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes) : "memory");
#else
  for (int at = threadIdx.x * 128; at < bytes; at += blockDim.x * 128)
    asm volatile("prefetch.global.L2 [%0];" ::"l"(from + at) : "memory");
#endif
}
#endif

// For kernels whose successor may start as early as it likes: it waits for all of this one, and this one for what came before.
__device__ __forceinline__ void begin() {
  if (EARLY) letSuccessorStart();
  waitForPredecessor();
  if (!EARLY) letSuccessorStart();
}

// Sums over the block, which every thread gets. scratch: COUNT floats a warp, which no other thread may still be reading
template <int COUNT, int WARPS>
__device__ __forceinline__ void blockSums(float (&values)[COUNT], float* scratch) {
#pragma unroll
  for (int i = 0; i < COUNT; i++) values[i] = warpSum(values[i]);
  if (LANE == 0)
    for (int i = 0; i < COUNT; i++) scratch[WARP * COUNT + i] = values[i];
  __syncthreads();
#pragma unroll
  for (int i = 0; i < COUNT; i++) {
    values[i] = 0;
    for (int w = 0; w < WARPS; w++) values[i] += scratch[w * COUNT + i];
  }
}

// What conditioning does: table [conditions, CHUNK, PARTS, WIDTH], of which a row has one condition, and all rows one position.
struct Modulation {
  const T* table;
  const long long* condition; // by row
  const int* state; // position, and its place in the chunk
  __device__ __forceinline__ const T* part(int row, int which) const {
    return table + ((condition[row] * CHUNK + state[1]) * PARTS + which) * WIDTH;
  }
};

// LayerNorm over WIDTH of COUNT rows at once, times a scale, plus a shift. Number i of a thread is the row's THREADS * i + threadIdx.x.
template <int COUNT, int THREADS>
struct Norm {
  static constexpr int EACH = (WIDTH + THREADS - 1) / THREADS;
  T scale[COUNT][EACH], shift[COUNT][EACH];
  float value[COUNT][EACH];

  __device__ __forceinline__ bool has(int i) const { return THREADS * i + (int)threadIdx.x < WIDTH; }
  // Does not look at what the kernel before writes.
  __device__ __forceinline__ void prepare(const Modulation& m, int row, int partScale, int partShift) {
#pragma unroll
    for (int r = 0; r < COUNT; r++) {
      const T* scales = m.part(row + r, partScale) + threadIdx.x;
      const T* shifts = m.part(row + r, partShift) + threadIdx.x;
#pragma unroll
      for (int i = 0; i < EACH; i++)
        if (has(i)) {
          scale[r][i] = scales[THREADS * i];
          shift[r][i] = shifts[THREADS * i];
        }
    }
  }
  // From value to value. scratch: twice COUNT floats a warp
  __device__ __forceinline__ void compute(float* scratch) {
    float mean[COUNT], squares[COUNT];
#pragma unroll
    for (int r = 0; r < COUNT; r++) {
      mean[r] = squares[r] = 0;
#pragma unroll
      for (int i = 0; i < EACH; i++)
        if (has(i)) mean[r] += value[r][i];
    }
    blockSums<COUNT, THREADS / 32>(mean, scratch);
#pragma unroll
    for (int r = 0; r < COUNT; r++) {
      mean[r] /= WIDTH;
#pragma unroll
      for (int i = 0; i < EACH; i++)
        if (has(i)) {
          value[r][i] -= mean[r];
          squares[r] += value[r][i] * value[r][i];
        }
    }
    blockSums<COUNT, THREADS / 32>(squares, scratch + COUNT * (THREADS / 32));
#pragma unroll
    for (int r = 0; r < COUNT; r++) {
      const float factor = rsqrtf(squares[r] / WIDTH + EPSILON);
#pragma unroll
      for (int i = 0; i < EACH; i++)
        if (has(i)) value[r][i] = value[r][i] * factor * widen(scale[r][i]) + widen(shift[r][i]);
    }
  }
};
`;
