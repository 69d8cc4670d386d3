// The nonlinearities, by their names in `transformers`, each followed by its derivative. All but one compile to vector
// code.
#pragma once
#include "vector_math.h"

typedef struct {
  float value, slope;
} activated;

// x Φ(x). Source: Hendrycks and Gimpel 2016, arXiv:1606.08415.
INLINE activated gelu(float x) {
  FAST
  float cumulative, density;
  normal_distribution(x, &cumulative, &density);
  return (activated){x * cumulative, cumulative + x * density};
}

// GELU, at most 10; it is never below -0.17.
INLINE activated gelu_10(float x) {
  activated y = gelu(x);
  return (activated){y.value > 10 ? 10 : y.value, y.value > 10 ? 0 : y.slope};
}

INLINE activated gelu_tanh(float x) {
  FAST
  float t = vector_tanh(0.79788456f * (x + 0.044715f * x * x * x));
  return (activated){
      0.5f * x * (1 + t), 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * 0.79788456f * (1 + 0.134145f * x * x)};
}

INLINE activated quick_gelu(float x) {
  FAST
  float s = vector_sigmoid(1.702f * x);
  return (activated){x * s, s * (1 + 1.702f * x * (1 - s))};
}

INLINE activated silu(float x) {
  FAST
  float s = vector_sigmoid(x);
  return (activated){x * s, s * (1 + x * (1 - s))};
}

// x tanh(ln(1 + e^x)). Source: Misra 2019, arXiv:1908.08681.
INLINE activated mish(float x) {
  // Not reordered: x n might overflow where n / (n + 2) does not.
  FUSED
  // With n = e^x (e^x + 2), tanh(ln(1 + e^x)) = n / (n + 2). Beyond 20 that is 1 in f32, and e^2x would overflow.
  float e = vector_exp(x > 20 ? 20 : x);
  float n = e * (e + 2), t = n / (n + 2);
  return (activated){x * t, t + x * (1 - t * t) * vector_sigmoid(x)};
}

INLINE activated relu(float x) { return (activated){x < 0 ? 0 : x, x > 0 ? 1 : 0}; }

INLINE activated relu2(float x) {
  float r = x < 0 ? 0 : x;
  return (activated){r * r, 2 * r};
}

INLINE activated relu6(float x) { return (activated){x < 0 ? 0 : x > 6 ? 6 : x, x > 0 && x < 6 ? 1 : 0}; }

INLINE activated leaky_relu(float x) { return (activated){x < 0 ? 0.01f * x : x, x > 0 ? 1 : 0.01f}; }

// x min(max(x + 3, 0), 6) / 6
INLINE activated hardswish(float x) {
  FAST
  return (activated){
      x <= -3 ? 0 : x >= 3 ? x : x * (x + 3) / 6, x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6};
}

INLINE activated sigmoid(float x) {
  FAST
  float s = vector_sigmoid(x);
  return (activated){s, s * (1 - s)};
}

INLINE activated hyperbolic_tangent(float x) {
  FAST
  float t = vector_tanh(x);
  return (activated){t, 1 - t * t};
}

// Φ((x - μ) / σ) with μ = √½ and σ = 1 / √(4π). Source: Ma et al. 2022 (MEGA), arXiv:2209.10655.
INLINE activated laplace(float x) {
  FAST
  float cumulative, density;
  normal_distribution((x - 0.707107f) / 0.282095f, &cumulative, &density);
  return (activated){cumulative, density / 0.282095f};
}

INLINE activated linear(float x) { return (activated){x, 1}; }

// √ln(1 + e^x); the logarithm is the C library's.
INLINE activated sqrt_softplus(float x) {
  float root = __builtin_sqrtf(x > 20 ? x : __builtin_log1pf(vector_exp(x)));
  return (activated){root, vector_sigmoid(x) / (2 * root)};
}

// One line each, for the two loops of `activation_rows.inc`: the number in `kernels.h` and the function.
#define ACTIVATIONS(each)                                                                                             \
  each(CLOZE_GELU, gelu) each(CLOZE_GELU_10, gelu_10) each(CLOZE_GELU_TANH, gelu_tanh)                                \
  each(CLOZE_QUICK_GELU, quick_gelu) each(CLOZE_SILU, silu) each(CLOZE_MISH, mish) each(CLOZE_RELU, relu)             \
  each(CLOZE_RELU2, relu2) each(CLOZE_RELU6, relu6) each(CLOZE_LEAKY_RELU, leaky_relu)                                \
  each(CLOZE_HARDSWISH, hardswish) each(CLOZE_SIGMOID, sigmoid) each(CLOZE_TANH, hyperbolic_tangent)                  \
  each(CLOZE_LAPLACE, laplace) each(CLOZE_LINEAR, linear) each(CLOZE_SQRT_SOFTPLUS, sqrt_softplus)
