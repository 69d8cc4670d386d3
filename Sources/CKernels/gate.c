// The spatial gating of gMLP, for f32 and for bf16 activations, and the matrix of its weights by distance.
#include "vector_math.h"

#define T float
#define LOAD load_f32
#define STORE store_f32
#define NAME(base) base##_f32
#include "gate.inc"
#undef T
#undef LOAD
#undef STORE
#undef NAME

#define T cloze_bf16
#define LOAD load_bf16
#define STORE store_bf16
#define NAME(base) base##_bf16
#include "gate.inc"

// The columns of row `row` that have a weight, and the weight of the first of them.
typedef struct {
  size_t start, end, weight;
} toeplitz_row;

INLINE toeplitz_row filled_columns(size_t row, size_t columns, ptrdiff_t first, size_t reach) {
  // Column j has the weight `shift` + j.
  ptrdiff_t shift = (ptrdiff_t)reach - 1 + first - (ptrdiff_t)row;
  ptrdiff_t start = shift < 0 ? -shift : 0, end = 2 * (ptrdiff_t)reach - 1 - shift;
  if (end > (ptrdiff_t)columns) end = (ptrdiff_t)columns;
  if (end <= start) return (toeplitz_row){0, 0, 0};
  return (toeplitz_row){(size_t)start, (size_t)end, (size_t)(start + shift)};
}

void cloze_toeplitz(
    size_t rows, size_t columns, ptrdiff_t first, size_t reach, const float *weights, float *matrix) {
  for (size_t row = 0; row < rows; row++) {
    toeplitz_row filled = filled_columns(row, columns, first, reach);
    float *m = matrix + row * columns;
    memset(m, 0, filled.start * sizeof *m);
    memcpy(m + filled.start, weights + filled.weight, (filled.end - filled.start) * sizeof *m);
    memset(m + filled.end, 0, (columns - filled.end) * sizeof *m);
  }
}

CLONES void cloze_toeplitz_gradient(
    size_t rows, size_t columns, ptrdiff_t first, size_t reach, const float *matrix, float *weights) {
  for (size_t row = 0; row < rows; row++) {
    toeplitz_row filled = filled_columns(row, columns, first, reach);
    const float *restrict m = matrix + row * columns + filled.start;
    float *restrict w = weights + filled.weight;
    for (size_t i = 0; i < filled.end - filled.start; i++) w[i] += m[i];
  }
}
