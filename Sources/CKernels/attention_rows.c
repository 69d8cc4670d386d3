// Softmax, its gradient, and dropout on the f32 score matrices of attention.
#include "attention.h"
#include "dropout.h"

CLONES void cloze_softmax(size_t rows, size_t keys, const cloze_visibility *visibility, float *scores) {
  FAST
  for (size_t row = 0; row < rows; row++) {
    size_t first = first_visible(visibility, row), count = end_visible(visibility, row, keys) - first;
    float *all = scores + row * keys, *s = all + first;
    float maximum = row_maximum(count, s), sum = 0;
    for (size_t j = 0; j < count; j++) {
      s[j] = vector_exp(s[j] - maximum);
      sum += s[j];
    }
    float scale = 1.0f / sum;
    for (size_t j = 0; j < count; j++) s[j] *= scale;
    for (size_t j = 0; j < first; j++) all[j] = 0;
    for (size_t j = first + count; j < keys; j++) all[j] = 0;
  }
}

CLONES void cloze_dropout_f32(
    size_t rows, size_t columns, uint64_t first_row, const cloze_dropout *dropout, const float *source,
    float *destination) {
  float factors[DROPOUT_PIECE];
  for (size_t row = 0; row < rows; row++) {
    dropout_row key = dropout_row_key(dropout, first_row + row);
    for (size_t start = 0; start < columns; start += DROPOUT_PIECE) {
      size_t count = columns - start < DROPOUT_PIECE ? columns - start : DROPOUT_PIECE;
      dropout_factors(dropout, key, start, count, factors);
      const float *s = source + row * columns + start;
      float *d = destination + row * columns + start;
      for (size_t i = 0; i < count; i++) d[i] = s[i] * factors[i];
    }
  }
}

CLONES void cloze_softmax_gradient(
    size_t rows, size_t keys, uint64_t first_row, const cloze_dropout *dropout, const float *probabilities,
    float *gradient) {
  FAST
  if (dropout->threshold) cloze_dropout_f32(rows, keys, first_row, dropout, gradient, gradient);
  for (size_t row = 0; row < rows; row++) {
    const float *p = probabilities + row * keys;
    float *g = gradient + row * keys;
    float dot = 0;
    for (size_t j = 0; j < keys; j++) dot += p[j] * g[j];
    for (size_t j = 0; j < keys; j++) g[j] = p[j] * (g[j] - dot);
  }
}
