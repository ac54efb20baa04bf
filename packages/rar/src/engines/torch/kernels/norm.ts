/** CUDA C: the input of the first block, and LayerNorm with the residual connection before it. */

/**
 * `embed`: what stands at the new position of every row, in float32 as all between blocks; it also tells all other
 * kernels the position. That is given; or negative: the one after what was drawn last, whose tokens, and the rows of whose
 * tables, are to be found in lists of all places and positions. `normalize`: x + gate * y where there is a y, kept in x; then its LayerNorm, scaled and shifted.
 */
export const normSource = `
#define NORM_THREADS 256

extern "C" __global__ void __launch_bounds__(NORM_THREADS) embed(
    const T* contents, const T* wheres, const T* nexts, const long long* content, int distinct, const long long* where,
    const long long* next, int position, int* state, float* x) {
  const int row = blockIdx.x;
  waitForPredecessor();
  letSuccessorStart();
  if (position < 0) {
    position = state[2]; // which draw wrote; here it is not written
    content += (size_t)(position - 2) * distinct;
    where += position;
    next += position;
  }
  const T* a = contents + content[row % distinct] * WIDTH;
  const T* b = wheres + where[0] * WIDTH;
  const T* c = nexts + next[0] * WIDTH;
  if (row == 0 && threadIdx.x == 0) {
    state[0] = position;
    state[1] = position % CHUNK;
  }
  for (int i = threadIdx.x; i < WIDTH; i += NORM_THREADS)
    x[row * WIDTH + i] = widen(a[i]) + (widen(b[i]) + widen(c[i]));
}

extern "C" __global__ void __launch_bounds__(NORM_THREADS) normalize(
    float* x, const T* y, const T* table, const long long* condition, const int* state, int partGate, int partScale,
    int partShift, T* out) {
  typedef Norm<1, NORM_THREADS> Row;
  __shared__ float scratch[2 * NORM_THREADS / 32];
  const int row = blockIdx.x;
  const Modulation m = {table, condition, state};
  Row norm;
  norm.prepare(m, row, partScale, partShift);
  waitForPredecessor();
  letSuccessorStart();
  const int at = row * WIDTH + threadIdx.x;
#pragma unroll
  for (int i = 0; i < Row::EACH; i++)
    if (norm.has(i)) norm.value[0][i] = x[at + NORM_THREADS * i];
  if (y) {
    const T* gate = m.part(row, partGate) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < Row::EACH; i++)
      if (norm.has(i)) {
        norm.value[0][i] += widen(gate[NORM_THREADS * i]) * widen(y[at + NORM_THREADS * i]);
        x[at + NORM_THREADS * i] = norm.value[0][i];
      }
  }
  norm.compute(scratch);
#pragma unroll
  for (int i = 0; i < Row::EACH; i++)
    if (norm.has(i)) out[at + NORM_THREADS * i] = narrowed(norm.value[0][i]);
}
`;
