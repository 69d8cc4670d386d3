// The loops that oneDNN lacks, on raw pointers. Each is compiled for several instruction sets, one of which is chosen
// at run time.
//
// Matrices are row-major and dense unless a leading dimension is given. `_f32` and `_bf16` are the element types of
// the activations; statistics, parameters and parameter gradients are always f32. Nothing here checks its arguments:
// the Swift operation around each call does.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint16_t cloze_bf16;

/// The elements that a dropout zeroes: an element of a row and column is dropped if its 16 random bits are below
/// `threshold`; the others are multiplied by `scale`. A threshold of 0 drops nothing.
typedef struct {
  uint32_t key[2];
  uint64_t index;
  uint32_t threshold;
  float scale;
} cloze_dropout;

void cloze_convert_f32_bf16(size_t count, const float *source, cloze_bf16 *destination);

double cloze_sum_of_squares(size_t count, const float *values);

/// One AdamW update; the gradient is multiplied by `gradient_scale` first, `copy` (nullable) receives the bf16 value.
typedef struct {
  float gradient_scale, learning_rate, beta1, beta2, epsilon, decay, correction1, correction2;
} cloze_adamw;
void cloze_adamw_update(
    size_t count, const cloze_adamw *settings, const float *gradient, float *value, float *first_moment,
    float *second_moment, cloze_bf16 *copy);
/// Σ g² / max(v̂, ε²), with g = gradient * gradient_scale and the v̂ that an update with the same settings makes of
/// `second_moment`, which does not change.
double cloze_adamw_relative_squares(
    size_t count, const cloze_adamw *settings, const float *gradient, const float *second_moment);
/// With g = gradient * gradient_scale: momentum = β momentum + (1 - β) g, direction = β momentum + (1 - β) g.
/// Returns Σ direction².
double cloze_muon_direction(
    size_t count, float gradient_scale, float beta, const float *gradient, float *momentum, float *direction);
/// value = value * keep - rate * direction, and its bf16 copy unless that is null
void cloze_muon_update(
    size_t count, float keep, float rate, const float *direction, float *value, cloze_bf16 *copy);
/// values *= factor
void cloze_scale(size_t count, float factor, float *values);
/// mean += (value - mean) * weight
void cloze_running_mean(size_t count, float weight, const float *value, float *mean);

/// The keys that the queries of a span see. Query i stands at key `place` + i, and sees the keys from `behind` before that
/// one to `ahead` after it, as far as there are any.
typedef struct {
  size_t place, behind, ahead;
} cloze_visibility;

/// Softmax of each row of `scores` [rows, keys] in place, over the keys that it sees. The other keys become 0.
void cloze_softmax(size_t rows, size_t keys, const cloze_visibility *visibility, float *scores);
/// destination = dropout(source); row numbers start at `first_row`.
void cloze_dropout_f32(
    size_t rows, size_t columns, uint64_t first_row, const cloze_dropout *dropout, const float *source,
    float *destination);
/// Turns the gradient of the (dropped) probabilities into the gradient of the scores, in place.
void cloze_softmax_gradient(
    size_t rows, size_t keys, uint64_t first_row, const cloze_dropout *dropout, const float *probabilities,
    float *gradient);

/// What multiplies matrices of bf16: loops, AVX512-BF16's vectors, or AMX's tiles. A kernel takes the last one, up to the one
/// named, that the processor has.
typedef enum { CLOZE_LOOPS, CLOZE_VECTORS, CLOZE_TILES } cloze_matrix_units;

/// One head of a span of attention in bf16: `queries` rows attend to `keys` rows, all of width `width`. Strides are in
/// elements.
typedef struct {
  size_t queries, keys, width;
  const cloze_bf16 *query, *key, *value;
  size_t query_stride, key_stride, value_stride;
  float scale;
  cloze_visibility visibility;
  cloze_dropout dropout;
  uint64_t first_dropout_row;
} cloze_attention_span;

/// The number of elements of `probabilities`, and the bytes of scratch memory for either direction, which grow with the
/// queries times the keys only if the probabilities are kept.
size_t cloze_attention_probabilities_bf16(size_t queries, size_t keys);
size_t cloze_attention_scratch_bf16(size_t queries, size_t keys, size_t width, int keeps);

/// output = dropout(softmax(scale Q Kᵀ)) V. The probabilities are kept for the gradient, dropped ones with a minus sign;
/// NULL keeps none.
void cloze_attention_bf16(
    const cloze_attention_span *span, cloze_bf16 *probabilities, cloze_bf16 *output, size_t output_stride,
    void *scratch, cloze_matrix_units units);
/// Adds to the three gradients, which have the strides of the values. Overwrites the probabilities; NULL computes them
/// again.
void cloze_attention_gradient_bf16(
    const cloze_attention_span *span, cloze_bf16 *probabilities, const cloze_bf16 *output_gradient,
    size_t output_stride, cloze_bf16 *query_gradient, cloze_bf16 *key_gradient, cloze_bf16 *value_gradient,
    void *scratch, cloze_matrix_units units);

/// A step of a recurrent layer for `rows` sequences: row r reads the input of the token `tokens[r]` and writes its output.
/// Strides are in elements.
///
/// Forward: `input` [tokens, gates * width] and `product` [rows, gates * width] are the sums of the gates over the token
/// and over the state, with their biases. `state` (of an LSTM its cell) moves on; `operand` [rows, width] becomes the new
/// state as the next product reads it. `kept` is for the gradient: [rows, 4 * width], of an LSTM [rows, 5 * width].
///
/// Gradient: `state_gradient` [rows, width] comes from the next step, and leaves without what passes through the product.
/// `previous` is the state before the step [rows, width]; of an LSTM, what the step before has kept.
typedef struct {
  size_t rows, width;
  const int32_t *tokens;
  size_t input_stride, output_stride;
} cloze_recurrent_step;

/// matrix[i][j] = weights[reach - 1 + first + j - i], and 0 where that is outside the 2 * reach - 1 weights: row i is the
/// place i, column j the place first + j, and a weight belongs to a distance.
void cloze_toeplitz(
    size_t rows, size_t columns, ptrdiff_t first, size_t reach, const float *weights, float *matrix);
/// The way back: adds to the gradient of each weight the elements of `matrix` that it fills.
void cloze_toeplitz_gradient(
    size_t rows, size_t columns, ptrdiff_t first, size_t reach, const float *matrix, float *weights);

#define CLOZE_DECLARE(T, SUFFIX)                                                                                      \
  void cloze_embedding_##SUFFIX(                                                                                      \
      size_t rows, size_t width, const int32_t *tokens, const int32_t *positions, const int32_t *segments,            \
      const float *token_table, const float *position_table, const float *segment_table, T *output);                  \
  void cloze_scatter_add_##SUFFIX(size_t rows, size_t width, const int32_t *indices, const T *source, float *table);  \
  /* sum = residual + dropout(input); output = norm(sum). residual may be NULL, and sum the input. */                 \
  void cloze_norm_##SUFFIX(                                                                                           \
      size_t rows, size_t width, float epsilon, const cloze_dropout *dropout, const T *residual, const T *input,      \
      const float *gain, const float *bias, T *sum, T *output, float *mean, float *inverse_deviation);                \
  void cloze_norm_gradient_##SUFFIX(                                                                                  \
      size_t rows, size_t width, const cloze_dropout *dropout, const T *output_gradient, const T *sum,                \
      const float *gain, const float *mean, const float *inverse_deviation, T *residual_gradient,                     \
      int residual_accumulates, T *input_gradient, int input_accumulates, float *gain_gradient,                       \
      float *bias_gradient);                                                                                          \
  /* output = residual + dropout(input). residual may be NULL; the output may be either. */                           \
  void cloze_dropout_rows_##SUFFIX(                                                                                   \
      size_t rows, size_t width, const cloze_dropout *dropout, const T *residual, const T *input, T *output);         \
  void cloze_activation_##SUFFIX(int kind, size_t count, const T *input, T *output);                                  \
  void cloze_activation_gradient_##SUFFIX(                                                                            \
      int kind, size_t count, const T *input, const T *output_gradient, T *input_gradient);                           \
  /* input [rows, 2 width] to output [rows, width]: the activation of the first half of a row times its second half. */ \
  void cloze_gated_activation_##SUFFIX(int kind, size_t rows, size_t width, const T *input, T *output);               \
  void cloze_gated_activation_gradient_##SUFFIX(                                                                      \
      int kind, size_t rows, size_t width, const T *input, const T *output_gradient, T *input_gradient);              \
  void cloze_gru_##SUFFIX(                                                                                            \
      const cloze_recurrent_step *step, const T *input, const float *product, float *state, T *operand, T *kept,      \
      T *output);                                                                                                     \
  void cloze_lstm_##SUFFIX(                                                                                           \
      const cloze_recurrent_step *step, const T *input, const float *product, float *cell, T *operand, T *kept,       \
      T *output);                                                                                                     \
  void cloze_gru_gradient_##SUFFIX(                                                                                   \
      const cloze_recurrent_step *step, const T *kept, const T *previous, const T *output_gradient,                   \
      float *state_gradient, T *input_gradient, T *product_gradient);                                                 \
  void cloze_lstm_gradient_##SUFFIX(                                                                                  \
      const cloze_recurrent_step *step, const T *kept, const T *previous, const T *output_gradient,                   \
      float *state_gradient, float *cell_gradient, T *input_gradient, T *product_gradient);                           \
  /* output = content * (mixed + bias); kept = mixed + bias. All have `stride`, but for the dense `mixed`. */         \
  void cloze_gate_##SUFFIX(                                                                                           \
      size_t rows, size_t columns, size_t stride, float bias, const T *content, const float *mixed, T *kept,          \
      T *output);                                                                                                     \
  /* content_gradient = output_gradient * kept, or += ; mixed_gradient = output_gradient * content, in f32 */         \
  void cloze_gate_gradient_##SUFFIX(                                                                                  \
      size_t count, const T *output_gradient, const T *content, const T *kept, T *content_gradient,                   \
      int accumulates, float *mixed_gradient);                                                                        \
  /* destination = source, or += */                                                                                   \
  void cloze_load_##SUFFIX(size_t count, const T *source, float *destination);                                        \
  void cloze_store_##SUFFIX(size_t count, const float *source, T *destination, int accumulates);                      \
  /* Turns elements i and i + width / 2 of each head by the angle of the row's position, in place; `table` has for each    \
     position width / 2 cosines, then as many sines. `direction` is 1, or -1 to turn back. */                            \
  void cloze_rotary_##SUFFIX(                                                                                         \
      size_t rows, size_t heads, size_t width, size_t stride, const int32_t *positions, const float *table,           \
      float direction, T *values);                                                                                    \
  void cloze_column_sum_##SUFFIX(size_t rows, size_t columns, const T *values, float *sums);                          \
  /* destination[i] += source[i] */                                                                                   \
  void cloze_add_##SUFFIX(size_t count, T *destination, const T *source);
CLOZE_DECLARE(float, f32)
CLOZE_DECLARE(cloze_bf16, bf16)
#undef CLOZE_DECLARE

/// Softmax and cross-entropy of f32 `logits` against `labels` (-1: no prediction). If `gradient_scales` is not NULL, the
/// gradient of each row's loss, multiplied by gradient_scales[row], overwrites the row's logits.
void cloze_cross_entropy(
    size_t rows, size_t classes, float smoothing, float *logits, const int32_t *labels, float *losses,
    int32_t *ranks, const float *gradient_scales);

/// The largest of the values, of which NaN is none; -infinity where there is none.
float cloze_maximum(size_t count, const float *values);

/// results[row] = log Σ e^logits[row]
void cloze_log_sum_exp(size_t rows, size_t classes, const float *logits, float *results);

/// weights[j] = e^(scale (logits[j] - maximum)), 0 where the logit is -infinity
void cloze_sampling_weights(size_t classes, float scale, const float *logits, float *weights);

/// The nonlinearities, each a function of `activations.h`.
enum {
  CLOZE_GELU, CLOZE_GELU_10, CLOZE_GELU_TANH, CLOZE_QUICK_GELU, CLOZE_SILU, CLOZE_MISH, CLOZE_RELU, CLOZE_RELU2,
  CLOZE_RELU6, CLOZE_LEAKY_RELU, CLOZE_HARDSWISH, CLOZE_SIGMOID, CLOZE_TANH, CLOZE_LAPLACE, CLOZE_LINEAR,
  CLOZE_SQRT_SOFTPLUS
};
