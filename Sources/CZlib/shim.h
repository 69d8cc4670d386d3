#pragma once
#include <zlib.h>
// `inflateInit2` is a macro, which Swift cannot import; 15 + 32 detects gzip and zlib headers by itself.
static inline int cloze_inflate_init_gzip(z_stream *stream) { return inflateInit2(stream, 15 + 32); }
