// The random bits of a dropout, as a pure function of (key, index, row, column).
#pragma once
#include "vector_math.h"

// The random bits of a row: one block of Philox4x32-10 (Salmon et al. 2011), from which all words of the row are mixed.
typedef struct {
  uint32_t offset, middle;
} dropout_row;

INLINE dropout_row dropout_row_key(const cloze_dropout *dropout, uint64_t row) {
  uint32_t c0 = (uint32_t)row, c1 = (uint32_t)(row >> 32);
  uint32_t c2 = (uint32_t)dropout->index, c3 = (uint32_t)(dropout->index >> 32);
  uint32_t k0 = dropout->key[0], k1 = dropout->key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
    uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c0 = n0, c1 = (uint32_t)p1, c2 = n2, c3 = (uint32_t)p0;
    k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
  }
  return (dropout_row){c0, c1};
}

// 32 random bits: a hash of the word's number in the row. A vector unit computes a few elements in a cycle; Philox
// takes several cycles for one. The constants are those of Wellons 2018 ("Prospecting for hash functions"), the least
// biased with two multiplications.
INLINE uint32_t dropout_word(dropout_row row, uint32_t number) {
  uint32_t x = number * 0x9E3779B9u + row.offset;
  x ^= x >> 16;
  x *= 0x21F0AAADu;
  x ^= row.middle;
  x ^= x >> 15;
  x *= 0xD35A2D97u;
  return x ^ (x >> 15);
}

// The most elements of one call of `dropout_factors`; a row is processed in pieces of this length.
enum { DROPOUT_PIECE = 512 };

// The halves of such words. They are written as words, which C lets nobody read as another type, but for a type that says
// so.
typedef uint16_t __attribute__((may_alias)) dropout_bits;

// factors[i] = 0 or scale, for the elements [start, start + count) of a row; start is even. A word serves two elements.
INLINE void dropout_factors(
    const cloze_dropout *dropout, dropout_row row, size_t start, size_t count, float *factors) {
  uint32_t words[DROPOUT_PIECE / 2];
  for (size_t i = 0; i < (count + 1) / 2; i++) words[i] = dropout_word(row, (uint32_t)(start / 2 + i));
  const dropout_bits *bits = (const dropout_bits *)words;
  for (size_t i = 0; i < count; i++) factors[i] = bits[i] < dropout->threshold ? 0.0f : dropout->scale;
}
