// Softmax, loss and gradient of the vocabulary product, with one visit to each row of logits.
#include "vector_math.h"

CLONES void cloze_cross_entropy(
    size_t rows, size_t classes, float smoothing, float *logits, const int32_t *labels, float *losses,
    int32_t *ranks, const float *gradient_scales) {
  FAST
  for (size_t row = 0; row < rows; row++) {
    float *x = logits + row * classes;
    if (labels[row] < 0) {
      losses[row] = 0;
      ranks[row] = -1;
      if (gradient_scales) memset(x, 0, classes * sizeof *x);
      continue;
    }
    size_t label = (size_t)labels[row];
    float score = x[label];
    float maximum = row_maximum(classes, x), total = 0;
    for (size_t j = 0; j < classes; j++) total += x[j];
    // The number of classes with a higher logit than the label; of equal logits, the first counts as higher.
    int32_t rank = 0;
    for (size_t j = 0; j < label; j++) rank += x[j] >= score;
    for (size_t j = label + 1; j < classes; j++) rank += x[j] > score;
    ranks[row] = rank;
    float sum = 0;
    for (size_t j = 0; j < classes; j++) sum += vector_exp(x[j] - maximum);
    float normalizer = maximum + __builtin_logf(sum);
    float average = total / (float)classes;
    // A logit of -infinity has no share in a loss without smoothing.
    losses[row] = normalizer - (1 - smoothing) * score - (smoothing > 0 ? smoothing * average : 0);
    // Every comparison with NaN is false, so without this NaN would count as a correct prediction.
    if (losses[row] != losses[row]) ranks[row] = (int32_t)classes;
    if (gradient_scales) {
      float scale = gradient_scales[row], share = smoothing / (float)classes;
      for (size_t j = 0; j < classes; j++) x[j] = scale * (vector_exp(x[j] - normalizer) - share);
      x[label] = scale * (vector_exp(score - normalizer) - share - (1 - smoothing));
    }
  }
}

CLONES float cloze_maximum(size_t count, const float *values) { return row_maximum(count, values); }

CLONES void cloze_log_sum_exp(size_t rows, size_t classes, const float *logits, float *results) {
  FAST
  for (size_t row = 0; row < rows; row++) {
    const float *x = logits + row * classes;
    float maximum = row_maximum(classes, x), sum = 0;
    for (size_t j = 0; j < classes; j++) sum += vector_exp(x[j] - maximum);
    results[row] = maximum + __builtin_logf(sum);
  }
}

CLONES void cloze_sampling_weights(size_t classes, float scale, const float *logits, float *weights) {
  FAST
  float maximum = row_maximum(classes, logits);
  for (size_t j = 0; j < classes; j++) {
    float weight = vector_exp((logits[j] - maximum) * scale);
    weights[j] = logits[j] > -__builtin_inff() ? weight : 0;
  }
}
