// Attention in bfloat16. A span is as long as a piece of a document or a sentence, so the products are too small and
// have too many shapes for a library that prepares each shape. Compiled twice: for processors that multiply bfloat16,
// and portably (slower) for all others.
#include "attention.h"
#include "dropout.h"

// Two neighbouring bf16 values in one word. `may_alias` allows reading and writing memory of other types as words.
typedef uint32_t __attribute__((may_alias)) bf16_pair;

// PIECE: the queries of a piece of the backward pass, whole blocks, where the probabilities are not kept.
enum { VECTOR = 16, TILE_ROWS = 4, TILE_COLUMNS = 4 * VECTOR, BLOCK = 32, PIECE = 4 * BLOCK };

// Keys and widths are padded to multiples of a vector.
INLINE size_t padded(size_t count) { return (count + VECTOR - 1) / VECTOR * VECTOR; }

// The queries that the backward pass processes at once.
INLINE size_t piece_rows(size_t queries, int keeps) { return keeps || queries < PIECE ? queries : PIECE; }

// c [height, width] of the includer's tile, in plain C.
static void multiply_tile_plain(
    size_t height, size_t width, size_t pairs, const cloze_bf16 *a, size_t row_stride, size_t pair_stride,
    const bf16_pair *b, size_t b_stride, float *c, size_t c_stride) {
  FAST
  for (size_t row = 0; row < height; row++) {
    float sums[TILE_COLUMNS] = {0};
    for (size_t pair = 0; pair < pairs; pair++) {
      const cloze_bf16 *p = a + row * row_stride + pair * pair_stride;
      float low = load_bf16(p[0]), high = load_bf16(p[1]);
      for (size_t i = 0; i < width; i++) {
        bf16_pair both = b[pair * b_stride + i];
        sums[i] += low * load_bf16((cloze_bf16)both) + high * load_bf16((cloze_bf16)(both >> 16));
      }
    }
    memcpy(c + row * c_stride, sums, width * sizeof *c);
  }
}

#define TARGET
#define NAME(base) base##_plain
#define MULTIPLY_TILE multiply_tile_plain
#include "attention_bf16.inc"
#undef TARGET
#undef NAME
#undef MULTIPLY_TILE

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("arch=x86-64-v4,avx512bf16")))

TARGET INLINE void multiply_tile_of(
    size_t height, size_t vectors, size_t pairs, const cloze_bf16 *a, size_t row_stride, size_t pair_stride,
    const bf16_pair *b, size_t b_stride, float *c, size_t c_stride) {
  __m512 sums[TILE_ROWS][TILE_COLUMNS / VECTOR];
  for (size_t row = 0; row < height; row++) {
    for (size_t v = 0; v < vectors; v++) sums[row][v] = _mm512_setzero_ps();
  }
  for (size_t pair = 0; pair < pairs; pair++) {
    __m512bh columns[TILE_COLUMNS / VECTOR];
    for (size_t v = 0; v < vectors; v++) {
      columns[v] = (__m512bh)_mm512_loadu_si512(b + pair * b_stride + v * VECTOR);
    }
    for (size_t row = 0; row < height; row++) {
      int32_t both;
      memcpy(&both, a + row * row_stride + pair * pair_stride, sizeof both);
      __m512bh element = (__m512bh)_mm512_set1_epi32(both);
      for (size_t v = 0; v < vectors; v++) sums[row][v] = _mm512_dpbf16_ps(sums[row][v], element, columns[v]);
    }
  }
  for (size_t row = 0; row < height; row++) {
    for (size_t v = 0; v < vectors; v++) _mm512_storeu_ps(c + row * c_stride + v * VECTOR, sums[row][v]);
  }
}

// Sizes are constants, so that the compiler keeps the sums in registers.
TARGET INLINE void multiply_tile_units(
    size_t height, size_t width, size_t pairs, const cloze_bf16 *a, size_t row_stride, size_t pair_stride,
    const bf16_pair *b, size_t b_stride, float *c, size_t c_stride) {
  if (width == TILE_COLUMNS) {
    if (height == TILE_ROWS) {
      multiply_tile_of(TILE_ROWS, 4, pairs, a, row_stride, pair_stride, b, b_stride, c, c_stride);
    } else {
      multiply_tile_of(1, 4, pairs, a, row_stride, pair_stride, b, b_stride, c, c_stride);
    }
  } else if (height == TILE_ROWS) {
    multiply_tile_of(TILE_ROWS, 1, pairs, a, row_stride, pair_stride, b, b_stride, c, c_stride);
  } else {
    multiply_tile_of(1, 1, pairs, a, row_stride, pair_stride, b, b_stride, c, c_stride);
  }
}

#define NAME(base) base##_units
#define MULTIPLY_TILE multiply_tile_units
#include "attention_bf16.inc"
static int has_units(void) { return __builtin_cpu_supports("avx512bf16"); }
#else
#define forward_units forward_plain
#define backward_units backward_plain
static int has_units(void) { return 0; }
#endif

size_t cloze_attention_probabilities_bf16(size_t queries, size_t keys) { return queries * padded(keys); }

size_t cloze_attention_scratch_bf16(size_t queries, size_t keys, size_t width, int keeps) {
  size_t k = padded(keys), w = padded(width), p = piece_rows(queries, keeps) + 1, rows = k > BLOCK ? k : BLOCK;
  size_t again = keeps ? 0 : 1;
  // The size for the backward pass, which needs more than the forward pass.
  size_t words = 2 * k * w + p * (k + w) / 2 + BLOCK * (k + w) + rows * w + again * 2 * k * w;
  size_t halves = (1 + again) * (p * k + queries * (w + 1)) + 2 * BLOCK * k;
  return 4 * words + 2 * halves;
}

void cloze_attention_bf16(
    const cloze_attention_span *span, cloze_bf16 *probabilities, cloze_bf16 *output, size_t output_stride,
    void *scratch, int portable) {
  (portable || !has_units() ? forward_plain : forward_units)(span, probabilities, output, output_stride, scratch);
}

void cloze_attention_gradient_bf16(
    const cloze_attention_span *span, cloze_bf16 *probabilities, const cloze_bf16 *output_gradient,
    size_t output_stride, cloze_bf16 *query_gradient, cloze_bf16 *key_gradient, cloze_bf16 *value_gradient,
    void *scratch, int portable) {
  (portable || !has_units() ? backward_plain : backward_units)(
      span, probabilities, output_gradient, output_stride, query_gradient, key_gradient, value_gradient, scratch);
}
