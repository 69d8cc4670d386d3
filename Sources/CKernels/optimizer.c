// Passes over the flat parameter buffers, always f32.
#include <math.h>

#include "vector_math.h"

CLONES void cloze_convert_f32_bf16(size_t count, const float *source, cloze_bf16 *destination) {
  for (size_t i = 0; i < count; i++) destination[i] = store_bf16(source[i]);
}

CLONES double cloze_sum_of_squares(size_t count, const float *values) {
  FAST
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += (double)values[i] * values[i];
  return sum;
}

CLONES void cloze_adamw_update(
    size_t count, const cloze_adamw *settings, const float *gradient, float *value, float *first_moment,
    float *second_moment, cloze_bf16 *copy) {
  FAST
  cloze_adamw s = *settings;
  float step = s.learning_rate / s.correction1;
  float root = 1.0f / sqrtf(s.correction2);
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] * s.gradient_scale;
    float m = s.beta1 * first_moment[i] + (1 - s.beta1) * g;
    float v = s.beta2 * second_moment[i] + (1 - s.beta2) * g * g;
    first_moment[i] = m;
    second_moment[i] = v;
    value[i] = value[i] * (1 - s.learning_rate * s.decay) - step * m / (__builtin_elementwise_sqrt(v) * root + s.epsilon);
  }
  if (copy) {
    for (size_t i = 0; i < count; i++) copy[i] = store_bf16(value[i]);
  }
}

CLONES double cloze_adamw_relative_squares(
    size_t count, const cloze_adamw *settings, const float *gradient, const float *second_moment) {
  FAST
  cloze_adamw s = *settings;
  float least = s.epsilon * s.epsilon;
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] * s.gradient_scale;
    float v = (s.beta2 * second_moment[i] + (1 - s.beta2) * g * g) / s.correction2;
    sum += (double)(g * g / (v > least ? v : least));
  }
  return sum;
}

CLONES double cloze_muon_direction(
    size_t count, float gradient_scale, float beta, const float *gradient, float *momentum, float *direction) {
  FAST
  double sum = 0;
  for (size_t i = 0; i < count; i++) {
    float g = gradient[i] * gradient_scale;
    float m = beta * momentum[i] + (1 - beta) * g;
    float d = beta * m + (1 - beta) * g;
    momentum[i] = m;
    direction[i] = d;
    sum += (double)d * d;
  }
  return sum;
}

CLONES void cloze_muon_update(
    size_t count, float keep, float rate, const float *direction, float *value, cloze_bf16 *copy) {
  FUSED
  for (size_t i = 0; i < count; i++) value[i] = value[i] * keep - rate * direction[i];
  if (copy) {
    for (size_t i = 0; i < count; i++) copy[i] = store_bf16(value[i]);
  }
}

CLONES void cloze_scale(size_t count, float factor, float *values) {
  for (size_t i = 0; i < count; i++) values[i] *= factor;
}

CLONES void cloze_running_mean(size_t count, float weight, const float *value, float *mean) {
  for (size_t i = 0; i < count; i++) mean[i] = mean[i] + (value[i] - mean[i]) * weight;
}
