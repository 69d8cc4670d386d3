// Attention in bfloat16. A span is as long as a piece of a document or a sentence, so the products are too small and
// have too many shapes for a library that prepares each shape. Compiled three times: for processors with tiles of bfloat16
// (AMX), for those with vectors of bfloat16 (AVX512-BF16), and portably (slower) for all others.
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
static void multiply_tile_loops(
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
#define NAME(base) base##_loops
#define MULTIPLY_TILE multiply_tile_loops
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
TARGET INLINE void multiply_tile_vectors(
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

#define NAME(base) base##_vectors
#define MULTIPLY_TILE multiply_tile_vectors
#include "attention_bf16.inc"
#undef TARGET
#undef NAME
#undef MULTIPLY_TILE
static int has_vectors(void) { return __builtin_cpu_supports("avx512bf16"); }
#else
#define forward_vectors forward_loops
#define backward_vectors backward_loops
static int has_vectors(void) { return 0; }
#endif

#if defined(__x86_64__) && defined(__linux__)
#define HAS_TILES
#include <sys/syscall.h>
#include <unistd.h>
#define TARGET __attribute__((target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16")))

// The tiles of a product: four sums side by side, and `a` and `b` in whole pieces of 16 pairs and in the last piece.
enum { SUMS = 4, LEFT = SUMS, RIGHT, LEFT_REST, RIGHT_REST };

// The sizes of all tiles for `rows` rows of `a` and `rest` pairs beyond the whole pieces (Intel 64 and IA-32 Architectures
// Software Developer's Manual, volume 1, section 18.2: palette 1).
TARGET INLINE void set_tile_sizes(size_t rows, size_t rest) {
  struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  } sizes = {.palette = 1};
  for (int tile = 0; tile < SUMS; tile++) sizes.rows[tile] = (uint8_t)rows, sizes.row_bytes[tile] = 4 * VECTOR;
  sizes.rows[LEFT] = (uint8_t)rows, sizes.row_bytes[LEFT] = 4 * VECTOR;
  sizes.rows[RIGHT] = VECTOR, sizes.row_bytes[RIGHT] = 4 * VECTOR;
  if (rest) {
    sizes.rows[LEFT_REST] = (uint8_t)rows, sizes.row_bytes[LEFT_REST] = (uint16_t)(4 * rest);
    sizes.rows[RIGHT_REST] = (uint8_t)rest, sizes.row_bytes[RIGHT_REST] = 4 * VECTOR;
  }
  _tile_loadconfig(&sizes);
}

// gathered [VECTOR][VECTOR]: the pairs of `height` rows of `a`, whose neighbouring pairs lie `pair_stride` elements apart and
// whose neighbouring rows lie side by side. The transpose of a block in registers: of 2 x 2 words, of 4 x 4, of all.
TARGET INLINE void gather_rows(size_t height, size_t pairs, const cloze_bf16 *a, size_t pair_stride, bf16_pair *gathered) {
  __mmask16 mask = (__mmask16)((1u << height) - 1);
  __m512i rows[VECTOR], twos[VECTOR], fours[VECTOR];
  for (size_t i = 0; i < VECTOR; i++) {
    rows[i] = i < pairs ? _mm512_maskz_loadu_epi32(mask, a + i * pair_stride) : _mm512_setzero_si512();
  }
  for (size_t i = 0; i < VECTOR; i += 2) {
    twos[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    twos[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (size_t i = 0; i < VECTOR; i += 4) {
    fours[i] = _mm512_unpacklo_epi64(twos[i], twos[i + 2]);
    fours[i + 1] = _mm512_unpackhi_epi64(twos[i], twos[i + 2]);
    fours[i + 2] = _mm512_unpacklo_epi64(twos[i + 1], twos[i + 3]);
    fours[i + 3] = _mm512_unpackhi_epi64(twos[i + 1], twos[i + 3]);
  }
  for (size_t i = 0; i < 4; i++) {
    enum { EVEN = 0x88, ODD = 0xDD };
    __m512i first[2] = {
        _mm512_shuffle_i32x4(fours[i], fours[4 + i], EVEN), _mm512_shuffle_i32x4(fours[i], fours[4 + i], ODD)};
    __m512i last[2] = {
        _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], EVEN), _mm512_shuffle_i32x4(fours[8 + i], fours[12 + i], ODD)};
    for (size_t odd = 0; odd < 2; odd++) {
      bf16_pair *row = gathered + (4 * odd + i) * VECTOR;
      _mm512_storeu_si512(row, _mm512_shuffle_i32x4(first[odd], last[odd], EVEN));
      _mm512_storeu_si512(row + 8 * VECTOR, _mm512_shuffle_i32x4(first[odd], last[odd], ODD));
    }
  }
}

// As `multiply` of the other kinds. A sum's order depends on the number of pairs alone.
TARGET static void multiply_tiles(
    size_t rows, size_t columns, size_t pairs, const cloze_bf16 *a, size_t row_stride, size_t pair_stride,
    const bf16_pair *b, float *c, size_t stride) {
  bf16_pair gathered[VECTOR * VECTOR];
  size_t rest = pairs % VECTOR, whole = pairs - rest;
  for (size_t row = 0; row < rows; row += VECTOR) {
    size_t height = rows - row < VECTOR ? rows - row : VECTOR;
    if (row == 0 || height < VECTOR) set_tile_sizes(height, rest);
    for (size_t column = 0; column < columns; column += TILE_COLUMNS) {
      size_t sums = columns - column < TILE_COLUMNS ? (columns - column) / VECTOR : SUMS;
      float *out = c + row * stride + column;
      _tile_zero(0), _tile_zero(1), _tile_zero(2), _tile_zero(3);
      for (size_t pair = 0; pair < pairs; pair += VECTOR) {
        const cloze_bf16 *left = a + row * row_stride + pair * pair_stride;
        const bf16_pair *right = b + pair * stride + column;
        size_t left_bytes = 2 * row_stride;
        if (pair_stride != 2) {
          gather_rows(height, pair < whole ? VECTOR : rest, left, pair_stride, gathered);
          left = (const cloze_bf16 *)gathered;
          left_bytes = sizeof *gathered * VECTOR;
        }
#define ADD(sum, left_tile, right_tile)                                    \
  if (sum < sums) {                                                        \
    _tile_loadd(right_tile, right + sum * VECTOR, sizeof *right * stride); \
    _tile_dpbf16ps(sum, left_tile, right_tile);                            \
  }
        if (pair < whole) {
          _tile_loadd(LEFT, left, left_bytes);
          ADD(0, LEFT, RIGHT) ADD(1, LEFT, RIGHT) ADD(2, LEFT, RIGHT) ADD(3, LEFT, RIGHT)
        } else {
          _tile_loadd(LEFT_REST, left, left_bytes);
          ADD(0, LEFT_REST, RIGHT_REST) ADD(1, LEFT_REST, RIGHT_REST)
          ADD(2, LEFT_REST, RIGHT_REST) ADD(3, LEFT_REST, RIGHT_REST)
        }
#undef ADD
      }
      size_t bytes = sizeof *c * stride;
      _tile_stored(0, out, bytes);
      if (sums > 1) _tile_stored(1, out + VECTOR, bytes);
      if (sums > 2) _tile_stored(2, out + 2 * VECTOR, bytes);
      if (sums > 3) _tile_stored(3, out + 3 * VECTOR, bytes);
    }
  }
  _tile_release();
}

#define NAME(base) base##_tiles
#include "attention_bf16.inc"
#else
#define forward_tiles forward_vectors
#define backward_tiles backward_vectors
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

// A process asks once for the memory of its tiles (Linux: Documentation/arch/x86/xstate.rst).
static int has_tiles(void) {
#if defined(HAS_TILES)
  enum { UNKNOWN, NO, YES };
  static _Atomic int known = UNKNOWN;
  if (known == UNKNOWN) {
    enum { ARCH_REQ_XCOMP_PERM = 0x1023, XFEATURE_XTILEDATA = 18 };
    int has = has_vectors() && __builtin_cpu_supports("amx-bf16");
    known = has && syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 ? YES : NO;
  }
  return known == YES;
#else
  return 0;
#endif
}

// Whether the products of a span are made in tiles. With fewer rows than a tile has, vectors are faster (0.5 and 0.9 us for a
// query and 16 keys).
static int takes_tiles(const cloze_attention_span *span, cloze_matrix_units units) {
  return units >= CLOZE_TILES && span->queries >= VECTOR && has_tiles();
}

void cloze_attention_bf16(
    const cloze_attention_span *span, cloze_bf16 *probabilities, cloze_bf16 *output, size_t output_stride,
    void *scratch, cloze_matrix_units units) {
  typeof(&forward_loops) forward = forward_loops;
  if (units >= CLOZE_VECTORS && has_vectors()) forward = forward_vectors;
  if (takes_tiles(span, units)) forward = forward_tiles;
  forward(span, probabilities, output, output_stride, scratch);
}

void cloze_attention_gradient_bf16(
    const cloze_attention_span *span, cloze_bf16 *probabilities, const cloze_bf16 *output_gradient,
    size_t output_stride, cloze_bf16 *query_gradient, cloze_bf16 *key_gradient, cloze_bf16 *value_gradient,
    void *scratch, cloze_matrix_units units) {
  typeof(&backward_loops) backward = backward_loops;
  if (units >= CLOZE_VECTORS && has_vectors()) backward = backward_vectors;
  if (takes_tiles(span, units)) backward = backward_tiles;
  backward(
      span, probabilities, output_gradient, output_stride, query_gradient, key_gradient, value_gradient, scratch);
}
