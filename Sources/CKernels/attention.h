// What the two attentions share.
#pragma once
#include "vector_math.h"

// The first key that query `row` of a span sees, and the end of those that it sees.
INLINE size_t first_visible(const cloze_visibility *visibility, size_t row) {
  size_t place = visibility->place + row;
  return place > visibility->behind ? place - visibility->behind : 0;
}

INLINE size_t end_visible(const cloze_visibility *visibility, size_t row, size_t keys) {
  size_t end = visibility->place + row + visibility->ahead + 1;
  return end < keys ? end : keys;
}
