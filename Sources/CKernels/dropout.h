// The random bits of a dropout, as a pure function of (key, index, row, column).
#pragma once
#include "vector_math.h"

// Philox4x32-10 (Salmon et al. 2011) for `blocks` consecutive blocks of a row. Word w of block b is at bits[w * blocks
// + b], so that the loop runs over blocks and stores whole vectors.
INLINE void philox_row(const cloze_dropout *dropout, uint64_t row, size_t blocks, uint32_t *words) {
  // A row owns 2^20 blocks; `dropout_factors` uses the first 64 for each piece.
  uint64_t first = row << 20;
  uint32_t index_low = (uint32_t)dropout->index, index_high = (uint32_t)(dropout->index >> 32);
  for (size_t b = 0; b < blocks; b++) {
    uint64_t position = first + b;
    uint32_t c0 = (uint32_t)position, c1 = (uint32_t)(position >> 32), c2 = index_low, c3 = index_high;
    uint32_t k0 = dropout->key[0], k1 = dropout->key[1];
#pragma clang loop unroll(full)
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = (uint64_t)c0 * 0xD2511F53u, p1 = (uint64_t)c2 * 0xCD9E8D57u;
      uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
      c0 = n0, c1 = (uint32_t)p1, c2 = n2, c3 = (uint32_t)p0;
      k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    words[b] = c0;
    words[blocks + b] = c1;
    words[2 * blocks + b] = c2;
    words[3 * blocks + b] = c3;
  }
}

// Elements a call of `dropout_factors` handles; a row is cut into pieces of this length.
enum { DROPOUT_PIECE = 512 };

// factors[i] = 0 or scale, for the elements [start, start + count) of a row; start is a multiple of DROPOUT_PIECE.
INLINE void dropout_factors(
    const cloze_dropout *dropout, uint64_t row, size_t start, size_t count, float *factors) {
  uint32_t words[DROPOUT_PIECE / 2];
  // Each piece has a stream of its own: the caller's index leaves the upper 16 bits free.
  cloze_dropout piece = *dropout;
  piece.index += (uint64_t)(start / DROPOUT_PIECE) << 48;
  philox_row(&piece, row, (count + 7) / 8, words);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (words[i >> 1] >> (16 * (i & 1))) & 0xFFFF;
    factors[i] = bits < dropout->threshold ? 0.0f : dropout->scale;
  }
}
