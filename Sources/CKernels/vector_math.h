// Functions of one number that the compiler can turn into vector code: no branches, no tables, no calls.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kernels.h"

// The loader chooses among clones before the thread sanitizer is initialised, so it gets none.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
// a * b + c may be fused.
#define FUSED _Pragma("clang fp contract(fast)")
// Sums may be reordered as well, which vector code needs; NaN and infinity keep their meaning.
#define FAST _Pragma("clang fp reassociate(on) contract(fast)")
// Before a loop: no iteration reads what another one writes. Otherwise the compiler asks at run time whether any memory
// overlaps, once for all rows, and may then run scalar code, which rounds in another way: the bits of a row would depend on
// the number of rows. It does not heed `restrict` inside a function for that.
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define INLINE static inline __attribute__((always_inline))

INLINE float float_from_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINE uint32_t bits_from_float(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

INLINE float load_f32(float value) { return value; }
INLINE float store_f32(float value) { return value; }
INLINE float load_bf16(cloze_bf16 value) { return float_from_bits((uint32_t)value << 16); }

// Rounds to nearest, ties to even; NaN stays NaN.
INLINE cloze_bf16 store_bf16(float value) {
  uint32_t bits = bits_from_float(value);
  uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  return (cloze_bf16)(value != value ? 0x7FC0 : rounded);
}

// e^x to about 1e-7 relative: x = n ln 2 + r, a polynomial for e^r (Cephes' expf), n into the exponent.
//
// Adding 1.5 * 2^23 rounds to a whole number n and leaves it in the lowest bits; reordered, that would round nothing.
INLINE float vector_exp(float x) {
  FUSED
  x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  float shifted = x * 1.44269504f + 12582912.0f;
  float n = shifted - 12582912.0f;
  float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * float_from_bits((bits_from_float(shifted) + 127) << 23);
}

// The normal distribution function Φ(x) and its density φ(x); erf after Abramowitz and Stegun 1964, 7.1.26.
INLINE void normal_distribution(float x, float *cumulative, float *density) {
  FAST
  float magnitude = x < 0 ? -x : x;
  float exponential = vector_exp(-0.5f * x * x);
  float t = 1.0f / (1.0f + 0.3275911f * 0.70710678f * magnitude);
  float tail = ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
  float lower = 0.5f * tail * exponential;
  *cumulative = x < 0 ? lower : 1.0f - lower;
  *density = 0.39894228f * exponential;
}

INLINE float vector_tanh(float x) {
  float e = vector_exp(2.0f * x);
  return 1.0f - 2.0f / (e + 1.0f);
}

INLINE float vector_sigmoid(float x) { return 1.0f / (1.0f + vector_exp(-x)); }

// -infinity without values. A NaN among them is passed over, so what the caller computes from all values has to show it.
INLINE float row_maximum(size_t count, const float *values) {
  // Sixteen lanes, since without leave to ignore NaN the compiler keeps the order of a single chain of maxima.
  float lanes[16], maximum = -__builtin_inff();
  for (size_t lane = 0; lane < 16; lane++) lanes[lane] = maximum;
  size_t j = 0;
  for (; j + 16 <= count; j += 16)
    for (size_t lane = 0; lane < 16; lane++)
      lanes[lane] = values[j + lane] > lanes[lane] ? values[j + lane] : lanes[lane];
  for (; j < count; j++) maximum = values[j] > maximum ? values[j] : maximum;
  for (size_t lane = 0; lane < 16; lane++) maximum = lanes[lane] > maximum ? lanes[lane] : maximum;
  return maximum;
}
