// The cells of recurrent layers, for f32 and for bf16 activations.
#include "vector_math.h"

#define T float
#define LOAD load_f32
#define STORE store_f32
#define NAME(base) base##_f32
#include "recurrent.inc"
#undef T
#undef LOAD
#undef STORE
#undef NAME

#define T cloze_bf16
#define LOAD load_bf16
#define STORE store_bf16
#define NAME(base) base##_bf16
#include "recurrent.inc"
